/** Pool life as an operator meets it: real processes, a real chain, three homes. */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { expect } from 'chai'
import { toHex } from '../../base/bytes.ts'
import { sha256 } from '../../base/hash.ts'
import { type Devnet, startAnvil } from '../../chain/devnet.ts'
import { type Chain, connectChain } from '../../chain/rpc.ts'
import { clock, silent } from '../chain/ports.ts'
import { describeRun, type Line, useSandbox } from '../processes.ts'

const DAY = 86_400

describe('cli: a pool of one’s own', function () {
  this.timeout(300_000)
  const sandbox = useSandbox()
  let devnet: Devnet
  let chain: Chain
  const pool = () => sandbox().path('pool')
  let steward = ''
  let manager = ''
  let code = ''

  before(async () => {
    devnet = await startAnvil({ log: silent, clock })
    chain = await connectChain([devnet.url], { log: silent, clock, pollMs: 20 })
    await writeFile(sandbox().path('pass'), 'correct horse\n', { mode: 0o600 })
    await writeFile(sandbox().path('master-pass'), 'battery staple\n', { mode: 0o600 })
  })
  after(async () => {
    chain?.close()
    await devnet?.stop()
  })

  const common = (home: string) => ['--home', home, '--rpc', devnet.url, '--json', '--no-input']
  const PASS = () => ['--passphrase-file', sandbox().path('pass')]
  const MASTER = () => [...PASS(), '--master-passphrase-file', sandbox().path('master-pass')]
  async function ok(home: string, ...args: readonly string[]): Promise<Line> {
    return (await sandbox().ok([...args, ...common(home)])).last
  }
  async function lines(home: string, ...args: readonly string[]): Promise<readonly Line[]> {
    return (await sandbox().ok([...args, ...common(home)])).lines
  }
  async function refused(home: string, error: string, exit: number, ...args: readonly string[]): Promise<Line> {
    const run = await sandbox().run([...args, ...common(home)])
    expect([run.last['code'], run.code], describeRun(run)).to.deep.equal([error, exit])
    expect(run.last['fix'], 'a remedy').to.be.a('string')
    return run.last
  }
  async function advance(days: number): Promise<void> {
    await chain.request('evm_increaseTime', [days * DAY])
    await chain.request('evm_mine', [])
  }
  async function aSteward(home: string, port: number): Promise<string> {
    const listen = `/ip4/127.0.0.1/tcp/${port}`
    const made = await ok(home, 'steward', 'init', '--quota', '1G', '--reserve', '64M', '--listen', listen, ...PASS())
    return String(made['id'])
  }

  it('is not made from wrong words, and not in a dry run, which says what it would cost', async () => {
    const create = ['pool', 'create', 'harbour', ...MASTER()]
    await refused(pool(), 'INPUT_FORMAT', 2, 'pool', 'create', '!', ...MASTER())
    await refused(pool(), 'INPUT_RANGE', 2, ...create, '--period', '10d')
    await refused(pool(), 'INPUT_RANGE', 2, ...create, '--uses', '0')
    await refused(pool(), 'INPUT_RANGE', 2, ...create, '--expires', '1y')
    const dry = await ok(pool(), ...create, '--dry-run')
    expect(dry).to.include({ dryRun: true, feeUnit: 'ETH' })
    expect(Number(dry['fees'])).to.be.above(0)
    expect(existsSync(pool())).to.equal(false)
  })

  it('is made by one command: master key apart, contracts, a manager, an invitation', async () => {
    const made = await ok(pool(), 'pool', 'create', 'harbour', '--uses', '2', ...MASTER())
    code = String(made['invitation'])
    manager = String(made['manager'])
    expect(made).to.include({ name: 'harbour', uses: 2, inviteOnly: false, period: 90 * DAY })
    const keystore = String(made['masterKeystore'])
    expect(keystore).to.equal(sandbox().path('pool', 'master', 'keystore.json'))
    expect(statSync(keystore).mode & 0o777).to.equal(0o600)
    const shown = await ok(pool(), 'pool', 'registrar', 'show')
    expect(shown).to.include({ master: made['master'], members: 2, registrar: made['registrar'] })
    expect(shown['idAlgorithm']).to.include('keccak256')
    await refused(pool(), 'CONFIG_EXISTS', 2, 'pool', 'create', 'harbour', ...MASTER())
    // the manager's passphrase does not open the master's key
    const wrong = ['pool', 'policy', '--fee', '1%', ...PASS()]
    await refused(pool(), 'KEY_PASSPHRASE', 12, ...wrong)
  })

  it('is joined with the code, once, and by nothing that only looks like it', async () => {
    const home = sandbox().path('guest')
    await refused(home, 'CONFIG_NOT_INITIALISED', 10, 'pool', 'join', code, ...PASS())
    steward = await aSteward(home, 7490)
    await refused(home, 'INPUT_FORMAT', 2, 'pool', 'join', `${code.slice(0, -2)}AA`, ...PASS())
    await refused(home, 'INPUT_FORMAT', 2, 'pool', 'join', code, '--insecure', 'nowhere', ...PASS())
    await ok(home, 'pool', 'join', code, '--dry-run', ...PASS())
    expect(existsSync(sandbox().path('guest', 'deployment.json')), 'dry').to.equal(false)
    const joined = await ok(home, 'pool', 'join', code, '--insecure', '/ip4/127.0.0.1/tcp/7491', ...PASS())
    expect(joined).to.include({
      id: steward,
      secure: '/ip4/127.0.0.1/tcp/7490',
      insecure: '/ip4/127.0.0.1/tcp/7491',
    })
    expect(joined['txHash']).to.match(/^0x/)
    expect((await ok(home, 'pool', 'join', code, ...PASS()))['txHash'], 'again').to.equal(undefined)
    const listed = await lines(home, 'pool', 'ls')
    expect(listed[0]).to.include({ type: 'actor', kind: 'steward', id: steward, standing: 'compliant' })
    const members = await lines(pool(), 'pool', 'members')
    expect(members.filter(({ type }) => type === 'member')).to.have.length(3)
    expect(members.find(({ id }) => id === steward)).to.deep.include({ level: 'agent', roles: [], monitors: [] })
    expect((await ok(pool(), 'pool', 'members', '--standing', 'banned'))['members']).to.equal(0)
    await refused(pool(), 'INPUT_FORMAT', 2, 'pool', 'members', '--standing', 'nice')
  })

  it('gives roles of the right level by who may', async () => {
    const role = (id: string, roles: string) => ['pool', 'registrar', 'role', id, roles, ...PASS()]
    await refused(pool(), 'INPUT_FORMAT', 2, ...role('0x12', 'repository'))
    await refused(pool(), 'INPUT_FORMAT', 2, ...role(steward, 'king'))
    await refused(pool(), 'POOL_ROLE', 2, ...role(steward, 'repository,manager'))
    await refused(pool(), 'POOL_ROLE', 2, ...role(manager, 'repository'))
    await refused(pool(), 'POOL_UNREGISTERED', 7, ...role(`0x${'7'.repeat(40)}`, 'repository'))
    await refused(sandbox().path('guest'), 'POOL_NO_POWER', 7, ...role(steward, 'repository'))
    const dry = await ok(pool(), ...role(steward, 'repository'), '--dry-run')
    expect(dry).to.include({ dryRun: true })
    const given = await ok(pool(), ...role(steward, 'repository'))
    expect(given['roles']).to.deep.equal(['repository'])
    expect(await ok(pool(), 'pool', 'registrar', 'show', steward)).to.deep.include({ roles: ['repository'], manager })
  })

  it('changes a standing with a reason and evidence only, and tells of it', async () => {
    const report = sandbox().path('report')
    await writeFile(report, 'two statements that contradict each other')
    const standing = ['pool', 'registrar', 'standing', steward, 'probation', ...PASS()]
    await refused(pool(), 'INPUT_REQUIRED', 2, ...standing)
    await refused(pool(), 'INPUT_RANGE', 2, ...standing, '--reason', '0', '--evidence', report)
    await refused(pool(), 'INPUT_REQUIRED', 2, ...standing, '--reason', '7')
    await refused(pool(), 'INPUT_RANGE', 2, ...standing, '--reason', '7', '--evidence', '0'.repeat(64))
    await refused(pool(), 'INPUT_FILE', 2, ...standing, '--reason', '7', '--evidence', sandbox().path('none'))
    await ok(pool(), ...standing, '--reason', '7', '--evidence', report)
    const evidence = `0x${toHex(sha256(readFileSync(report)))}`
    const said = await ok(pool(), 'pool', 'standing', steward)
    expect(said).to.include({ standing: 'probation', good: true, by: manager, reason: 7, evidence })
    const log = await lines(pool(), 'pool', 'registrar', 'log', steward)
    expect(log.filter(({ type }) => type === 'entry').map(({ what }) => what)).to.deep.equal([
      'Registered',
      'InvitationPresented',
      'ManagerAssigned',
      'RolesChanged',
      'StandingChanged',
    ])
  })

  it('lets an administrator do what its permit says until it is revoked, and a helper less than that', async () => {
    const at = (name: string) => sandbox().path(name)
    const admin = String((await ok(pool(), 'pool', 'permit', 'key', at('admin.json'), ...PASS()))['id'])
    const helper = String((await ok(pool(), 'pool', 'permit', 'key', at('helper.json'), ...PASS()))['id'])
    const grant = ['pool', 'permit', 'grant', admin, '--out', at('permit.json'), ...MASTER()]
    await refused(pool(), 'INPUT_FORMAT', 2, ...grant, '--scope', 'everything')
    const scopes = 'registrar.standing,pool.policy'
    expect(await ok(pool(), ...grant, '--scope', scopes, '--expires', '3d')).to.include({ holder: admin })
    await refused(pool(), 'INPUT_EXISTS', 2, ...grant, '--scope', scopes)
    expect(await ok(pool(), 'pool', 'permit', 'show', at('permit.json'))).to.include({ valid: true, holder: admin })

    const set = (permit: string, key: string) => [
      ...['pool', 'registrar', 'standing', steward, 'compliant', '--reason', '9', '--evidence', 'ab'.repeat(32)],
      ...['--permit', at(permit), '--key', at(key), ...PASS()],
    ]
    await refused(pool(), 'POOL_PERMIT', 7, ...set('permit.json', 'helper.json'))
    await ok(pool(), ...set('permit.json', 'admin.json'))
    expect(await ok(pool(), 'pool', 'standing', steward)).to.include({ standing: 'compliant', by: admin })

    const cut = ['pool', 'permit', 'grant', helper, '--from', at('permit.json'), '--key', at('admin.json'), ...PASS()]
    await refused(pool(), 'POOL_PERMIT', 7, ...cut, '--scope', 'pool.appoint', '--out', at('wider.json'))
    await ok(pool(), ...cut, '--scope', 'pool.policy', '--expires', '1d', '--out', at('cut.json'))
    await refused(pool(), 'POOL_PERMIT', 7, ...set('cut.json', 'helper.json'))
    const policy = ['pool', 'policy', '--fee', '2%', '--permit', at('cut.json'), '--key', at('helper.json'), ...PASS()]
    expect(await ok(pool(), ...policy)).to.include({ by: helper })
    expect((await ok(pool(), 'pool', 'policy'))['policy']).to.include({ feeShare: 200 })

    await ok(pool(), 'pool', 'permit', 'revoke', at('permit.json'), ...MASTER())
    expect((await ok(pool(), 'pool', 'permit', 'show', at('permit.json')))['valid']).to.equal(false)
    await refused(pool(), 'POOL_PERMIT', 7, ...set('permit.json', 'admin.json'))
    await refused(pool(), 'POOL_PERMIT', 7, ...policy)
  })

  it('keeps the policy within the bounds of its creation', async () => {
    await refused(pool(), 'TX_REVERTED', 1, 'pool', 'policy', '--fee', '50%', ...MASTER())
    await refused(pool(), 'INPUT_FORMAT', 2, 'pool', 'policy', '--panel', '7', ...MASTER())
    await refused(pool(), 'INPUT_FORMAT', 2, 'pool', 'policy', '--fee', 'much', ...MASTER())
  })

  it('refuses a renewal that comes early, takes it in time; nobody lapses before its time', async () => {
    const home = sandbox().path('guest')
    const early = await refused(home, 'POOL_RENEWAL', 7, 'pool', 'registrar', 'renew', ...PASS())
    expect(early['what']).to.include('not before')
    await refused(home, 'POOL_LAPSE', 7, 'pool', 'registrar', 'lapse', manager, ...PASS())
    await advance(30)
    await ok(home, 'pool', 'registrar', 'renew', ...PASS())
    await advance(60 + 91)
    expect(await ok(home, 'pool', 'registrar', 'lapse', manager, ...PASS())).to.include({ lapse: 'abandoned' })
    expect(await ok(home, 'pool', 'standing', manager)).to.include({ standing: 'abandoned', good: false, reason: 0 })
    // whose renewal lapsed acts no more; it renews, and somebody else restores it
    await refused(pool(), 'POOL_NO_POWER', 7, 'pool', 'invite', ...PASS())
    await ok(pool(), 'pool', 'registrar', 'renew', '--id', manager, ...PASS())
    const at = (name: string) => sandbox().path(name)
    const scope = ['--scope', 'registrar.standing', '--out', at('restore.json'), ...MASTER()]
    const admin = String((await ok(pool(), 'pool', 'permit', 'key', at('restorer.json'), ...PASS()))['id'])
    await ok(pool(), 'pool', 'permit', 'grant', admin, ...scope)
    const restore = [
      'pool',
      'registrar',
      'standing',
      manager,
      'compliant',
      '--reason',
      '9',
      '--evidence',
      'cd'.repeat(32),
    ]
    await ok(pool(), ...restore, '--permit', at('restore.json'), '--key', at('restorer.json'), ...PASS())
    expect(await ok(home, 'pool', 'standing', manager)).to.include({ standing: 'compliant', by: admin })
  })

  it('by invitation: who has none gets no role, who lays one down gets it; an expired one is refused', async () => {
    const home = sandbox().path('second')
    const id = await aSteward(home, 7492)
    await mkdir(home, { recursive: true })
    await copyFile(sandbox().path('pool', 'deployment.json'), sandbox().path('second', 'deployment.json'))
    await refused(home, 'POOL_INVITATION', 7, 'pool', 'join', code, ...PASS())
    await ok(pool(), 'pool', 'policy', '--invite-only', 'on', ...MASTER())
    expect(await ok(home, 'pool', 'registrar', 'register', ...PASS())).to.include({ id })
    const role = ['pool', 'registrar', 'role', id, 'repository', ...PASS()]
    await refused(pool(), 'POOL_UNINVITED', 7, ...role)
    const fresh = String((await ok(pool(), 'pool', 'invite', '--expires', '1h', ...PASS()))['invitation'])
    await ok(home, 'pool', 'join', fresh, ...PASS())
    await ok(pool(), ...role)
  })

  it('is left: no role, no endpoint; the key stays known', async () => {
    const home = sandbox().path('second')
    const leave = ['pool', 'leave', ...PASS()]
    await refused(home, 'INPUT_REQUIRED', 2, ...leave)
    expect(await ok(home, ...leave, '--yes')).to.include({ left: true })
    const [actor] = await lines(home, 'pool', 'ls')
    expect(actor).to.deep.include({ roles: [], standing: 'compliant' })
  })
})
