/**
 * A market whose trust core has villains in it: a steward's place is taken by another key, fifty identities of one operator join, one manager
 * says two things and favours its friends, the key of another one is stolen. One object is stored before the first of them and read after the last.
 */
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { utf8 } from '../../base/bytes.ts'
import { type Address, addressOf, publicKeyOf } from '../../base/curve.ts'
import { sha256 } from '../../base/hash.ts'
import { encodeAssignMonitors, encodeSetLevel, encodeSetRoles, encodeSetStanding } from '../../chain/registry.ts'
import type { Member, Standing } from '../../chain/registry-members.ts'
import type { Hex } from '../../chain/rpc.ts'
import { homeAt } from '../../cli/home.ts'
import { newSecret, writeActorKey } from '../../cli/keys.ts'
import { readSecretFile } from '../../cli/passphrase.ts'
import { isTwoFaced, twoFacedEvidence } from '../../pool/assignment.ts'
import { drawPanel } from '../../pool/panel.ts'
import { addressesOf, ROLE } from '../../pool/registry-view.ts'
import { clustersOf } from '../../pricing/clusters.ts'
import { DEV_COST } from '../../store/keystore.ts'
import { show } from '../cast/show.ts'
import { startAlteredLogs } from '../cast/silent-key-change.ts'
import type { Robbery } from '../cast/stolen-delegate-key.ts'
import { isOfRing, RING } from '../cast/sybil-ring.ts'
import { rng } from '../net/nodes.ts'
import { killHard, type Line, until } from '../processes.ts'
import { marketLogs } from './chain-log.ts'
import {
  actAs,
  answerTo,
  appoint,
  askAbout,
  bringVerdict,
  daemonSays,
  keyOf,
  type Onlooker,
  openOnlooker,
} from './delegates.ts'
import { hashFile, useMarket } from './market.ts'
import { setStandings } from './registrar-acts.ts'

const programOf = (name: string) => fileURLToPath(new URL(`../cast/${name}.ts`, import.meta.url))
/** Waits end with their condition; this is for a machine that is busy with other things. */
const LIMIT_MS = 480_000

describe('market: villains in the trust core', function () {
  this.timeout(1_800_000)
  // fifty newcomers use up what a manager spends on a usual day, and the rest would have their roles tomorrow
  const market = useMarket(6, { monitors: 3, feeBudget: '10 ETH' })
  const object = { id: '', cap: '', sha256: '' }
  let look: Onlooker
  /** The manager that `up` appointed. */
  let manager: Address
  let monitors: readonly Address[]
  const told: string[] = []

  const member = (id: string) => look.registry.member(id as Address) as Member
  const stewards = () => market().ready.stewards.map(({ id }) => id as Address)
  const ok = async (...args: readonly string[]) => (await market().ok(args, { timeoutMs: LIMIT_MS })).last
  const lines = async (...args: readonly string[]) => (await market().ok(args, { timeoutMs: LIMIT_MS })).lines
  const start = (program: string, ...args: readonly string[]) =>
    market().sandbox.start([programOf(program), ...args], { program: process.execPath })
  const common = (home = market().home) => ['--home', home, '--json', '--no-input']
  /** @returns who gave it */
  async function read(what: { readonly id: string; readonly sha256: string } = object): Promise<readonly string[]> {
    const out = market().sandbox.path('read')
    const { holders } = await ok('get', what.id, '-o', out, '--overwrite', 'always')
    expect(await hashFile(out)).to.equal(what.sha256)
    return holders as string[]
  }
  async function put(name: string, code: string) {
    const { path, sha256 } = await market().file(name, 100_000)
    return { sha256, ...(await market().put(path, '--code', code)) }
  }
  const missing = async (id = object.id) =>
    (await market().shares(id)).filter(({ state, standing }) => state !== 'held' || standing !== undefined).length
  const standingOf = (id: Address, standing: Standing) =>
    encodeSetStanding(id, standing, 64, sha256(utf8(`nothing about ${id}`)))

  before(async () => {
    look = await openOnlooker(market())
    const { pool } = market().ready as unknown as { pool: { monitors: readonly { id: Address }[] } }
    monitors = pool.monitors.map(({ id }) => id)
    manager = (await keyOf(market(), 'manager')).id
  })
  let isOver = false
  after(() => {
    isOver = true
    look?.close()
    for (const line of told) console.log(`      ${line}`)
  })

  it('SilentKeyChange: logs altered on their way give a steward another key and one another address: the manager tells both, and acts on neither', async () => {
    const { pool } = market().ready as unknown as { pool: { manager: { pid: number } } }
    await killHard(pool.manager.pid) // it has seen everybody once; the next look is due in 30 days
    await market().ok(['devnet', 'advance', '31d'], { timeoutMs: 400_000 })
    const [keyed, moved] = stewards().slice(4).map(member) as [Member, Member]
    const altered = await startAlteredLogs(market().ready.rpc, [
      [keyed.publicKey, publicKeyOf(newSecret(rng), false).slice(1)],
      [moved.secureAddr, moved.secureAddr.replace('/ip4/127.0.', '/ip4/127.9.')],
    ])
    const changes = async () => {
      const { silentChanges } = await daemonSays<{ silentChanges: { id: string; what: string }[] }>(
        market(),
        'manager',
        '/status',
      )
      return silentChanges.map(({ id, what }) => `${id} ${what}`).sort()
    }
    const found = [`${keyed.id} id`, `${keyed.id} key`, `${moved.id} endpoints`].sort()
    try {
      const { pid } = await ok('pool', 'manager', 'start', '--detach', '--rpc', altered.url)
      await until(
        async () => (await changes()).length === found.length,
        LIMIT_MS,
        'the manager to tell what changed in silence',
      )
      expect(await changes()).to.deep.equal(found)
      await killHard(pid as number)
    } finally {
      await altered.close()
    }
    await ok('pool', 'manager', 'start', '--detach')
    expect(await changes(), 'kept').to.deep.equal(found)
    expect([keyed, moved].map(({ id }) => member(id).standing)).to.deep.equal(['compliant', 'compliant'])
  })

  it('SilentKeyChange: another key in a steward’s place is asked for nothing and reported; at an address that an event announced the steward serves again', async () => {
    Object.assign(object, await put('kept', '2/4'))
    const [victim] = (await market().shares(object.id)).map(({ steward }) => steward as Address) as [Address]
    const { pid } = market().ready.stewards.find(({ id }) => id === victim) as { pid: number }
    await killHard(pid)
    const impostor = start('silent-key-change', 'steward', 'start', '--id', victim, ...common())
    await impostor.line(({ type }) => type === 'ready', LIMIT_MS)
    type Told = {
      reports: { accused: string; kind: string; outcome?: string; why: string }[]
      verdicts: { accused: string }[]
    }
    const logs = () => Promise.all(monitors.map((id) => daemonSays<Told>(market(), 'monitor', '/log', id)))
    const reports = async () => (await logs()).flatMap((log) => log.reports).filter(({ accused }) => accused === victim)
    // whom a reader asks first is chance
    for (let reads = 0; reads < 12 && (await reports()).length === 0; reads++)
      expect(await read()).to.not.include(victim)
    await until(
      async () => {
        const all = await reports()
        return all.length > 0 && all.every(({ why }) => /PEER_HANDSHAKE/.test(why))
      },
      LIMIT_MS,
      'a monitor to have looked, and to have met the other key',
    )
    for (const report of await reports()) expect(report).to.include({ kind: 'timeout', outcome: 'open' })
    expect((await logs()).flatMap(({ verdicts }) => verdicts)).to.deep.equal([])
    const { secureAddr } = member(victim)
    const moved = secureAddr.replace(/\/tcp\/.*$/, '/tcp/0')
    await ok('steward', 'start', '--id', victim, '--listen', moved, '--detach')
    await until(() => member(victim).secureAddr !== secureAddr, LIMIT_MS, 'its new address in the registrar')
    let served = 0
    for (let reads = 0; reads < 12 && served === 0; reads++)
      served = (await read()).filter((id) => id === victim).length
    const asked = impostor.lines.filter(({ type }) => type === 'met' || type === 'served').length
    impostor.kill()
    const { standing } = member(victim)
    show('SilentKeyChange, in a steward’s place', { gain: asked, peer: served, loss: standing === 'compliant' ? 0 : 1 })
    expect(await missing()).to.equal(0)
  })

  it('SybilRing: fifty identities of one network win no lot as newcomers, at most ⌊(n − k) / 2⌋ of an object, and one seat among those who watch and judge', async () => {
    const ring = start('sybil-ring', 'steward', 'start', ...common())
    const { ids } = await ring.line(({ type }) => type === 'ready', LIMIT_MS)
    const isRing = (id: string) => (ids as string[]).includes(id)
    const roles = ROLE.repository | ROLE.monitor
    await until(
      () => (ids as string[]).every((id) => member(id)?.roles === roles),
      LIMIT_MS,
      'the manager to give fifty their roles',
    )
    /** Puts until more of the ring bid, and less than anybody else, than there are lots: by price alone they would have them all. */
    async function auctioned(name: string, code: string, lots: number) {
      for (let tries = 1; ; tries++) {
        const stored = await put(`${name}-${tries}`, code)
        const { scores } = (stored as unknown as Line)['auction'] as {
          scores: { steward: string; bid: string; won: boolean }[]
        }
        const cheapest = scores.toSorted((a, b) => Number(a.bid) - Number(b.bid))
        const theirs = cheapest.filter(({ steward }) => isRing(steward))
        expect(cheapest.slice(0, theirs.length)).to.deep.equal(theirs)
        if (theirs.length > lots || tries === 4)
          return { stored, bids: theirs.length, won: theirs.filter(({ won }) => won).length }
      }
    }
    const young = await auctioned('among-grown', '2/4', 4)
    expect(young.bids).to.be.above(4)
    expect(young.won, 'where enough are grown').to.equal(0)

    // six are grown and eight are wanted: newcomers are let in, and only the cluster rule holds them
    const wide = await auctioned('wide', '3/8', 8)
    expect(wide.bids).to.be.above(8)
    const shares = (await market().shares(wide.stored.id)).filter(({ type }) => type === 'share')
    const theirs = shares.filter(({ steward }) => isRing(steward)).length
    expect(shares).to.have.length(8)

    const everybody = [...look.registry.members()]
    const clusters = clustersOf(everybody.map((one) => ({ id: one.id, addresses: addressesOf(one) })))
    const candidates = everybody
      .filter((one) => (one.roles & ROLE.monitor) !== 0)
      .map(({ id }) => ({ id, cluster: clusters.of.get(id) }))
    const { hash } = look.chain.latest()
    const seats = stewards().map((accused) => {
      const panel = drawPanel(candidates, new Set([accused]), { block: Buffer.from(hash.slice(2), 'hex'), accused })
      return panel.seats.filter(({ id }) => isRing(id)).length
    })
    expect(Math.max(...seats), `of ${monitors.length + 1} independent monitors`).to.be.at.most(1)
    for (const id of stewards()) expect(member(id).monitors.filter(isRing), 'who watched before').to.deep.equal([])
    for (const id of ids as string[])
      expect(member(id).monitors.filter(isRing), 'nobody of it watches it').to.deep.equal([])

    ring.kill()
    const bytes = await read(wide.stored).then(
      () => 0,
      () => 100,
    )
    show('SybilRing, in a market', { gain: theirs, peer: shares.length - theirs, loss: bytes })
    told.push(`${RING} identities: ${young.bids} bids and no share of 4, ${wide.bids} bids and ${theirs} shares of 8`)
  })

  it('TwoFacedManager: friends watch its agent, a cheat is free and an honest steward banned; two of its answers end it, and what it did is put back', async () => {
    const [honest, cheat] = stewards() as [Address, Address]
    await setStandings(market(), [cheat], 'banned')
    const liar = await appoint(market(), look, 'liar', ROLE.manager)
    const process_ = start('two-faced-manager', 'pool', 'manager', 'start', ...common(liar.home))
    await process_.line(({ type }) => type === 'ready')
    await market().ok(['up', '--stewards', '7', '--monitors', '3', '--detach'], { timeoutMs: LIMIT_MS })
    const agent = [...look.registry.members()].find(({ manager: its }) => its === liar.id)?.id as Address
    await until(() => member(agent).monitors.length === 3, LIMIT_MS, 'its watchers')
    expect(member(agent).monitors.map(member).every(isOfRing), 'anybody sees: all in one network').to.equal(true)

    await actAs(look, liar, standingOf(cheat, 'compliant'), standingOf(honest, 'banned'))
    const tries: Readonly<Record<string, Hex>> = {
      'its own standing': standingOf(liar.id, 'compliant'),
      'a higher level': encodeSetLevel(liar.id, 'master'),
      'more roles': encodeSetRoles(liar.id, ROLE.manager | ROLE.registrar),
      'watchers of another’s agent': encodeAssignMonitors(honest, member(agent).monitors),
      'a watcher without the role': encodeAssignMonitors(agent, [honest]),
    }
    for (const [what, data] of Object.entries(tries))
      expect(await answerTo(look, liar.id, data), what).to.equal('refused')
    const entries = (await lines('pool', 'registrar', 'log')).filter(({ by }) => by === liar.id)
    expect(
      entries.filter(({ what }) => what === 'StandingChanged').map(({ id, detail }) => [id, detail]),
    ).to.have.deep.members([
      [cheat, 'compliant'],
      [honest, 'banned'],
    ])

    const [one, other] = await Promise.all([
      askAbout(look, liar.id, agent, await keyOf(market(), 'steward', stewards()[2])),
      askAbout(look, liar.id, agent, await keyOf(market(), 'monitor', monitors[0])),
    ])
    expect(other.monitors, 'what monitors are told').to.have.members(monitors)
    expect(one.monitors, 'what is on the chain').to.have.members(member(agent).monitors)
    expect(isTwoFaced(one, other)).to.equal(true)
    const evidence = twoFacedEvidence(one, other)
    await bringVerdict(look, manager, await keyOf(market(), 'monitor', monitors[0]), {
      accused: liar.id,
      finding: 'two-faced',
      evidence,
    })
    await until(() => member(liar.id).standing === 'violation', LIMIT_MS, 'the other manager to act on two signatures')
    const after = await Promise.all(
      [standingOf(honest, 'violation'), encodeAssignMonitors(agent, [])].map((data) => answerTo(look, liar.id, data)),
    )
    await ok('pool', 'manager', 'undo', liar.id)
    await until(
      () => member(honest).standing === 'compliant' && member(cheat).standing === 'banned',
      LIMIT_MS,
      'both put back',
    )
    await until(
      () => member(agent).manager === manager && member(agent).monitors.map(member).filter(isOfRing).length <= 1,
      LIMIT_MS,
      'the agent of the liar with another manager, and watchers of three networks',
    )
    process_.kill()
    await setStandings(market(), [cheat], 'compliant')
    await until(async () => (await missing()) === 0, LIMIT_MS, 'all shares with stewards in good standing')
    await read()
    show('TwoFacedManager, in a running pool', {
      gain: after.filter((answer) => answer === 'taken').length,
      peer: (await answerTo(look, manager, standingOf(honest, 'compliant'))) === 'taken' ? 1 : 0,
      loss: await missing(),
    })
  })

  it('StolenDelegateKey: bans the manager, a monitor and two holders, and strips others of their roles; the master ends it, everything is put back, and every read came through', async () => {
    const robbed = await appoint(market(), look, 'robbed', ROLE.manager | ROLE.registrar)
    const holders = [...new Set((await market().shares(object.id)).map(({ steward }) => steward as Address))].slice(
      0,
      2,
    )
    const idle = stewards().find((id) => !holders.includes(id)) as Address
    const [banned, stripped] = monitors as [Address, Address]
    const victims = [manager, banned, ...holders]
    const prey = [stripped, idle]
    const before = new Map(prey.map((id) => [id, member(id).roles]))
    const { devPassphrase } = homeAt(market().home, {})
    const reading = keepReading()
    const robbery: Robbery = {
      rpc: market().ready.rpc,
      registrar: look.registrar,
      master: [...look.registry.members()].find(({ level }) => level === 'master')?.id as Address,
      keystore: homeAt(robbed.home, {}).manager.keystore,
      passphraseFile: devPassphrase,
      victims,
      prey,
    }
    const thief = start('stolen-delegate-key', JSON.stringify(robbery))
    await thief.line(({ type }) => type === 'ready', LIMIT_MS)
    const acts = (type: string) => thief.lines.filter((line) => line.type === type).map(({ what }) => what)
    expect(acts('act')).to.have.length(victims.length + prey.length)
    expect(acts('refused'), 'what only the master, or the key itself, may').to.have.length(8)
    await look.registry.refresh()
    expect(victims.map((id) => member(id).standing)).to.deep.equal(victims.map(() => 'banned'))
    expect(prey.map((id) => [member(id).manager, member(id).roles])).to.deep.equal(prey.map(() => [robbed.id, 0]))

    // the manager cannot help itself: the master lets somebody act for it, and then takes the thief its roles
    const key = market().sandbox.path('helper.json')
    const secret = newSecret(rng)
    await writeActorKey(key, secret, { passphrase: await readSecretFile(devPassphrase), rng, cost: DEV_COST })
    const permit = market().sandbox.path('permit.json')
    await ok('pool', 'permit', 'grant', addressOf(secret), '--scope', 'registrar.standing', '--out', permit)
    const restore = () =>
      ok(
        'pool',
        'registrar',
        'standing',
        manager,
        'compliant',
        '--reason',
        '64',
        '--evidence',
        permit,
        '--permit',
        permit,
        '--key',
        key,
      )
    const bans = acts('act').length
    await restore()
    await until(() => acts('act').length > bans, LIMIT_MS, 'the thief to do it again')
    await ok('pool', 'registrar', 'role', robbed.id, 'none')
    const { code } = await thief.ended(LIMIT_MS)
    expect(code).to.equal(0)
    const since = acts('act').length
    await restore()
    await ok('pool', 'manager', 'undo', robbed.id)
    await until(() => victims.every((id) => member(id).standing === 'compliant'), LIMIT_MS, 'everybody put back')
    await until(
      () => prey.every((id) => member(id).manager === manager && member(id).roles === before.get(id)),
      LIMIT_MS,
      'manager and roles of those that were stripped',
    )
    await until(() => prey.every((id) => member(id).monitors.length === 3), LIMIT_MS, 'their watchers')
    await until(async () => (await missing()) === 0, LIMIT_MS, 'full redundancy')
    const { reads, failed } = await reading()
    expect(reads).to.be.above(0)
    told.push(`a stolen key: ${since} acts, ${acts('refused').length} refused, ${reads} reads meanwhile`)
    const entries = (await lines('pool', 'registrar', 'log')).filter(({ by }) => by === robbed.id)
    expect(
      entries.filter(({ what }) => what === 'StandingChanged'),
      'every act is in the log',
    ).to.have.length(since - prey.length)
    const stay = [...victims, ...prey].filter(
      (id) => !look.registry.inGoodStanding(id) || member(id).manager === robbed.id,
    )
    show('StolenDelegateKey, in a running pool', { gain: stay.length, peer: 1, loss: failed })
  })

  /** Reads again and again until told to stop, or until all is over. */
  function keepReading(): () => Promise<{ readonly reads: number; readonly failed: number }> {
    let isTold = false
    const loop = (async () => {
      const count = { reads: 0, failed: 0 }
      while (!isTold && !isOver)
        await read().then(
          () => count.reads++,
          () => count.failed++,
        )
      return count
    })()
    return () => {
      isTold = true
      return loop
    }
  }

  it('took no money: what was deposited is there, and nothing came back unpaid', async () => {
    const { deposited, withdrawn, advertFees, balances, posted, swept, revoked } = await marketLogs(market())
    const sum = (events: readonly { readonly amount: bigint }[]) => events.reduce((all, { amount }) => all + amount, 0n)
    const open = (sum(posted) - sum(swept) - sum(revoked)) * 10n ** 9n
    expect(deposited - withdrawn - advertFees * 10n ** 9n).to.equal(balances + open)
    expect(revoked).to.have.length(0)
  })
})
