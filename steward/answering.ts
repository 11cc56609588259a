/**
 * Answering challenges: one reading of each blob gives its id and all answers together. Small blobs are answered at once where we are;
 * large ones in threads, which get the pieces as they come off the disk, so the store stays the only one that opens files.
 */
import { Worker } from 'node:worker_threads'
import { toHex } from '../base/bytes.ts'
import { HoldfastError } from '../base/errors.ts'
import type { Domain } from '../base/typed-data.ts'
import { MiB } from '../base/units.ts'
import { type ChallengedBlob, createAnswerer } from '../blob/challenge.ts'
import { type BlobFiles, READ_CHUNK } from '../store/blob-files.ts'
import type { Answer } from './ports.ts'

/** Blobs up to here are hashed on the spot: a thread would cost more than the millisecond it takes. Bytes. */
const INLINE_BYTES = MiB
/** Pieces on their way to a thread: enough to keep it busy, few enough to stay small. */
const PIECES_AHEAD = 4

export interface AnsweringOptions {
  readonly files: Pick<BlobFiles, 'read' | 'stream'>
  /** Of the market. */
  readonly domain: Domain
  /** 0: all is answered here. They start when they are needed first. */
  readonly threads: number
}

/** An `Answer` with threads behind it. */
export interface Answering {
  readonly answer: Answer
  close(): Promise<void>
}

/** To the thread. */
export type AnswerRequest =
  | {
      readonly kind: 'open'
      readonly job: number
      readonly domain: Domain
      readonly blob: ChallengedBlob
      readonly nonces: readonly Uint8Array[]
    }
  | { readonly kind: 'piece'; readonly job: number; readonly bytes: Uint8Array }
  | { readonly kind: 'finish'; readonly job: number }
  | { readonly kind: 'drop'; readonly job: number }

/** From the thread: a piece was taken (its room comes back), the job is done, or the bytes are not the blob. */
export type AnswerReply =
  | { readonly job: number; readonly taken: ArrayBuffer }
  | { readonly job: number; readonly answers: readonly Uint8Array[] }
  | { readonly job: number; readonly corrupt: true }
  | { readonly job: number; readonly failed: string }

interface Job {
  ahead: number
  failure: Error | undefined
  answers: readonly Uint8Array[] | undefined
  /** Somebody waits for news. */
  wake: (() => void) | undefined
}

interface Thread {
  readonly worker: Worker
  readonly jobs: Map<number, Job>
  dead: boolean
}

export function createAnswering(options: AnsweringOptions): Answering {
  const { files, domain } = options
  const threads: Thread[] = []
  /** Room for pieces, used again and again: dead buffers would pile up for minutes before they are collected. */
  const rooms: Uint8Array[] = []
  const takeRoom = () => rooms.pop() ?? new Uint8Array(READ_CHUNK)
  let nextJob = 0

  function idlest(): Thread {
    const living = threads.filter((thread) => !thread.dead)
    const free = living.find((thread) => thread.jobs.size === 0)
    if (free) return free
    if (living.length < options.threads) {
      const thread = startThread((buffer) => rooms.push(new Uint8Array(buffer)))
      threads.push(thread)
      return thread
    }
    return living.reduce((best, thread) => (thread.jobs.size < best.jobs.size ? thread : best))
  }

  async function answerHere(blob: ChallengedBlob, nonces: readonly Uint8Array[]): Promise<Uint8Array[]> {
    const answerer = createAnswerer(domain, blob, nonces)
    if (blob.length <= INLINE_BYTES) answerer.update(await files.read(blob.blobId))
    else {
      const here = takeRoom()
      for await (const piece of files.stream(blob.blobId, { room: () => here })) answerer.update(piece)
      rooms.push(here)
    }
    return answerer.finish()
  }

  async function answerThere(blob: ChallengedBlob, nonces: readonly Uint8Array[]): Promise<readonly Uint8Array[]> {
    const thread = idlest()
    const { worker } = thread
    const number = nextJob++
    const job: Job = { ahead: 0, failure: undefined, answers: undefined, wake: undefined }
    const news = () => new Promise<void>((resolve) => (job.wake = resolve))
    let room: Uint8Array | undefined
    if (thread.jobs.size === 0) worker.ref()
    thread.jobs.set(number, job)
    const tell = (request: AnswerRequest, moved: readonly ArrayBuffer[] = []) => worker.postMessage(request, moved)
    try {
      tell({ kind: 'open', job: number, domain, blob, nonces })
      for await (const piece of files.stream(blob.blobId, { room: () => (room ??= takeRoom()) })) {
        room = undefined
        while (job.ahead >= PIECES_AHEAD && job.failure === undefined) await news()
        if (job.failure) throw job.failure
        job.ahead++
        tell({ kind: 'piece', job: number, bytes: piece }, [piece.buffer as ArrayBuffer])
      }
      tell({ kind: 'finish', job: number })
      while (job.answers === undefined && job.failure === undefined) await news()
      if (job.failure) throw job.failure
      return job.answers as readonly Uint8Array[]
    } catch (cause) {
      tell({ kind: 'drop', job: number })
      throw cause === CORRUPT ? new HoldfastError('BLOB_CORRUPT', { blob: toHex(blob.blobId) }) : cause
    } finally {
      if (room) rooms.push(room) // nothing was read into it
      thread.jobs.delete(number)
      if (thread.jobs.size === 0) worker.unref()
    }
  }

  return {
    answer: (blob, nonces) =>
      options.threads === 0 || blob.length <= INLINE_BYTES ? answerHere(blob, nonces) : answerThere(blob, nonces),
    close: async () => void (await Promise.all(threads.map(({ worker }) => worker.terminate()))),
  }
}

/** Stands for "the bytes are not the blob" until the blob's name is put in. */
const CORRUPT = new Error('corrupt')

function startThread(onRoom: (room: ArrayBuffer) => void): Thread {
  const worker = new Worker(new URL('./answer-worker.ts', import.meta.url), { name: 'answer' })
  const thread: Thread = { worker, jobs: new Map(), dead: false }
  worker.on('message', (reply: AnswerReply) => {
    if ('taken' in reply) onRoom(reply.taken)
    const job = thread.jobs.get(reply.job)
    if (!job) return // it was dropped
    if ('taken' in reply) job.ahead--
    else if ('answers' in reply) job.answers = reply.answers
    else
      job.failure =
        'corrupt' in reply ? CORRUPT : new HoldfastError('INTERNAL', { what: `an answering thread: ${reply.failed}` })
    job.wake?.()
  })
  const fail = (what: string) => {
    thread.dead = true
    for (const job of thread.jobs.values()) {
      job.failure ??= new HoldfastError('INTERNAL', { what: `an answering thread stopped: ${what}` })
      job.wake?.()
    }
  }
  worker.on('error', (cause) => fail(cause instanceof Error ? cause.message : String(cause)))
  worker.on('exit', (code) => fail(`exit ${code}`))
  worker.unref()
  return thread
}
