import { existsSync } from 'node:fs'
import { expect } from 'chai'
import { isAlive, killHard, openSandbox, peakMemory, until, useSandbox } from './processes.ts'

const print = (source: string) => ({ program: process.execPath, args: ['-e', source] })

describe('test/processes', () => {
  const sandbox = useSandbox()

  it('runs a program to its end and gives its JSON lines, exit code and output', async () => {
    const { program, args } = print(
      `console.log('hello'); console.log(JSON.stringify({ schema: 1, type: 'summary', home: process.env.HOME })); process.exitCode = 5`,
    )
    const run = await sandbox().run(args, { program })
    expect(run.code).to.equal(5)
    expect(run.stdout).to.contain('hello')
    expect(run.last).to.deep.include({ type: 'summary', home: sandbox().path('user') })
  })

  it('says all that was printed when a program fails that should not', async () => {
    const { program, args } = print(`console.error('broken'); process.exit(3)`)
    const failure = await sandbox()
      .ok(args, { program })
      .catch((cause: unknown) => cause)
    expect(String(failure)).to.contain('exit 3').and.to.contain('broken')
  })

  it('waits for a line of a program that goes on, and kills it', async () => {
    const { program, args } = print(`console.log('{"schema":1,"type":"ready"}'); setInterval(() => {}, 1000)`)
    const running = sandbox().start(args, { program })
    await running.line((line) => line.type === 'ready')
    expect(sandbox().pids()).to.include(running.pid)
    expect(peakMemory(running.pid)).to.be.above(1e6)
    await killHard(running.pid)
    expect((await running.ended()).signal).to.equal('SIGKILL')
  })

  it('ends what a closed sandbox left behind, detached grandchildren too', async () => {
    const other = await openSandbox()
    const { program, args } = print(
      `const { spawn } = require('node:child_process');
       const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { detached: true, stdio: 'ignore' });
       child.unref(); console.log(JSON.stringify({ schema: 1, type: 'ready', pid: child.pid }))`,
    )
    const run = await other.ok(args, { program })
    const pid = Number(run.last.pid)
    expect(isAlive(pid)).to.equal(true)
    await other.close()
    expect(isAlive(pid)).to.equal(false)
  })

  it('ends everything when the tests themselves are told to stop', async () => {
    const module = new URL('./processes.ts', import.meta.url).href
    const { program, args } = print(
      `import('${module}').then(async ({ openSandbox }) => {
         const sandbox = await openSandbox()
         const running = sandbox.start(['-e', 'setInterval(() => {}, 1000)'], { program: process.execPath })
         console.log(JSON.stringify({ schema: 1, type: 'ready', pid: running.pid, dir: sandbox.dir }))
       })`,
    )
    const tests = sandbox().start(args, { program })
    const { pid, dir } = await tests.line((line) => line.type === 'ready')
    tests.kill('SIGTERM')
    expect((await tests.ended()).code).to.equal(143)
    await until(() => !isAlive(Number(pid)), 5_000, 'what the tests started to end')
    expect(existsSync(String(dir))).to.equal(false)
  })

  it('kills a program at its deadline', async () => {
    const { program, args } = print('setInterval(() => {}, 1000)')
    const failure = await sandbox()
      .run(args, { program, timeoutMs: 300 })
      .catch((cause: unknown) => cause)
    expect(String(failure)).to.contain('no end within 0.3 s')
    await until(() => sandbox().pids().length === 0, 5_000, 'the program to end')
  })
})
