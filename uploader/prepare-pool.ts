/** A small pool of preparing threads: each request goes to the one that has least to do. */
import { Worker } from 'node:worker_threads'
import { HoldfastError } from '../base/errors.ts'
import type { AnswerJob, BuildJob, Preparer } from './prepare.ts'

/** To a thread: one of the two jobs. */
export interface PreparerRequest {
  readonly id: number
  readonly build?: BuildJob
  readonly answer?: AnswerJob
}

/** From a thread: ids or answers. */
export type PreparerReply =
  | { readonly id: number; readonly result: readonly Uint8Array[] }
  | { readonly id: number; readonly failed: string }

interface Waiting {
  /** Bytes to be hashed, a measure of the work. */
  readonly load: number
  resolve(result: readonly Uint8Array[]): void
  reject(cause: unknown): void
}

interface Thread {
  readonly worker: Worker
  readonly waiting: Map<number, Waiting>
  load: number
  dead?: HoldfastError
}

/** @param threads how many; they start at once and live until `close` */
export function createPreparerPool(threads: number): Preparer {
  const pool = Array.from({ length: threads }, startThread)
  let nextId = 0
  const ask = (request: Omit<PreparerRequest, 'id'>, load: number): Promise<readonly Uint8Array[]> => {
    const thread = pool.reduce((best, other) => (other.load < best.load ? other : best))
    return new Promise((resolve, reject) => {
      if (thread.dead !== undefined) return reject(thread.dead)
      const id = nextId++
      // only a thread that owes an answer keeps the process alive
      if (thread.waiting.size === 0) thread.worker.ref()
      thread.waiting.set(id, { load, resolve, reject })
      thread.load += load
      thread.worker.postMessage({ ...request, id } satisfies PreparerRequest)
    })
  }
  return {
    build: (job) =>
      ask(
        { build: job },
        job.shares.reduce((sum, { target }) => sum + target.length, 0),
      ),
    answer: (job) => ask({ answer: job }, job.blob.length * job.nonces.length),
    close: async () => void (await Promise.all(pool.map(({ worker }) => worker.terminate()))),
  }
}

function startThread(): Thread {
  const worker = new Worker(new URL('./prepare-worker.ts', import.meta.url), {
    name: 'prepare',
    // blocks live for microseconds: a small nursery gives their memory back sooner
    resourceLimits: { maxYoungGenerationSizeMb: 2 },
  })
  const thread: Thread = { worker, waiting: new Map(), load: 0 }
  const fail = (what: string, cause?: unknown) => {
    thread.dead = new HoldfastError('INTERNAL', { what: `a preparing thread stopped: ${what}` }, { cause })
    for (const { reject } of thread.waiting.values()) reject(thread.dead)
    thread.waiting.clear()
  }
  worker.on('message', (reply: PreparerReply) => {
    const waiting = thread.waiting.get(reply.id)
    if (waiting === undefined) return
    thread.waiting.delete(reply.id)
    thread.load -= waiting.load
    if (thread.waiting.size === 0) worker.unref()
    if ('failed' in reply)
      waiting.reject(new HoldfastError('INTERNAL', { what: 'preparing blobs' }, { cause: new Error(reply.failed) }))
    else waiting.resolve(reply.result)
  })
  worker.on('error', (cause) => fail('error', cause))
  worker.on('exit', (code) => fail(`exit ${code}`))
  worker.unref()
  return thread
}
