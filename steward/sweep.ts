/**
 * Sweeping: bounties whose docket is known and whose post is final are answered, and their claims leave together, in one intent for up to a
 * hundred. A single bounty does not wait for company. Nothing is claimed after its deadline, and nothing without every answer.
 */
import { toHex } from '../base/bytes.ts'
import type { Address } from '../base/curve.ts'
import { asHoldfastError, HoldfastError, hasCode } from '../base/errors.ts'
import type { Clock, Log } from '../base/ports.ts'
import type { Domain } from '../base/typed-data.ts'
import { HOUR } from '../base/units.ts'
import type { AnsweredChallenge, Challenge } from '../blob/docket.ts'
import type { Book } from './book.ts'
import { type Claim, claimOf, sweepCallOf, sweepIdOf } from './claim.ts'
import type { Answer, Fault, StewardOutbox } from './ports.ts'
import type { BountyRecord } from './records.ts'
import type { Step } from './step.ts'
import type { Watch } from './watch.ts'

/** Claims of one transaction: a hundred fit a block everywhere and spread its fixed cost. contracts.md, Gas. */
const MAX_CLAIMS = 100
/** Blobs read at the same time: a disk likes a queue, memory does not. */
const READERS = 4
/** How long finished claims wait for bounties that are being answered now. Milliseconds. */
const GATHER_MS = 20
/** A disk that could not be read is tried again: first after this time, then after twice as long each. Seconds of chain time. */
const RETRY_AFTER = 300
const MAX_RETRY_AFTER = 6 * HOUR
/** Longest reading of a blob: a fixed part, and its length at a megabyte a second. Milliseconds. */
const READ_MS = 60_000
const READ_BYTES_PER_MS = 1000

export interface SweeperDeps {
  readonly book: Book
  readonly watch: Watch
  readonly domain: Domain
  readonly steward: Address
  readonly answer: Answer
  readonly outbox: Pick<StewardOutbox, 'sweep' | 'kick'>
  readonly clock: Clock
  readonly log: Log
  /** Runs a step alone and commits it. */
  step<Result>(run: (step: Step) => Result | Promise<Result>): Promise<Result>
  /** Chain time. */
  now(): number
  /** The bytes of a blob are not what they should be: puts them aside. */
  onDamage(blobId: Uint8Array, why: HoldfastError): Promise<void>
  alert(code: 'blob-lost' | 'bounty-bogus' | 'blob-unreadable', about: string): void
  /** Something ended: whoever waits may look again. */
  notify(): void
  readonly fault?: Fault | undefined
}

export type Sweeper = ReturnType<typeof createSweeper>

export function createSweeper(deps: SweeperDeps) {
  const { book, watch, domain, steward, clock, log } = deps
  /** Ids being answered or waiting for their flush. */
  const working = new Set<string>()
  const retryAt = new Map<string, number>()
  /** The last pause of what could not be read. */
  const pauses = new Map<string, number>()
  const running = new Set<Promise<void>>()
  const stopping = new AbortController()
  let claims: Claim[] = []
  let answering = 0
  let isGathering = false

  /** Starts on these, unless they are being worked on or were put off. */
  function take(ids: readonly string[]): void {
    for (const id of ids) {
      if (stopping.signal.aborted || working.has(id) || (retryAt.get(id) ?? 0) > deps.now()) continue
      working.add(id)
      track(claim(id))
    }
  }

  function track(job: Promise<void>): void {
    const done = job
      .catch((cause: unknown) =>
        log.error('sweep.failed', { code: asHoldfastError(cause).code, message: asHoldfastError(cause).message }),
      )
      .finally(() => {
        running.delete(done)
        deps.notify()
      })
    running.add(done)
  }

  async function claim(id: string): Promise<void> {
    answering++
    let made: Claim | undefined
    try {
      made = await answerBounty(id)
    } finally {
      answering--
      if (made) claims.push(made)
      else working.delete(id)
    }
    if (claims.length === 0) return
    if (answering === 0 || claims.length >= MAX_CLAIMS) await flush()
    else if (!isGathering) track(gather())
  }

  async function gather(): Promise<void> {
    isGathering = true
    await clock.sleep(GATHER_MS, stopping.signal).catch(() => undefined) // stopping: what is ready still leaves
    isGathering = false
    await flush()
  }

  async function answerBounty(id: string): Promise<Claim | undefined> {
    const bounty = book.bounties.get(id)
    if (bounty?.phase !== 'posted' || deps.now() > bounty.deadline) return undefined
    const challenges = await watch.challengesOf(bounty)
    if (!challenges) return undefined
    const began = clock.monotonic()
    let answered: AnsweredChallenge[]
    try {
      answered = await answerAll(challenges, bounty)
    } catch (cause) {
      await onUnanswered(bounty, asHoldfastError(cause))
      return undefined
    }
    const made = claimOf(domain, bounty, answered, steward)
    if (!made) {
      log.warn('bounty.bogus', { bounty: id, poster: bounty.poster, why: 'the bytes give another claim key' })
      deps.alert('bounty-bogus', id)
      await end(bounty, 'bogus', 'the bytes give another claim key')
      return undefined
    }
    log.debug('bounty.answered', { bounty: id, blobs: challenges.length, ms: Math.round(clock.monotonic() - began) })
    return made
  }

  async function answerAll(challenges: readonly Challenge[], bounty: BountyRecord): Promise<AnsweredChallenge[]> {
    const answered: AnsweredChallenge[] = new Array(challenges.length)
    let next = 0
    let isBroken = false
    const read = async () => {
      while (next < challenges.length && !isBroken) {
        stopping.signal.throwIfAborted()
        const at = next++
        const challenge = challenges[at] as Challenge
        const length = book.livingOf(toHex(challenge.blobId), bounty.poster)?.held.length
        try {
          if (length === undefined) throw new HoldfastError('BLOB_UNKNOWN', { blob: toHex(challenge.blobId) })
          const [answer] = await inTime(deps.answer({ blobId: challenge.blobId, length }, [challenge.nonce]), length)
          answered[at] = { ...challenge, answer: answer as Uint8Array }
        } catch (cause) {
          isBroken = true
          throw cause
        }
      }
    }
    await Promise.all(Array.from({ length: Math.min(READERS, challenges.length) }, read))
    return answered
  }

  /** A disk that hangs must not keep a bounty from being tried again. @throws `STORE_UNUSABLE` */
  async function inTime<Value>(value: Promise<Value>, length: number): Promise<Value> {
    const over = new AbortController()
    const ms = READ_MS + Math.ceil(length / READ_BYTES_PER_MS)
    const late = clock.sleep(ms, over.signal).then(() => {
      throw new HoldfastError('STORE_UNUSABLE', { path: 'the volume', what: `a blob was not read within ${ms} ms` })
    })
    try {
      return await untilStopped(Promise.race([value, late]))
    } finally {
      late.catch(() => undefined) // nobody waits for it any more
      over.abort()
    }
  }

  /** A disk that hangs must not keep the daemon from ending. */
  function untilStopped<Value>(value: Promise<Value>): Promise<Value> {
    return new Promise((resolve, reject) => {
      const onStop = () => reject(stopping.signal.reason)
      if (stopping.signal.aborted) onStop()
      stopping.signal.addEventListener('abort', onStop)
      value.then(resolve, reject).finally(() => stopping.signal.removeEventListener('abort', onStop))
    })
  }

  async function onUnanswered(bounty: BountyRecord, why: HoldfastError): Promise<void> {
    if (stopping.signal.aborted) return
    const { code, message } = why
    const blob = String(why.data.blob)
    // a file that is not there may be on a volume that comes back; bytes that are wrong, or no longer ours to keep, do not
    const isAway = hasCode(why, 'BLOB_UNKNOWN') && book.livingOf(blob, bounty.poster) !== undefined
    if (hasCode(why, 'BLOB_CORRUPT', 'BLOB_UNKNOWN') && !isAway) {
      log.error('blob.lost', { blob, bounty: bounty.id, why: why.message })
      deps.alert('blob-lost', blob)
      const challenges = await watch.challengesOf(bounty)
      const lost = challenges?.find(({ blobId }) => toHex(blobId) === blob)
      if (lost) await deps.onDamage(lost.blobId, why)
      await end(bounty, 'lost', why.message)
      return
    }
    // our own trouble, perhaps a passing one: the row is still worth its money until the deadline
    log.error('blob.unreadable', { bounty: bounty.id, code, why: message })
    const last = pauses.get(bounty.id)
    if (last === undefined) deps.alert(isAway ? 'blob-lost' : 'blob-unreadable', isAway ? blob : bounty.id)
    const pause = last === undefined ? RETRY_AFTER : Math.min(2 * last, MAX_RETRY_AFTER)
    pauses.set(bounty.id, pause)
    retryAt.set(bounty.id, deps.now() + pause)
  }

  /** `bogus` is over at once; a `lost` one stays on the books until its deadline, as a miss to come. */
  async function end(bounty: BountyRecord, phase: 'bogus' | 'lost', why: string): Promise<void> {
    await deps.step((step) => {
      const current = step.bounty(bounty.id)
      if (current?.phase !== 'posted') return
      if (phase === 'lost') return step.saveBounty({ ...current, phase, why })
      for (const id of current.placements ?? []) step.tell(id, { kind: 'unasked', bounty: current.id })
      step.closeBounty({ ...current, phase, why })
    })
  }

  /** Everything that is ready becomes one intent, together with the state that knows of it. */
  async function flush(): Promise<void> {
    while (claims.length > 0) {
      const batch = claims.slice(0, MAX_CLAIMS)
      claims = claims.slice(MAX_CLAIMS)
      try {
        const sent = await deps.step((step) => intend(step, batch))
        if (sent > 0) {
          await deps.fault?.('sweep.intended')
          deps.outbox.kick()
        }
      } finally {
        for (const { bounty } of batch) {
          working.delete(bounty)
          retryAt.delete(bounty)
          pauses.delete(bounty)
        }
      }
    }
  }

  function intend(step: Step, batch: readonly Claim[]): number {
    const timely = batch.filter(
      ({ bounty, deadline }) => step.bounty(bounty)?.phase === 'posted' && step.now <= deadline,
    )
    if (timely.length === 0) return 0
    const intent = sweepIdOf(timely)
    step.batch.also(deps.outbox.sweep(intent, sweepCallOf(steward, timely)))
    for (const { bounty } of timely) {
      const record = step.bounty(bounty)
      if (record) step.saveBounty({ ...record, phase: 'claimed', intent, claimedAt: step.now })
    }
    log.info('sweep.intended', { intent, bounties: timely.length })
    return timely.length
  }

  return {
    take,
    /** Jobs under way. */
    running: () => working.size,
    /** When a bounty that could not be read is tried again. */
    retryDue(): number | undefined {
      let least: number | undefined
      for (const [id, due] of retryAt) {
        const bounty = book.bounties.get(id)
        if (bounty?.phase !== 'posted') {
          retryAt.delete(id)
          pauses.delete(id)
        } else if (due <= bounty.deadline && (least === undefined || due < least)) least = due
      }
      return least
    },
    async stop(): Promise<void> {
      stopping.abort()
      while (running.size > 0) await Promise.all(running)
    },
  }
}
