/** The README's own commands, run one after the other as a reader would, in an empty directory with the README in it. */
import { copyFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { useSandbox } from '../processes.ts'
import { commandsOf } from './commands-in-text.ts'

const README = fileURLToPath(new URL('../../README.md', import.meta.url))

describe('the README', function () {
  this.timeout(600_000)
  const sandbox = useSandbox()

  it('shows commands that do what it says: the file comes back as it was', async () => {
    const commands = commandsOf(readFileSync(README, 'utf8'))
    expect(commands.map(({ args }) => args[0])).to.deep.equal(['up', 'put', 'devnet', 'get', 'down'])
    copyFileSync(README, join(sandbox().dir, 'README.md'))
    for (const { args } of commands) await sandbox().ok(args, { timeoutMs: 180_000 })
    expect(readFileSync(sandbox().path('back.md'), 'utf8')).to.equal(readFileSync(README, 'utf8'))
    expect(sandbox().pids(), 'down leaves nothing running').to.deep.equal([])
  })
})
