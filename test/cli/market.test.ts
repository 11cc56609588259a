/** The program against a whole local market: what scripts rely on, and what bad input gets. Real processes; one market for all tests. */

import { spawnSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, readdirSync } from 'node:fs'
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { formatHold, parseHold } from '../../base/units.ts'
import { isAlive, type Line, type RunOptions, until, useSandbox } from '../processes.ts'

/** Two of four suffice here: four stewards make a market. */
const CODE = ['--code', '2/4']
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

interface Ready extends Line {
  readonly rpc: string
  readonly chainId: number
  readonly contracts: Readonly<Record<string, string>>
  readonly controller: { readonly pid: number; readonly api: string }
  readonly stewards: readonly { readonly id: string; readonly pid: number; readonly dataDir: string }[]
  readonly chain: { readonly pid: number }
}

describe('cli/market', function () {
  this.timeout(180_000)
  this.bail(true)
  const sandbox = useSandbox()
  const home = () => ['--home', sandbox().home]
  const run = (args: readonly string[], options?: RunOptions) => sandbox().run([...args, ...home()], options)
  const ok = (args: readonly string[], options?: RunOptions) => sandbox().ok([...args, ...home()], options)
  const json = async (args: readonly string[], options?: RunOptions) =>
    (await ok([...args, '--json'], options)).last as Line & Record<string, never>
  /** Once everything is backed up: a backup is an object, and pays a fee of its own. */
  const balance = async () => {
    const controller = async () =>
      (await json(['controller', 'status'])) as unknown as { balance: string; backup: { state: string } }
    await until(async () => (await controller()).backup.state === 'done', 60_000, 'a backup of everything')
    return (await controller()).balance
  }
  const fails = async (args: readonly string[], exit: number, code: string, options?: RunOptions) => {
    const { code: got, last, stderr } = await run([...args, '--json'], options)
    expect(`${got} ${String(last.code)}`, `${args.join(' ')}\n${stderr}`).to.equal(`${exit} ${code}`)
    expect(String(last.fix)).to.not.equal('')
    return last
  }
  const up = async () => (await json(['up', '--stewards', '4', '--detach'])) as unknown as Ready

  let ready: Ready
  const stored: { id: string; cap: string; bytes: Buffer; path: string }[] = []

  it('starts a market and says so in one line that scripts can read', async () => {
    ready = await up()
    expect(ready).to.include({ schema: 1, type: 'ready', chainId: 31_337 })
    for (const name of ['market', 'token', 'registrar', 'stakePool', 'mine'])
      expect(ready.contracts[name]).to.match(/^0x[0-9a-f]{40}$/)
    expect(ready.stewards).to.have.length(4)
    for (const { id, pid, dataDir } of ready.stewards) {
      expect(dataDir).to.equal(join(sandbox().home, 'stewards', id))
      expect(isAlive(pid)).to.equal(true)
    }
    const deployment = JSON.parse(await readFile(join(sandbox().home, 'deployment.json'), 'utf8'))
    expect(deployment).to.include({ schema: 1, chainId: 31_337, rpc: ready.rpc })
    expect(deployment.contracts.market.address).to.equal(ready.contracts.market)
  })

  it('leaves alone what runs already and prints the same line', async () => {
    expect(await up()).to.deep.equal(ready)
  })

  it('mines, deposits, stakes and lets go through the controller that runs, and says what it costs', async () => {
    const before = (await json(['wallet', 'show'])) as unknown as { deposited: string; wallet: string; account: string }
    expect(before.deposited).to.equal('1000')
    expect((await ok(['wallet', 'address'])).stdout.trim()).to.equal(before.account)
    const dry = await json(['wallet', 'deposit', '10', '--dry-run'])
    expect(dry).to.include({ dryRun: true })
    expect(dry.transactions).to.deep.equal(['approve', 'deposit'])
    const mined = (await json(['wallet', 'mine'])) as unknown as { mined: string }
    expect(Number(mined.mined)).to.be.closeTo(1_024, 1)
    expect(await json(['wallet', 'deposit', '10'])).to.include({ deposited: '1010' })
    expect(await json(['wallet', 'stake', '5', '--as-bond'])).to.include({ bonded: '5', staked: '0' })
    const left = await json(['wallet', 'unstake', '5', '--as-bond'])
    expect(left.leaving).to.have.length(1)
    expect(await json(['wallet', 'withdraw', '10'])).to.include({ deposited: '1000' })
    const exported = await ok(['wallet', 'export', '--csv'])
    expect(exported.stdout.split('\n').map((line) => line.split(',')[1])).to.include.members(['deposit', 'withdraw'])
    await fails(['wallet', 'deposit', '1000000'], 6, 'FUNDS_WALLET')
    await fails(['wallet', 'stake', '0.5'], 2, 'INPUT_RANGE')
    await fails(['wallet', 'unstake'], 6, 'FUNDS_WALLET')
    await fails(['wallet', 'withdraw', 'much'], 2, 'INPUT_FORMAT')
  })

  it('does the same with the money of a steward, through the steward that runs or without it', async () => {
    const [one, two] = ready.stewards as unknown as [{ id: string; pid: number }, { id: string }]
    await fails(['wallet', 'show', '--steward'], 2, 'INPUT_REQUIRED')
    expect((await json(['wallet', 'show', '--steward', one.id])).account).to.equal(one.id)
    const mined = (await json(['wallet', 'mine', '--steward', one.id])) as unknown as { mined: string }
    expect(Number(mined.mined)).to.be.above(0)
    expect(await json(['wallet', 'stake', '5', '--as-bond', '--steward', one.id])).to.include({ bonded: '5' })
    expect(await json(['wallet', 'deposit', '3', '--steward', one.id])).to.include({ deposited: '3' })
    process.kill(one.pid, 'SIGTERM')
    await until(() => !isAlive(one.pid), 15_000, 'the steward to end')
    expect(await json(['wallet', 'withdraw', 'all', two.id, '--steward', one.id])).to.include({ deposited: '0' })
    expect(Number((await json(['wallet', 'show', '--steward', two.id])).wallet)).to.equal(3)
    await ok(['steward', 'start', '--id', one.id, '--detach'])
    ready = await up()
  })

  it('stores files of 0 B, 1 B and some KiB, and gives them back by id, prefix and name, bit for bit', async () => {
    for (const [name, size] of [
      ['empty', 0],
      ['one', 1],
      ['some', 70_001],
    ] as const) {
      const path = sandbox().path(name)
      const bytes = randomBytes(size)
      await writeFile(path, bytes)
      const line = await json(['put', path, '--yes', '--show-cap', ...CODE])
      expect(line).to.include({ type: 'summary', command: 'put', bytes: size, complete: true })
      expect(line.id).to.match(/^[0-9a-f]{64}$/)
      expect(line.cap).to.match(/^hf1/)
      stored.push({ id: String(line.id), cap: String(line.cap), bytes, path })
    }
    for (const { id, bytes, path } of stored)
      for (const wanted of bytes.length > 1 ? [id.slice(0, 8), path.split('/').at(-1) ?? ''] : [id]) {
        const target = sandbox().path('back')
        const line = await json(['get', wanted, '-o', target, '--overwrite', 'always'])
        expect(line.sha256).to.equal(sha256(bytes))
        expect(sha256(await readFile(target))).to.equal(sha256(bytes))
      }
  })

  it('takes nothing for a file that is stored already, and says so', async () => {
    const before = await balance()
    const line = await json(['put', stored[2]?.path ?? '', '--yes', ...CODE])
    expect(line).to.include({ id: stored[2]?.id, unchanged: true, blobs: 0 })
    expect(await balance()).to.equal(before)
  })

  it('shows what stewards signed for, as lines and as a table of commas', async () => {
    const { lines, last } = await sandbox().ok(['receipts', '--json', ...home()])
    const of = lines.filter(({ type, object }) => type === 'receipt' && object === stored[2]?.id)
    expect(of.length, 'shares and copies').to.be.above(1)
    for (const receipt of of) {
      expect(receipt).to.include({ name: 'some', paid: '0', version: 1, state: 'held' })
      expect(Date.parse(receipt['end'] as string)).to.be.above(Date.parse(receipt['start'] as string))
      expect(Number(receipt['price'])).to.be.above(0)
    }
    const { stdout } = await sandbox().ok(['receipts', '--csv', ...home()])
    const [head, ...rows] = stdout.trimEnd().split('\n')
    // a backup of the ledger may have been stored meanwhile
    expect(rows.length).to.be.at.least(Number(last['receipts']))
    for (const row of rows) expect(row.split(',')).to.have.length(head?.split(',').length ?? 0)
    expect((await json(['receipts', '--since', '1d'])).receipts).to.be.at.least(rows.length)
  })

  it('says what letting an object go would mean, and does nothing in a dry run', async () => {
    const [, , some] = stored
    const line = await json(['rm', some?.id ?? '', '--now', '--dry-run'])
    expect(line).to.include({ command: 'rm', objects: 1, done: false })
    expect(Number(line.saved)).to.be.above(0)
    const { lines } = await sandbox().ok(['ls', '--json', ...home()])
    expect(lines.map(({ id }) => id)).to.include(some?.id)
    const { code, last } = await sandbox().run(['rm', 'nothing', '--yes', '--json', ...home()])
    expect([code, last['code']]).to.deep.equal([4, 'OBJECT_UNKNOWN'])
  })

  it('gives an object to whoever has its capability and the deployment, and to nobody without', async () => {
    const other = sandbox().path('other')
    await mkdir(other)
    await copyFile(join(sandbox().home, 'deployment.json'), join(other, 'deployment.json'))
    const target = sandbox().path('elsewhere')
    await sandbox().ok(['get', stored[2]?.cap ?? '', '-o', target, '--home', other])
    expect(sha256(await readFile(target))).to.equal(sha256(stored[2]?.bytes ?? Buffer.alloc(0)))
    const { code } = await sandbox().run(['get', stored[2]?.id ?? '', '-o', sandbox().path('no'), '--home', other])
    expect(code).to.equal(4)
    expect(existsSync(sandbox().path('no'))).to.equal(false)
  })

  it('reads standard input and writes standard output', async () => {
    const bytes = randomBytes(5_000)
    const { id } = await json(['put', '-', '--name', 'piped', '--yes', ...CODE], { input: bytes })
    const got = spawnSync(
      process.execPath,
      [new URL('../../cli/launch.js', import.meta.url).pathname, 'get', String(id), '-o', '-', ...home()],
      { maxBuffer: 1e6 },
    )
    expect(sha256(got.stdout)).to.equal(sha256(bytes))
  })

  it('stores standard input without a name, too: then get needs to be told where to', async () => {
    const bytes = randomBytes(300)
    const { stdout } = await ok(['put', '-', '--yes', ...CODE], { input: bytes })
    const [, id = ''] = /get it back: holdfast get ([0-9a-f]{8}) -o FILE --home /.exec(stdout) ?? []
    await fails(['get', id], 2, 'INPUT_REQUIRED')
    await ok(['get', id, '-o', sandbox().path('nameless')])
    expect(sha256(await readFile(sandbox().path('nameless')))).to.equal(sha256(bytes))
  })

  it('prints only the id with -q', async () => {
    expect((await ok(['ls', '-q'])).stdout.trim().split('\n')).to.include(stored[0]?.id)
    expect((await ok(['share', 'some', '-q'])).stdout.trim()).to.equal(stored[2]?.cap)
  })

  it('spends nothing in a dry run, and nothing over the budget', async () => {
    const before = await balance()
    const path = sandbox().path('new')
    await writeFile(path, randomBytes(1_000))
    expect(await json(['put', path, '--dry-run', ...CODE])).to.include({ dryRun: true })
    await fails(['put', path, '--budget', '0.00000001', ...CODE], 6, 'FUNDS_BUDGET')
    await fails(['put', path, '--max-price', '0.000001', ...CODE], 6, 'FUNDS_PRICE')
    await fails(['put', path, '--yes', '--code', '2/5'], 5, 'AUCTION_FEW')
    expect(await balance()).to.equal(before)
  })

  it('refuses what cannot be stored or fetched, each with its own code', async () => {
    await fails(['put', sandbox().path('missing'), '--yes'], 2, 'INPUT_FILE')
    await fails(['put', sandbox().dir, '--yes'], 2, 'INPUT_FILE')
    await fails(['put', '/dev/null', '--yes'], 2, 'INPUT_FILE')
    await fails(['put', stored[2]?.path ?? '', '--code', '5/4'], 2, 'INPUT_RANGE')
    await fails(['get', 'f'.repeat(64)], 4, 'OBJECT_UNKNOWN')
    await fails(['get', `${stored[2]?.cap.slice(0, -1)}`], 2, 'INPUT_CAP')
    await fails(['get', stored[2]?.id ?? '', '-o', stored[2]?.path ?? ''], 2, 'INPUT_EXISTS')
    await fails(['get', stored[2]?.id ?? '', '-o', sandbox().path('no', 'such', 'directory')], 2, 'INPUT_FILE')
    await fails(['devnet', 'advance', '1d', '--rpc', 'http://127.0.0.1:9'], 5, 'CHAIN_UNREACHABLE')
  })

  it('places what it can when there are fewer stewards than shares and that will do: exit 3; too few for any reading back: exit 5', async () => {
    const path = sandbox().path('wide')
    await writeFile(path, randomBytes(2_000))
    const { code, last } = await run(['put', path, '--yes', '--json', '--code', '2/6', '--allow-short'])
    expect(code).to.equal(3)
    expect(last).to.include({ type: 'summary', complete: false })
    const none = await run(['put', path, '--yes', '--json', '--name', 'none', '--code', '6/9', '--allow-short'])
    expect(none.code, JSON.stringify(none.last)).to.equal(5)
    expect(none.last).to.include({ type: 'error', code: 'AUCTION_FEW' })
  })

  it('moves the time; every bounty that was due is swept, and every share is proved', async () => {
    const line = await json(['devnet', 'advance', '9d'])
    expect(line).to.include({ type: 'summary', command: 'devnet' })
    expect(Number(line.advancedSeconds)).to.be.at.least(9 * 86_400)
    const { bounties } = (await json(['status'])).controller as unknown as { bounties: Record<string, number> }
    expect(bounties.posted).to.be.greaterThan(0)
    expect(bounties).to.include({ swept: bounties.posted, revoked: 0 })
    const { lines } = await ok(['stat', 'some', '--shares', '--json'])
    const shares = lines.filter(({ type }) => type === 'share')
    expect(shares).to.have.length(4)
    for (const share of shares) expect(share).to.include({ object: stored[2]?.id, segment: 0, state: 'held' })
    for (const share of shares) expect(Number(share.checksDone)).to.be.greaterThan(0)
    expect(lines.filter(({ type }) => type === 'copy')).to.have.length(4)
    for (const { blobId, steward } of shares as unknown as { blobId: string; steward: string }[]) {
      const path = join(sandbox().home, 'stewards', steward, 'blobs', blobId.slice(0, 2), blobId)
      expect(sha256(await readFile(path))).to.equal(blobId)
    }
  })

  it('tells what each steward earned from the chain alone, and it is what the stewards say', async () => {
    const { lines, last } = await ok(['steward', 'earnings', '--json'])
    expect(last).to.include({ missed: '0', unit: 'HOLD' })
    expect(Number(last['fees'])).to.be.above(0)
    const months = lines.filter(({ type }) => type === 'earnings')
    for (const { id } of ready.stewards) {
      const earned = months
        .filter(({ steward }) => steward === id)
        .reduce((sum, { swept, vouchers }) => sum + parseHold(String(swept)) + parseHold(String(vouchers)), 0n)
      expect(earned > 0n, id).to.equal(true)
      expect(formatHold(earned)).to.equal((await json(['steward', 'status', '--id', id])).earned)
    }
    const { stdout } = await ok(['steward', 'earnings', '--csv', '--id', ready.stewards[0]?.id ?? ''])
    const rows = stdout.trimEnd().split('\n')
    expect(rows).to.have.length(1 + months.filter(({ steward }) => steward === ready.stewards[0]?.id).length)
    expect(await json(['steward', 'earnings', '--since', '1s'])).to.include({ swept: '0', fees: '0' })
    await fails(['steward', 'earnings', '--id', `0x${'1'.repeat(40)}`], 10, 'CONFIG_NOT_INITIALISED')
  })

  it('shows what the daemons wrote: by role, by weight, and on and on', async () => {
    const id = ready.stewards[0]?.id ?? ''
    const { lines } = await ok(['logs', '--id', id, '--json'])
    const written = lines.filter(({ type }) => type === 'log')
    expect(written.map(({ msg }) => msg)).to.include('bounty.paid')
    for (const line of written) expect(line).to.include({ role: 'steward', id })
    const times = written.map(({ time }) => String(time))
    expect(times).to.deep.equal(times.toSorted())
    const { stdout } = await ok(['logs', '--role', 'controller', '--level', 'info'])
    expect(stdout).to.match(/info {3}controller {2}round opened {2}steward=0x/)
    const following = sandbox().start(['logs', '-f', '--role', 'steward', '--since', '1s', '--json', ...home()])
    await ok(['steward', 'pause', '--id', id])
    await ok(['devnet', 'advance', '20d'])
    await following.line(({ msg }) => msg === 'bounty.paid', 30_000)
    following.kill('SIGINT')
    expect((await following.ended(10_000)).code).to.equal(130)
    await fails(['logs', '--level', 'loud'], 2, 'INPUT_FORMAT')
  })

  it('brings back a steward that was killed with -9, and tells meanwhile; it is paused as it was', async () => {
    const [steward] = ready.stewards
    process.kill(steward?.pid ?? 0, 'SIGKILL')
    await until(() => !isAlive(steward?.pid ?? 0), 10_000, 'the steward to die')
    const { code, lines } = await run(['status', '--json'])
    expect(code).to.equal(3)
    expect(lines.find(({ type, id }) => type === 'daemon' && id === steward?.id)).to.include({ state: 'down' })
    const line = await json(['devnet', 'advance', '1h'])
    expect(JSON.stringify(line.skipped)).to.include(steward?.id.slice(0, 10))
    const started = await json(['steward', 'start', '--id', steward?.id ?? '', '--detach'])
    expect(started).to.include({ type: 'ready', role: 'steward', id: steward?.id })
    await ok(['status', '--wait-ready', '30s'])
    const id = steward?.id ?? ''
    expect(await json(['steward', 'status', '--id', id])).to.include({ isPaused: true, isOpen: false })
    expect(await json(['steward', 'resume', '--id', id, '--dry-run'])).to.include({ dryRun: true, isPaused: false })
    expect(await json(['steward', 'resume', '--id', id])).to.include({ isPaused: false })
    expect(await json(['steward', 'status', '--id', id])).to.include({ isPaused: false, isOpen: true })
    await fails(['steward', 'start', '--id', steward?.id ?? ''], 11, 'STORE_LOCKED')
    await ok(['get', 'some', '-o', sandbox().path('again')])
  })

  it('lists and looks without a controller, and puts with a warning that nobody will post bounties', async () => {
    const { controller } = await up()
    process.kill(controller.pid, 'SIGTERM')
    await until(() => !isAlive(controller.pid), 20_000, 'the controller to end')
    expect((await ok(['ls', '--json'])).lines.filter(({ type }) => type === 'object').length).to.be.at.least(4)
    await ok(['stat', 'some', '--shares'])
    const path = sandbox().path('alone')
    await writeFile(path, randomBytes(3_000))
    const { stderr } = await ok(['put', path, '--yes', ...CODE])
    expect(stderr).to.include('nobody will post bounties')
    await ok(['controller', 'start', '--detach'])
    expect((await ok(['get', 'alone', '-o', sandbox().path('alone.back')])).code).to.equal(0)
  })

  it('moves money without a controller, by its outbox', async () => {
    expect(await json(['wallet', 'withdraw', '1'])).to.include({ command: 'wallet withdraw' })
    expect(await json(['wallet', 'deposit', '1'])).to.include({ command: 'wallet deposit' })
  })

  it('refuses a chain that is not the one of deployment.json', async () => {
    const other = sandbox().path('foreign')
    await mkdir(other)
    const deployment = JSON.parse(await readFile(join(sandbox().home, 'deployment.json'), 'utf8'))
    await writeFile(join(other, 'deployment.json'), JSON.stringify({ ...deployment, genesis: `0x${'1'.repeat(64)}` }))
    const { code, stderr } = await sandbox().run([
      'get',
      stored[2]?.cap ?? '',
      '-o',
      sandbox().path('x'),
      '--home',
      other,
    ])
    expect(code).to.equal(14)
    expect(stderr).to.include('CHAIN_WRONG')
  })

  it('comes back as it was after everything was stopped', async () => {
    const before = await ok(['ls', '-q'])
    await ok(['down'])
    expect(sandbox().pids()).to.deep.equal([])
    expect(readdirSync(join(sandbox().home, 'run'))).to.deep.equal([])
    await up()
    expect((await ok(['ls', '-q'])).stdout).to.equal(before.stdout)
    await ok(['get', 'some', '-o', sandbox().path('after')])
    await ok(['down', '--wipe'])
    expect(existsSync(sandbox().home)).to.equal(false)
  })
})
