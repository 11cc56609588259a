/** The program as a script meets it: help, usage errors, configuration, empty homes. Real processes, no market. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { expect } from 'chai'
import { LAUNCHER, useSandbox } from '../processes.ts'

describe('cli/command-line', function () {
  this.timeout(60_000)
  const sandbox = useSandbox()

  it('lists every command in its help, on stdout, exit 0', async () => {
    const { stdout, code } = await sandbox().run(['--help'])
    expect(code).to.equal(0)
    for (const name of [
      'up',
      'down',
      'demo',
      'init',
      'put',
      'get',
      'ls',
      'stat',
      'status',
      'share',
      'devnet',
      'doctor',
      'steward',
      'controller',
      'pool',
      'config',
    ])
      expect(stdout).to.match(new RegExp(`^  ${name}\\b`, 'm'))
  })

  it('shows all three forms of a setting in the help', async () => {
    const { stdout } = await sandbox().ok(['put', '--help'], { env: { HOLDFAST_PUT_FOR: '45d' } })
    expect(stdout.replace(/\s+/g, ' ')).to.include('(put.for, HOLDFAST_PUT_FOR, default 90d, now 45d)')
  })

  it('refuses wrong usage with exit 2, a reason and a remedy', async () => {
    for (const args of [
      ['putt'],
      ['put'],
      ['ls', '--nonsense'],
      ['steward'],
      ['devnet', 'advance', 'soon'],
      ['up', '--stewards', 'many', '--home', sandbox().home],
    ]) {
      const { code, stderr, stdout } = await sandbox().run(args)
      expect(code, args.join(' ')).to.equal(2)
      expect(stderr, args.join(' '))
        .to.match(/^error\[INPUT_[A-Z]+\]/m)
        .and.match(/^ {2}fix /m)
      expect(stdout).to.equal('')
    }
  })

  it('says of what the design names and this version has not that it is not there yet', async () => {
    for (const args of [
      ['put', 'x', '--wait', 'proved'],
      ['put', 'x', '-t', '4'],
      ['put', 'x', '--bwlimit=2M'],
      ['renew'],
    ]) {
      const { code, stderr } = await sandbox().run(args)
      expect(code, args.join(' ')).to.equal(2)
      expect(stderr, args.join(' ')).to.include('is not there yet (docs/known-gaps.md)')
    }
    expect((await sandbox().run(['put', 'x', '--waat'])).stderr).to.include("unknown option '--waat'")
  })

  it('shows the options that every command has in the help of each', async () => {
    for (const args of [['put'], ['steward', 'init']])
      expect((await sandbox().ok([...args, '--help'])).stdout)
        .to.match(/^ {2}--home <dir>/m)
        .and.match(/^ {2}--json /m)
  })

  it('ends JSON output with an error line also for wrong usage', async () => {
    const { last, stderr } = await sandbox().run(['putt', '--json'])
    expect(last).to.include({ schema: 1, type: 'error', code: 'INPUT_USAGE', exit: 2 })
    expect(stderr).to.equal('')
  })

  it('says what an empty home lacks: exit 10 or 14, never a stack trace', async () => {
    for (const [args, expected] of [
      [['ls'], 10],
      [['status'], 10],
      [['steward', 'start'], 10],
      [['controller', 'start', '--no-input'], 2],
      [['devnet', 'advance', '1d'], 14],
    ] as const) {
      const { code, stderr } = await sandbox().run([...args, '--home', sandbox().path('nothing')])
      expect(code, `${args.join(' ')}\n${stderr}`).to.equal(expected)
      expect(stderr).to.not.match(/^\s+at /m)
    }
  })

  it('keeps, explains and checks settings', async () => {
    const home = ['--home', sandbox().path('settings')]
    await sandbox().ok(['config', 'set', 'put.for', '120d', ...home])
    expect((await sandbox().ok(['config', 'get', 'put.for', '-q', ...home])).stdout).to.equal('120d\n')
    const { last } = await sandbox().ok(['config', 'explain', 'put.for', '--json', ...home])
    expect(last).to.include({ type: 'summary', command: 'config' })
    await sandbox().ok(['config', 'validate', ...home])
    expect((await sandbox().run(['config', 'set', 'put.for', '10y', ...home])).code).to.equal(2)
    await writeFile(sandbox().path('settings', 'config.json'), '{"version":1,"puts":{}}')
    const wrong = await sandbox().run(['config', 'validate', ...home])
    expect(wrong.code).to.equal(2)
    expect(wrong.stderr).to.include('puts is not known')
  })

  it('does nothing in a dry run', async () => {
    const home = sandbox().path('dry')
    const { last } = await sandbox().ok(['up', '--dry-run', '--json', '--home', home])
    expect(last).to.include({ dryRun: true })
    expect((await sandbox().run(['config', 'path', '-q', '--home', home])).stdout).to.include(home)
    expect(() => readFileSync(home)).to.throw(/ENOENT/)
  })

  it('makes keys only where there are none, and asks for what it needs', async () => {
    const home = ['--home', sandbox().path('user')]
    const asked = await sandbox().run(['init', ...home])
    expect(asked.code).to.equal(2)
    expect(asked.stderr).to.include('INPUT_REQUIRED')
    await writeFile(sandbox().path('pass'), 'correct horse\n', { mode: 0o600 })
    const made = await sandbox().ok([
      'init',
      '--words-out',
      sandbox().path('words'),
      '--passphrase-file',
      sandbox().path('pass'),
      '--json',
      ...home,
    ])
    expect(made.last.account).to.match(/^0x[0-9a-f]{40}$/)
    expect(readFileSync(sandbox().path('words'), 'utf8').trim().split(' ')).to.have.length(12)
    const again = await sandbox().run([
      'init',
      '--words-out',
      sandbox().path('words2'),
      '--passphrase-file',
      sandbox().path('pass'),
      ...home,
    ])
    expect(again.code).to.equal(2)
    expect(again.stderr).to.include('CONFIG_EXISTS')
    // The same words give the same account, on another machine.
    const other = await sandbox().ok([
      'init',
      '--words-file',
      sandbox().path('words'),
      '--passphrase-file',
      sandbox().path('pass'),
      '--json',
      '--home',
      sandbox().path('other'),
    ])
    expect(other.last.account).to.equal(made.last.account)
  })

  it('prints its help in 0.15 CPU-seconds where an empty program takes 0.04', async function () {
    this.retries(3) // what else the machine does falls on one of the two, too
    await sandbox().ok(['--help']) // fills the compile cache
    const cpuOf = (...args: readonly string[]) => {
      const command = args.map((arg) => `"${arg}"`).join(' ')
      const timed = spawnSync('bash', ['-c', `TIMEFORMAT='%U %S'; time "${process.execPath}" ${command} >/dev/null`], {
        encoding: 'utf8',
      })
      const [user = 9, system = 9] = timed.stderr.trim().split('\n').at(-1)?.split(' ').map(Number) ?? []
      return user + system
    }
    const [empty, help] = [cpuOf('-e', '0'), cpuOf(LAUNCHER, '--help')]
    expect(help / Math.max(empty, 0.01)).to.be.at.most(0.15 / 0.04)
  })
})
