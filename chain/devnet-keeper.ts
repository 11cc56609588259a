/**
 * A process of its own between `up` and anvil: it starts anvil, hands signals on, and keeps the last whole copy of the state that
 * anvil writes. Started by devnet.ts: `node devnet-keeper.ts STATE ANVIL ARGS…`. It ends when anvil does.
 */
import { spawn } from 'node:child_process'
import { copyFile, open, rename, stat, writeFile } from 'node:fs/promises'

/** How often the file is looked at, and for how long it must have been left alone before it is copied. ms. */
const LOOK = 200

const [stateFile, binary, ...args] = process.argv.slice(2)
if (stateFile === undefined || binary === undefined) throw new Error('usage: devnet-keeper.ts STATE ANVIL ARGS…')
const path: string = stateFile

const anvil = spawn(binary, args, { stdio: ['ignore', 'inherit', 'inherit'] })
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => anvil.kill(signal))
anvil.once('error', (cause) => {
  console.error(cause.message)
  process.exit(1)
})
anvil.once('exit', (code) => process.exit(code ?? 1))

const owner = `${path}.owner.json`
await writeFile(`${owner}.tmp`, JSON.stringify({ pid: anvil.pid, keeper: process.pid }))
await rename(`${owner}.tmp`, owner)

interface Look {
  readonly size: number
  readonly written: bigint
}
let last: Look | undefined
let copied = ''
setInterval(() => void look(), LOOK)

/** Copies the state when it is whole, unchanged since the last look, and not the one copied before. */
async function look(): Promise<void> {
  try {
    const { size, mtimeNs } = await stat(path, { bigint: true })
    const now = { size: Number(size), written: mtimeNs }
    const isSettled = now.size === last?.size && now.written === last.written
    last = now
    if (!isSettled || now.size < 2) return
    const mark = `${now.size} ${await ends(now.size)}`
    if (mark === copied || !mark.endsWith('}')) return
    await copyFile(path, `${path}.copy`)
    const after = await stat(path, { bigint: true })
    if (after.mtimeNs !== now.written) return // written while it was copied: the next look tries again
    await rename(`${path}.copy`, `${path}.good`)
    copied = mark
  } catch {
    // no state yet, or no space for a copy: the copy before stays, and the next look tries again
  }
}

/** The first 120 bytes (they hold the newest block's number and time) and the last one. */
async function ends(size: number): Promise<string> {
  const file = await open(path, 'r')
  try {
    const first = new Uint8Array(120)
    await file.read(first, 0, first.length, 0)
    const tail = new Uint8Array(1)
    await file.read(tail, 0, 1, size - 1)
    return Buffer.from(first).toString('latin1') + Buffer.from(tail).toString('latin1')
  } finally {
    await file.close()
  }
}
