/**
 * Sweeping: bounties whose docket is known and whose post is final are answered, and their claims leave together, in one intent for up to a
 * hundred. A single bounty does not wait for company. Nothing is claimed after its deadline, and nothing without every answer: a docket with
 * blobs that are lost is released instead.
 */
import type { Address } from '../base/curve.ts'
import { asHoldfastError } from '../base/errors.ts'
import type { Clock, Log } from '../base/ports.ts'
import type { Domain } from '../base/typed-data.ts'
import { HOUR } from '../base/units.ts'
import type { Challenge } from '../blob/docket.ts'
import type { Book } from './book.ts'
import { type Claim, claimOf, sweepCallOf, sweepIdOf } from './claim.ts'
import type { Damage } from './damage.ts'
import type { Answer, Fault, StewardOutbox } from './ports.ts'
import { createReading, type DocketReading } from './reading.ts'
import type { BountyRecord } from './records.ts'
import type { Step } from './step.ts'
import type { Watch } from './watch.ts'

/** Claims of one transaction: a hundred fit a block everywhere and spread its fixed cost. contracts.md, Gas. */
const MAX_CLAIMS = 100
/** How long finished claims wait for bounties that are being answered now. Milliseconds. */
const GATHER_MS = 20
/** A disk that could not be read is tried again: first after this time, then after twice as long each. Seconds of chain time. */
const RETRY_AFTER = 300
const MAX_RETRY_AFTER = 6 * HOUR
/**
 * What could not be read until then is given up, if others on its docket can be: the poster asks for releases every twelve hours, and the
 * retries above are at most six apart. Seconds of chain time before the deadline.
 */
const GIVE_UP_BEFORE = 18 * HOUR

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
  readonly damage: Pick<Damage, 'confirm' | 'giveUp'>
  /** Signs for the poster that the bounty is not swept any more. */
  release(bounty: string, lost: ReadonlySet<string>): Promise<boolean>
  /** A bounty whose key no bytes give. */
  bogus?(bounty: BountyRecord, challenges: readonly Challenge[]): void
  alert(code: 'bounty-bogus' | 'blob-unreadable', about: string): void
  /** Something ended: whoever waits may look again. */
  notify(): void
  readonly fault?: Fault | undefined
}

export function createSweeper(deps: SweeperDeps) {
  const { book, watch, domain, steward, clock, log } = deps
  /** Ids being answered or waiting for their flush. */
  const working = new Set<string>()
  const retryAt = new Map<string, number>()
  /** The last pause of what could not be read. */
  const pauses = new Map<string, number>()
  const running = new Set<Promise<void>>()
  const stopping = new AbortController()
  const readDocket = createReading({ book, answer: deps.answer, damage: deps.damage, clock, signal: stopping.signal })
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
    const isLate = deps.now() > bounty.deadline - GIVE_UP_BEFORE
    let reading: DocketReading
    try {
      reading = await readDocket(challenges, bounty.poster, isLate)
    } catch (cause) {
      if (!stopping.signal.aborted) log.error('sweep.failed', { bounty: id, message: asHoldfastError(cause).message })
      return undefined
    }
    const { answered, lost, unread, whole } = reading
    if (unread.size > 0 && !(isLate && whole > 0)) {
      putOff(bounty, unread)
      return undefined
    }
    if (lost.size + unread.size > 0) {
      await giveBack(bounty, reading)
      return undefined
    }
    const made = claimOf(domain, bounty, answered, steward)
    if (!made) {
      log.warn('bounty.bogus', { bounty: id, poster: bounty.poster, why: 'the bytes give another claim key' })
      deps.alert('bounty-bogus', id)
      await endBogus(bounty, 'the bytes give another claim key')
      deps.bogus?.(bounty, challenges)
      return undefined
    }
    log.debug('bounty.answered', { bounty: id, blobs: challenges.length, ms: Math.round(clock.monotonic() - began) })
    return made
  }

  /** Our own trouble, perhaps a passing one: the row is still worth its money until the deadline. */
  function putOff(bounty: BountyRecord, unread: DocketReading['unread']): void {
    for (const [blob, { code, message }] of unread)
      log.error('blob.unreadable', { bounty: bounty.id, blob, code, why: message })
    const last = pauses.get(bounty.id)
    if (last === undefined) for (const blob of unread.keys()) deps.alert('blob-unreadable', blob)
    const pause = last === undefined ? RETRY_AFTER : Math.min(2 * last, MAX_RETRY_AFTER)
    pauses.set(bounty.id, pause)
    retryAt.set(bounty.id, deps.now() + pause)
  }

  /** Blobs on it are lost, among them those that could not be read all the time: the sound ones must not go unpaid for them. */
  async function giveBack(bounty: BountyRecord, { lost, unread }: DocketReading): Promise<void> {
    const all = new Set(lost)
    for (const [blob, { message }] of unread)
      if ((await deps.damage.giveUp(blob, message)).kind !== 'whole') all.add(blob)
    if (all.size > 0) await deps.release(bounty.id, all)
    else putOff(bounty, unread) // all of it can be read after all
  }

  /** Nobody can claim it: it is over at once. */
  async function endBogus(bounty: BountyRecord, why: string): Promise<void> {
    await deps.step((step) => {
      const current = step.bounty(bounty.id)
      if (current?.phase !== 'posted') return
      for (const id of current.placements ?? []) step.tell(id, { kind: 'unasked', bounty: current.id })
      step.closeBounty({ ...current, phase: 'bogus', why })
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
