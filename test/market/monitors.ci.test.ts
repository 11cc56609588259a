/**
 * A market of four in which two serve badly: one keeps blobs hostage, one gives wrong bytes. Both sweep everything, so no bounty finds them out:
 * readers do. They report, a monitor looks for itself, the three monitors vote, and the verdict is there with evidence that holds offline.
 * Then the uploader itself turns bad, and one report of a steward convicts it.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { decodeEvidenceFile, encodeEvidenceFile } from '../../pool/evidence-file.ts'
import { killHard, type Line } from '../processes.ts'
import { hashFile, useMarket } from './market.ts'

const programOf = (name: string) => fileURLToPath(new URL(`../cast/${name}.ts`, import.meta.url))
const VILLAINS = ['hostage-steward', 'wrong-bytes-steward'] as const

interface MonitorLine extends Line {
  readonly accused: string
  readonly finding?: string
  readonly class: string
  readonly evidence?: string
  readonly monitor: string
  readonly kind?: string
  readonly outcome?: string
  readonly why?: string
}

describe('market: stewards that sweep and do not serve, and an uploader that pays nobody', function () {
  this.timeout(600_000)
  const market = useMarket(4, { monitors: 3 })
  let object: { id: string; sha256: string }
  let bad: readonly string[] = []

  const log = async () => (await market().ok(['pool', 'monitor', 'log'])).lines as MonitorLine[]
  const verdicts = async () => (await log()).filter(({ type }) => type === 'verdict')
  const launch = (program: string, args: readonly string[]) =>
    market()
      .sandbox.start([programOf(program), ...args, '--home', market().home, '--json', '--no-input'], {
        program: process.execPath,
      })
      .line(({ type }) => type === 'ready')

  const statusOf = async (id: string) => (await market().ok(['status'])).lines.find((line) => line['id'] === id) as Line

  before(async function () {
    this.timeout(120_000)
    const { stewards } = market().ready
    bad = VILLAINS.map((_, i) => stewards[i]?.id as string)
    for (const [i, name] of VILLAINS.entries()) {
      await killHard(stewards[i]?.pid as number)
      await launch(name, ['steward', 'start', '--id', bad[i] as string])
    }
  })

  it('has three monitors, in its ready line and in status', async () => {
    const { pool } = market().ready as unknown as {
      pool: { monitors: readonly { id: string; pid: number; api: string }[] }
    }
    expect(pool.monitors).to.have.length(3)
    const { lines } = await market().ok(['status'])
    expect(lines.filter(({ role, state }) => role === 'monitor' && state === 'ready')).to.have.length(3)
  })

  it('reads around both villains: every byte is right', async () => {
    const { path, sha256 } = await market().file('wanted', 300_000)
    object = { sha256, id: (await market().put(path, '--code', '2/4')).id }
    await market().ok(['devnet', 'advance', '2d'], { timeoutMs: 300_000 })
    const out = market().sandbox.path('read')
    // whom a reader asks first is chance: it reads until both were asked
    for (let reads = 0; reads < 12; reads++) {
      await market().ok(['get', object.id, '-o', out, '--overwrite', 'always'])
      expect(await hashFile(out)).to.equal(sha256)
      await market().ok(['devnet', 'advance', '1m'])
      const accused = new Set((await log()).filter(({ type }) => type === 'report').map((line) => line.accused))
      if (bad.every((id) => accused.has(id))) return
    }
    expect.fail('twelve reads, and not both villains were reported')
  })

  it('finds both out by reads of its own and the votes of three monitors, and nobody else', async () => {
    await market().ok(['devnet', 'advance', '3h'], { timeoutMs: 300_000 })
    const found = await verdicts()
    expect(new Set(found.map(({ accused }) => accused))).to.deep.equal(new Set(bad))
    // three are not seven: they advise, and no standing falls by it
    expect(new Set(found.map((line) => line.class))).to.deep.equal(new Set(['advice']))
  })

  it('writes the evidence to a file whose hash is the verdict\u2019s and which holds without a network', async () => {
    const [one] = await verdicts()
    const path = market().sandbox.path('evidence')
    await market().ok([
      'pool',
      'monitor',
      'report',
      one?.evidence as string,
      '--id',
      one?.monitor as string,
      '-o',
      path,
    ])
    expect(await hashFile(path)).to.equal(one?.evidence)
    const { last } = await market().ok(['pool', 'verify-evidence', path])
    expect(last).to.include({ accused: one?.accused, class: 'corroborable', convicts: true })
    const { code } = await market().run(['pool', 'verify-evidence', programOf('hostage-steward')])
    expect(code).to.equal(20)
    const { last: compared } = await market().ok(['pool', 'verify-evidence', path, '--on-chain'])
    expect(compared).to.include({ onChain: true, convicts: true })
    expect(compared['panel']).to.deep.include({ policy: { seats: 31, votes: 21, least: 7 } })
    // three of three convict by any count, so its bytes alone do not tell that the policy is made up
    const { panel, ...rest } = decodeEvidenceFile(await readFile(path))
    if (panel === undefined) return expect.fail('a panel found it')
    const invented = { ...rest, panel: { ...panel, policy: { seats: 3, votes: 2, least: 3 } } }
    await writeFile(path, encodeEvidenceFile(invented))
    await market().ok(['pool', 'verify-evidence', path])
    const refused = await market().run(['pool', 'verify-evidence', path, '--on-chain'])
    expect(refused.code).to.equal(20)
    expect(JSON.stringify(refused.lines)).to.contain('EVIDENCE_POLICY')
  })

  it('hears a steward that mended its ways: monitors look again, and a panel that was served acquits it', async () => {
    const [, id] = bad // of wrong bytes; the other one was found to time out, and silence moves no standing
    const found = (await verdicts()).filter((line) => line.accused === id)
    const standing = async () => (await market().ok(['pool', 'standing', id as string])).last['standing']
    expect(await standing(), JSON.stringify(found)).to.equal('probation')
    await killHard((await statusOf(id as string))['pid'] as number)
    await market().ok(['steward', 'start', '--id', id as string, '--detach'])
    const { last: status } = await market().ok(['pool', 'manager', 'status'])
    const decisions = status['decisions'] as readonly { id: string; evidenceHash: string }[]
    const about = decisions.find((one) => one.id === id)?.evidenceHash as string
    expect(found.map(({ evidence }) => evidence)).to.include(about)
    const { last } = await market().ok(['pool', 'appeal', about, '--id', id as string])
    expect(last).to.include({ outcome: 'open' })
    await market().ok(['devnet', 'advance', '3h'], { timeoutMs: 300_000 })
    expect(await standing(), 'a panel of its watchers acquitted it').to.equal('compliant')
    const again = (await verdicts()).filter(
      (line) => line.accused === id && (line['panel'] as { convicting: number } | undefined)?.convicting === 0,
    )
    expect(again, 'verdicts that say so').to.not.have.length(0)
  })

  it('convicts a BogusBountyUploader on one report of a steward', async () => {
    await killHard(market().ready.controller.pid)
    await launch('bogus-bounty-uploader', ['controller', 'start'])
    await market().ok(['devnet', 'advance', '9d'], { timeoutMs: 300_000 })
    const found = (await verdicts()).filter(({ finding }) => finding === 'bogus-bounty')
    expect(found.length).to.be.at.least(1)
    expect(new Set(found.map((line) => line.class))).to.deep.equal(new Set(['self-verifying']))
  })
})
