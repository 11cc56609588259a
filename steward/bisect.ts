/**
 * Questions of a bisection (docket/1): after a miss its uploader asks over parts of the docket which blobs are still here. Every byte asked
 * for is read, so the question must be signed by whoever the blobs are held for, and there is a limit. protocol.md §8; docs/spec/wire.md §7.
 */
import { equalBytes, toHex } from '../base/bytes.ts'
import { type Address, recoverSigner } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import type { Clock, Log } from '../base/ports.ts'
import { type Domain, docketDigest } from '../base/typed-data.ts'
import { DAY, MiB } from '../base/units.ts'
import { bisectAnswerOf, type Challenge, decodeDocket, docketHashOf } from '../blob/docket.ts'
import { type DocketMessage, encodeDocketMessage } from '../net/messages/docket.ts'
import type { Wire } from '../net/wire.ts'
import type { Book } from './book.ts'
import type { DocketReading } from './reading.ts'

export interface BisectDeps {
  readonly book: Book
  readonly domain: Domain
  readonly steward: Address
  readonly clock: Clock
  readonly log: Log
  /** Chain time. */
  now(): number
  /** Answers to bounties are being made: the disk is theirs. */
  isAnswering(): boolean
  readDocket(
    challenges: readonly Challenge[],
    poster: Address,
    isThorough: boolean,
    turn: () => Promise<void>,
  ): Promise<DocketReading>
}

/** How often every byte held for one uploader is read for its questions in a day: a docket of a million takes 21 questions a lost blob. */
const READS_A_DAY = 32
/** Questions being answered at the same time, of different uploaders. */
const MAX_RUNNING = 2
/** How long a question waits for its turn: less than a controller waits for `go`, or for an answer. Milliseconds. */
const TURN_MS = 20_000
/** A question waits so long, at most, for answers that are being made; then it reads a blob all the same. Milliseconds. */
const YIELD_MS = 5_000
/** Uploaders whose questions are counted; the longest silent are forgotten. */
const MAX_ASKERS = 10_000
/** A part comes in pieces, so that a slow one is not late as a whole. Bytes. */
const PIECE = MiB

export type Bisection = ReturnType<typeof createBisection>

export function createBisection(deps: BisectDeps) {
  const { book, domain, steward, clock, log } = deps
  /** Bytes read for an uploader, running off over a day of real time. */
  const spent = new Map<Address, { readonly bytes: number; readonly at: number }>()
  /** Who brings a question, or has it answered. */
  const asking = new Set<Address>()
  let running = 0

  /** The server of `bisect`. @throws `BLOB_UNKNOWN` when not all of it is here, `BOUNTY_INVALID` for what is no question to us, `PEER_BUSY` */
  async function answer(wire: Wire, question: Extract<DocketMessage, { readonly kind: 'bisect' }>): Promise<void> {
    const { docketHash, until, signature, length } = question
    const asker = recoverSigner(docketDigest(domain, { steward, docketHash, amount: 0n, deadline: until }), signature)
    if (asker === undefined) throw new HoldfastError('BOUNTY_INVALID', { what: 'a question that nobody signed' })
    if (deps.now() > until) throw new HoldfastError('BOUNTY_INVALID', { what: 'a question whose time is over' })
    const held = book.heldFor(asker)
    if (held.placements === 0)
      throw new HoldfastError('BOUNTY_INVALID', { what: 'a question of somebody who placed nothing here' })
    if (length > 4 + 64 * held.placements)
      throw new HoldfastError('BOUNTY_INVALID', { what: 'more challenges than blobs are held for who asks' })
    await awaitTurn(wire, () => !asking.has(asker), 'questions by one uploader')
    asking.add(asker)
    try {
      const part = await receivePart(wire, question)
      // whoever is slow with its bytes keeps nobody else waiting
      await awaitTurn(wire, () => running < MAX_RUNNING, `${running} questions are being answered`)
      running++
      try {
        const said = await answerTo(wire, decodeDocket(part), asker)
        await wire.send(encodeDocketMessage({ kind: 'answer', answer: said }))
      } finally {
        running--
      }
    } finally {
      asking.delete(asker)
    }
  }

  async function receivePart(
    wire: Wire,
    { docketHash, length }: { readonly docketHash: Uint8Array; readonly length: number },
  ): Promise<Uint8Array> {
    await wire.send(encodeDocketMessage({ kind: 'go' }))
    const part = new Uint8Array(length)
    for (let at = 0; at < length; at += PIECE) await wire.receiveInto(part.subarray(at, Math.min(length, at + PIECE)))
    if (equalBytes(docketHashOf(part), docketHash)) return part
    throw new HoldfastError('BOUNTY_INVALID', { what: 'the part is not the one of its hash' })
  }

  async function answerTo(wire: Wire, challenges: readonly Challenge[], asker: Address): Promise<Uint8Array> {
    spend(asker, lengthOf(challenges, asker), READS_A_DAY * book.heldFor(asker).bytes)
    const { answered, lost, unread } = await deps.readDocket(challenges, asker, false, () => untilFree(wire))
    const [missing] = lost
    if (missing !== undefined) throw new HoldfastError('BLOB_UNKNOWN', { blob: missing })
    for (const why of unread.values()) throw why
    log.info('question.answered', { asker, blobs: challenges.length })
    return bisectAnswerOf(domain, answered)
  }

  /** @throws `PEER_BUSY`, or why the stream is over */
  async function awaitTurn({ gone }: Wire, isFree: () => boolean, what: string): Promise<void> {
    const until = clock.monotonic() + TURN_MS
    while (!isFree()) {
      if (clock.monotonic() >= until) throw new HoldfastError('PEER_BUSY', { what })
      gone.throwIfAborted()
      await clock.sleep(20, gone)
    }
    gone.throwIfAborted()
  }

  /** Behind the answers, and only while somebody waits for this one. @throws why the stream is over */
  async function untilFree({ gone }: Wire): Promise<void> {
    const until = clock.monotonic() + YIELD_MS
    gone.throwIfAborted()
    while (deps.isAnswering() && clock.monotonic() < until) await clock.sleep(20, gone)
  }

  /** Bytes to be read. What is known to be lost is said at once. @throws `BLOB_UNKNOWN` */
  function lengthOf(challenges: readonly Challenge[], asker: Address): number {
    let sum = 0
    for (const { blobId } of challenges) {
      const blob = toHex(blobId)
      const held = book.livingOf(blob, asker)?.held
      if (!held || held.lost) throw new HoldfastError('BLOB_UNKNOWN', { blob })
      sum += held.length
    }
    return sum
  }

  /** @throws `PEER_BUSY` */
  function spend(asker: Address, bytes: number, limit: number): void {
    const now = clock.monotonic()
    const known = spent.get(asker)
    const used = known === undefined ? 0 : Math.max(0, known.bytes - (limit * (now - known.at)) / (DAY * 1000))
    if (used + bytes > limit) throw new HoldfastError('PEER_BUSY', { what: 'reads for questions today' })
    spent.delete(asker)
    spent.set(asker, { bytes: used + bytes, at: now })
    const [oldest] = spent.keys()
    if (spent.size > MAX_ASKERS && oldest !== undefined) spent.delete(oldest)
  }

  return { answer }
}
