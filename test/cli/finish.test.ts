import { spawn } from 'node:child_process'
import { expect } from 'chai'

const FINISH = new URL('../../cli/finish.ts', import.meta.url).href
const LINES = 2_000

/** Runs a program that prints 1 MB and finishes. `read` gets each piece of its output before the next one is taken. */
async function run(read: (piece: string, stop: () => void) => void): Promise<number | null> {
  const program = `for (let i = 0; i < ${LINES}; i++) process.stdout.write('x'.repeat(500) + '\\n')
    const { finish } = await import(${JSON.stringify(FINISH)}); await finish(7)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  child.stdout.setEncoding('utf8').on('data', (piece: string) => read(piece, () => child.stdout.destroy()))
  return new Promise((resolve) => child.once('close', resolve))
}

describe('cli/finish', () => {
  it('ends with its code after a slow reader has got every line', async () => {
    let lines = 0
    const busy = new Int32Array(new SharedArrayBuffer(4))
    const code = await run((piece) => {
      Atomics.wait(busy, 0, 0, 3) // this process reads nothing meanwhile
      lines += piece.split('\n').length - 1
    })
    expect(lines).to.equal(LINES)
    expect(code).to.equal(7)
  })

  it('ends, too, when its reader goes away', async () => {
    expect(await run((_, stop) => stop())).to.equal(7)
  })
})
