/** A small pool of preparing threads. A group of shares goes to one thread; its blobs are answered there and then moved here. */
import { Worker } from 'node:worker_threads'
import { HoldfastError } from '../base/errors.ts'
import type { Domain } from '../base/typed-data.ts'
import type { AnsweredBlob, BuildJob, BuiltBlob, Preparer } from './prepare.ts'

export type PreparerRequest =
  | { readonly kind: 'build'; readonly id: number; readonly job: BuildJob }
  | {
      readonly kind: 'answer'
      readonly id: number
      readonly handle: number
      readonly domain: Domain
      readonly nonces: readonly Uint8Array[]
    }
  | { readonly kind: 'drop'; readonly handle: number }

export type PreparerReply =
  | { readonly id: number; readonly built: readonly BuiltBlob[] }
  | { readonly id: number; readonly answered: AnsweredBlob }
  | { readonly id: number; readonly failed: string }

interface Thread {
  readonly worker: Worker
  readonly waiting: Map<number, { resolve(reply: PreparerReply): void; reject(cause: unknown): void }>
  dead?: HoldfastError
}

/** @param threads how many; they start at once and live until `close` */
export function createPreparerPool(threads: number): Preparer {
  const pool = Array.from({ length: threads }, startThread)
  let nextId = 0
  const ask = <Kind extends 'build' | 'answer'>(
    thread: Thread,
    request: Omit<Extract<PreparerRequest, { kind: Kind }>, 'id'>,
  ) =>
    new Promise<PreparerReply>((resolve, reject) => {
      if (thread.dead !== undefined) return reject(thread.dead)
      const id = nextId++
      // only a thread that owes an answer keeps the process alive
      if (thread.waiting.size === 0) thread.worker.ref()
      thread.waiting.set(id, { resolve, reject })
      thread.worker.postMessage({ ...request, id })
    })
  // a handle is the thread's own number of the blob and the thread's place: handle = number · threads + place
  return {
    build: async (job) => {
      const place = leastBusy(pool)
      const reply = await ask<'build'>(pool[place] as Thread, { kind: 'build', job })
      if (!('built' in reply)) throw new HoldfastError('INTERNAL', { what: 'a preparing thread answered out of order' })
      return reply.built.map(({ blobId, handle }) => ({ blobId, handle: handle * threads + place }))
    },
    answer: async (handle, domain, nonces) => {
      const thread = pool[handle % threads] as Thread
      const reply = await ask<'answer'>(thread, {
        kind: 'answer',
        handle: Math.floor(handle / threads),
        domain,
        nonces,
      })
      if (!('answered' in reply))
        throw new HoldfastError('INTERNAL', { what: 'a preparing thread answered out of order' })
      return reply.answered
    },
    drop: (handle) =>
      (pool[handle % threads] as Thread).worker.postMessage({ kind: 'drop', handle: Math.floor(handle / threads) }),
    close: async () => void (await Promise.all(pool.map(({ worker }) => worker.terminate()))),
  }
}

function leastBusy(pool: readonly Thread[]): number {
  let best = 0
  for (const [place, { waiting }] of pool.entries())
    if (waiting.size < (pool[best] as Thread).waiting.size) best = place
  return best
}

function startThread(): Thread {
  const worker = new Worker(new URL('./prepare-worker.ts', import.meta.url), { name: 'prepare' })
  const thread: Thread = { worker, waiting: new Map() }
  const fail = (what: string, cause?: unknown) => {
    thread.dead = new HoldfastError('INTERNAL', { what: `a preparing thread stopped: ${what}` }, { cause })
    for (const { reject } of thread.waiting.values()) reject(thread.dead)
    thread.waiting.clear()
  }
  worker.on('message', (reply: PreparerReply) => {
    const waiting = thread.waiting.get(reply.id)
    thread.waiting.delete(reply.id)
    if (thread.waiting.size === 0) worker.unref()
    if ('failed' in reply)
      waiting?.reject(new HoldfastError('INTERNAL', { what: 'preparing blobs' }, { cause: new Error(reply.failed) }))
    else waiting?.resolve(reply)
  })
  worker.on('error', (cause) => fail('error', cause))
  worker.on('exit', (code) => fail(`exit ${code}`))
  worker.unref()
  return thread
}
