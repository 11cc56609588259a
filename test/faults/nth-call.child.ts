/**
 * The blob store under failing calls, for nth-call.test.ts. The n-th call of the file system below a directory fails with EIO, for n = first …
 * last; each n has a directory of its own. Prints a line of JSON for each: what was acknowledged, what failed, and whether n was reached.
 * Arguments: directory, first, last.
 */
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import { silent } from '../store/silent.ts'

const [directory = '', first = '1', last = '1'] = process.argv.slice(2)

/** Calls below `root` until one fails; undefined: none does. */
let plan: { readonly root: string; left: number } | undefined
const handles = new WeakMap<object, string>()
const CALLS = ['open', 'mkdir', 'readdir', 'rename', 'rm', 'stat', 'statfs', 'readFile', 'writeFile', 'unlink'] as const
const HANDLE_CALLS = ['read', 'write', 'writeFile', 'readFile', 'sync', 'datasync', 'truncate', 'stat'] as const

function mayFail(path: unknown, call: string): void {
  if (plan === undefined || typeof path !== 'string' || !path.startsWith(plan.root) || --plan.left !== 0) return
  throw Object.assign(new Error(`EIO: i/o error, ${call} '${path}'`), { code: 'EIO', syscall: call })
}

type Call = (...args: unknown[]) => Promise<unknown>
const promises = fs.promises as unknown as Record<string, Call>
const probe = await fs.promises.open(process.execPath)
const prototype = Object.getPrototypeOf(probe) as Record<string, Call>
await probe.close()
for (const name of CALLS) {
  const honest = promises[name] as Call
  promises[name] = async (...args) => {
    mayFail(args[0], name)
    const result = await honest(...args)
    if (name === 'open') handles.set(result as object, String(args[0]))
    return result
  }
}
for (const name of HANDLE_CALLS) {
  const honest = prototype[name] as Call
  prototype[name] = async function (this: object, ...args) {
    mayFail(handles.get(this), name)
    return honest.apply(this, args)
  }
}
syncBuiltinESMExports()

const { openBlobFiles } = await import('../../store/blob-files.ts')
const { durableWrite } = await import('../../store/durable-write.ts')

const blobOf = (n: number, i: number) => new Uint8Array(50_000 + 1_000 * i).fill(n & 255, 0, 100).fill(i, 100)
const idOf = (blob: Uint8Array) => new Uint8Array(createHash('sha256').update(blob).digest())

for (let n = Number(first); n <= Number(last); n++) {
  const root = join(directory, String(n))
  const acknowledged: string[] = []
  /** Those whose removal was tried, done or not. */
  const removed: string[] = []
  const failures: string[] = []
  const attempt = async (act: () => Promise<void>) => {
    try {
      await act()
    } catch (cause) {
      failures.push((cause as { code?: string }).code ?? String(cause))
    }
  }
  plan = { root, left: n }
  await attempt(async () => {
    const files = await openBlobFiles(root, { log: silent })
    for (let i = 0; i < 4; i++) {
      await attempt(async () => {
        const blob = blobOf(n, i)
        const sink = await files.write(idOf(blob), blob.length)
        try {
          await sink.write(blob.subarray(sink.offset, 20_000))
          await sink.write(blob.subarray(Math.max(sink.offset, 20_000)))
          await sink.finish()
        } finally {
          await sink.suspend()
        }
        acknowledged.push(Buffer.from(idOf(blob)).toString('hex'))
      })
    }
    const [gone, aside] = [idOf(blobOf(n, 2)), idOf(blobOf(n, 3))]
    removed.push(...[gone, aside].map((id) => Buffer.from(id).toString('hex')))
    await attempt(async () => void (await files.remove(gone)))
    await attempt(async () => void (await files.quarantine(aside, 'for the test')))
    await attempt(() => durableWrite(join(root, 'note.json'), '{"whole":true}'))
  })
  const isReached = plan.left <= 0
  plan = undefined
  console.log(JSON.stringify({ n, isReached, acknowledged, removed, failures }))
}
