/**
 * F65: total loss. The uploader's machine is gone (its controller killed with -9, keys and ledger deleted); only the words are left. A new
 * home gets everything back: objects, answers, money; checks go on where they were, and nothing is asked or paid twice.
 */
import { existsSync } from 'node:fs'
import { copyFile, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { killHard, until } from '../processes.ts'
import { pidOf } from './after-crashes.ts'
import { marketLogs } from './chain-log.ts'
import { hashFile, type ShareLine, useMarket } from './market.ts'

const CODE = ['--code', '2/4']

describe('market: total loss, and the words (F65)', function () {
  this.timeout(600_000)
  this.bail(true)
  const market = useMarket(4, { backup: 'on' })
  const stored: { readonly id: string; readonly sha256: string; readonly cap: string }[] = []
  const words = () => market().sandbox.path('words')
  const fresh = () => market().sandbox.path('fresh')
  /** Runs with another home. */
  const at = async (home: string, args: readonly string[], timeoutMs = 120_000) =>
    market().sandbox.ok([...args, '--home', home, '--json'], { timeoutMs })
  const recoverArgs = (home: string, file = words()) => {
    const { rpc, contracts } = market().ready
    return ['recover', '--words-file', file, '--rpc', rpc, '--market', contracts.market as string, '--home', home]
  }

  async function store(name: string, size: number): Promise<void> {
    const { path, sha256 } = await market().file(name, size)
    const { id, cap } = await market().put(path, ...CODE)
    stored.push({ id, cap, sha256 })
  }

  async function backedUp(home: string): Promise<number> {
    let version = 0
    await until(
      async () => {
        const { last } = await at(home, ['controller', 'status'])
        const { state, version: found } = last['backup'] as { state: string; version?: number }
        version = found ?? 0
        return state === 'done'
      },
      60_000,
      'a backup of everything',
    )
    return version
  }

  before(() => copyFile(join(market().home, 'controller', 'words.txt'), words()))

  it('has nothing to restore before the first put, and says so', async () => {
    const { code, last } = await market().sandbox.run([...recoverArgs(fresh()), '--yes', '--json'])
    expect([code, last['code']]).to.deep.equal([4, 'BACKUP_NONE'])
    expect(existsSync(join(fresh(), 'keystore.json'))).to.equal(false)
  })

  it('backs up after puts, several in a row at once, as objects that ls does not show', async () => {
    await store('one', 40_000)
    await store('two', 1)
    await backedUp(market().home)
    const listed = (await market().ok(['ls'])).lines.filter(({ type }) => type === 'object')
    expect(listed.map(({ id }) => id)).to.have.members(stored.map(({ id }) => id))
    const all = (await market().ok(['ls', '--all'])).lines.filter(({ type }) => type === 'object')
    expect(all.filter(({ backup }) => backup !== undefined)).to.have.lengthOf.within(1, 2)
  })

  it('loses the machine after more checks than the backup knows of', async () => {
    await market().ok(['devnet', 'advance', '12d'])
    await killHard(await pidOf(market(), 'controller'))
    for (const gone of ['controller', 'keystore.json', 'dev-passphrase', 'puts'])
      await rm(join(market().home, gone), { recursive: true, force: true })
  })

  it('brings everything back from the words, on a machine that knows the address of the market', async () => {
    const { last } = await market().sandbox.ok([...recoverArgs(fresh()), '--yes', '--json'])
    expect(last).to.include({ type: 'summary', command: 'recover', objects: 2, placements: 16, caughtUp: true })
    const { deposited, withdrawn, advertFees, posted, revoked } = await marketLogs(market())
    const open =
      posted.reduce((sum, { amount }) => sum + amount, 0n) - revoked.reduce((sum, { amount }) => sum + amount, 0n)
    const gwei = 10n ** 9n
    const balance = deposited - withdrawn - (advertFees + open) * gwei
    expect(last['balance'], 'money').to.equal(
      `${balance / 10n ** 18n}.${String(balance % 10n ** 18n).padStart(18, '0')}`.replace(/\.?0+$/, ''),
    )
    const { objects } = (await at(fresh(), ['ls'])).last as unknown as { objects: number }
    expect(objects).to.equal(2)
    for (const { id, sha256, cap } of stored) {
      const out = market().sandbox.path(`back-${id.slice(0, 8)}`)
      await at(fresh(), ['get', id, '-o', out])
      expect(await hashFile(out)).to.equal(sha256)
      expect(((await at(fresh(), ['share', id])).last as unknown as { cap: string }).cap).to.equal(cap)
    }
  })

  it('overwrites no home, and takes no other words', async () => {
    const again = await market().sandbox.run([...recoverArgs(fresh()), '--yes', '--json'])
    expect([again.code, again.last['code']]).to.deep.equal([2, 'CONFIG_EXISTS'])
    const other = market().sandbox.path('other-words')
    await writeFile(other, `${'abandon '.repeat(11)}about\n`)
    const wrong = await market().sandbox.run([...recoverArgs(market().sandbox.path('wrong'), other), '--yes', '--json'])
    expect([wrong.code, wrong.last['code']]).to.deep.equal([4, 'BACKUP_NONE'])
  })

  it('goes on with its checks, its pay and its renewals, and asks nothing twice', async () => {
    await at(fresh(), ['controller', 'start', '--detach'])
    await at(fresh(), ['devnet', 'advance', '90d', '--with', market().home], 400_000)
    const { posted, swept, revoked } = await marketLogs(market())
    const unique = (items: readonly string[], what: string) => expect(new Set(items).size, what).to.equal(items.length)
    unique(
      posted.map(({ id }) => id),
      'bounties',
    )
    unique(
      posted.flatMap(({ challenges }) => challenges.map(({ blobId, nonce }) => `${blobId}/${nonce}`)),
      'rows',
    )
    expect(revoked, 'revoked').to.have.length(0)
    expect(new Set(swept.map(({ id }) => id)), 'swept').to.deep.equal(new Set(posted.map(({ id }) => id)))
    for (const { id } of stored) {
      const { lines } = await at(fresh(), ['stat', id, '--shares'])
      const shares = lines.filter(({ type }) => type === 'share' || type === 'copy') as ShareLine[]
      expect(shares).to.have.length(8)
      for (const { state, version, checksDone } of shares) {
        expect(state).to.equal('held')
        expect(version as number, 'renewed').to.be.above(1)
        expect(checksDone, 'the checks from before the loss count').to.be.at.least(5)
      }
    }
  })

  it('is safe again: the next loss costs nothing either', async () => {
    const { path, sha256 } = await market().file('three', 9_000)
    const { id } = (await at(fresh(), ['put', path, '--yes', ...CODE])).last as unknown as { id: string }
    await backedUp(fresh())
    const { pid } = JSON.parse(await readFile(join(fresh(), 'run', 'controller.json'), 'utf8')) as { pid: number }
    await killHard(pid)
    await rm(fresh(), { recursive: true, force: true })
    const third = market().sandbox.path('third')
    const { last } = await market().sandbox.ok([...recoverArgs(third), '--yes', '--json'])
    expect(last).to.include({ objects: 3, placements: 24 })
    const out = market().sandbox.path('back-three')
    await at(third, ['get', id, '-o', out])
    expect(await hashFile(out)).to.equal(sha256)
  })

  it('goes back to an older backup when it is told to, and makes none over the newer one until it is told to', async () => {
    const older = market().sandbox.path('older')
    const plan = async () =>
      (await market().sandbox.ok([...recoverArgs(market().sandbox.path('none')), '--dry-run', '--json']))
        .last as unknown as { readonly version: number; readonly backups: readonly { readonly version: number }[] }
    const { version: newest, backups } = await plan()
    const named = String(backups[1]?.version)
    const { code, last } = await market().sandbox.run([...recoverArgs(older), '--backup', named, '--yes', '--json'], {
      timeoutMs: 120_000,
    })
    expect(code, JSON.stringify(last)).to.equal(3)
    await at(older, ['controller', 'start', '--detach'])
    const stateOf = async () =>
      ((await at(older, ['controller', 'status'])).last['backup'] as { readonly state: string }).state
    expect(await stateOf()).to.equal('held')
    expect((await plan()).version, 'the newest is what it was').to.equal(newest)
    await at(older, ['controller', 'backup', '--yes'])
    expect(await backedUp(older)).to.be.above(newest)
  })
})
