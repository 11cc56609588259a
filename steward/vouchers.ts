/**
 * Settling off chain (voucher/1): a docket that its uploader signed is answered with the sweep signature, for a voucher that raises what it
 * promised. Vouchers are on disk before the uploader hears so, and are redeemed before they can lose their worth. docs/spec/wire.md §13;
 * docs/spec/settlement.md.
 */
import { equalBytes, toHex } from '../base/bytes.ts'
import { type Address, recoverSigner, signDigest } from '../base/curve.ts'
import { asHoldfastError, HoldfastError } from '../base/errors.ts'
import type { Clock, Log } from '../base/ports.ts'
import { type Domain, docketDigest, sweepDigest, voucherDigest } from '../base/typed-data.ts'
import { DAY, MiB } from '../base/units.ts'
import { type Challenge, claimSecretOf, decodeDocket, docketHashOf } from '../blob/docket.ts'
import { only } from '../net/messages/fields.ts'
import {
  decodeVoucherMessage,
  encodeVoucherMessage,
  MAX_VOUCHER_FRAME,
  type VoucherMessage,
} from '../net/messages/voucher.ts'
import type { Wire } from '../net/wire.ts'
import type { Book } from './book.ts'
import type { Fault, RedeemedFact, StewardChain, StewardOutbox } from './ports.ts'
import {
  type AnsweredRound,
  assertCovered,
  assertMayAsk,
  LONGEST_WINDOW,
  noPromise,
  openOf,
  type PromiseRecord,
  promiseDue,
  redeemDue,
  redeemReason,
  roundPaidBy,
  VOUCHER_WITHIN,
  withoutIntent,
  withRedeemed,
  withVoucher,
} from './promise.ts'
import type { DocketReading } from './reading.ts'
import type { Step } from './step.ts'
import type { Watch } from './watch.ts'

export interface VoucherDeps {
  readonly book: Book
  readonly domain: Domain
  readonly steward: Address
  readonly chain: Pick<StewardChain, 'balanceOf' | 'poke'>
  readonly clock: Clock
  readonly outbox: Pick<StewardOutbox, 'redeem' | 'kick'>
  readonly watch: Pick<Watch, 'leastFor' | 'credit'>
  readonly log: Log
  /** Chain time. */
  now(): number
  /** Runs a step alone and commits it. */
  step<Result>(run: (step: Step) => Result | Promise<Result>): Promise<Result>
  readDocket(challenges: readonly Challenge[], poster: Address, isThorough: boolean): Promise<DocketReading>
  alert(code: 'voucher-late' | 'voucher-short', about: string): void
  readonly fault?: Fault | undefined
}

/** Offers being answered at the same time, of different uploaders. */
const MAX_RUNNING = 2
/** A docket comes in pieces, so that a slow one is not late as a whole. Bytes. */
const PIECE = MiB
/** How long an offer waits for our head to come near it. Milliseconds. */
const HEAD_WAIT_MS = 3_000
/** Balances of who promised something are looked at so often. Seconds of chain time. */
const LOOK_EVERY = DAY
/** Until the chain is asked again that did not answer. Seconds of chain time. */
const PAUSE = 300

type Offer = Extract<VoucherMessage, { readonly kind: 'offer' }>
type Voucher = Extract<VoucherMessage, { readonly kind: 'voucher' }>

export function createVouchers(deps: VoucherDeps) {
  const { book, domain, steward, chain, log } = deps
  /** Whose offer is being answered. */
  const answering = new Set<Address>()
  let lookedAt = 0
  /** While the chain does not say what is there. Chain time. */
  let pausedUntil = 0

  /** The server of voucher/1: one round, or one voucher, a stream. */
  async function serve(wire: Wire): Promise<void> {
    const first = decodeVoucherMessage(await wire.receive(MAX_VOUCHER_FRAME))
    if (first.kind === 'voucher') return takeVoucher(wire, first)
    await answerOffer(wire, only(first, 'offer'))
    await takeVoucher(wire, only(decodeVoucherMessage(await wire.receive(MAX_VOUCHER_FRAME)), 'voucher'))
  }

  async function answerOffer(wire: Wire, offer: Offer): Promise<void> {
    const asker = await admit(offer)
    if (answering.has(asker) || answering.size >= MAX_RUNNING)
      throw new HoldfastError('PEER_BUSY', { what: `${answering.size} rounds are being answered` })
    answering.add(asker)
    try {
      const challenges = await receiveDocket(wire, offer)
      const promise = promiseOf(asker)
      const given = promise.round ?? (await answerRound(asker, offer, challenges))
      const { cumulative, signature: signed } = promise
      const known = cumulative > 0n ? { cumulative, signature: signed } : undefined
      await wire.send(encodeVoucherMessage({ kind: 'answer', signature: given.signature, known }))
    } finally {
      answering.delete(asker)
    }
  }

  /** Whose offer it is; nothing of the disk is read for what is refused here. */
  async function admit({ docketHash, amount, deadline, length, signature }: Offer): Promise<Address> {
    const invalid = (what: string) => new HoldfastError('VOUCHER_INVALID', { what })
    const asker = recoverSigner(docketDigest(domain, { steward, docketHash, amount, deadline }), signature)
    if (asker === undefined) throw invalid('a round that nobody signed')
    const { placements } = book.heldFor(asker)
    if (placements === 0) throw invalid('a round of somebody who placed nothing here, or of another market')
    if (length > 4 + 64 * placements) throw invalid('more challenges than blobs are held for who asks')
    await untilNear(deadline)
    const promise = promiseOf(asker)
    assertMayAsk(promise, { docketHash: toHex(docketHash), amount, deadline }, deps.now())
    assertCovered(promise, promise.cumulative + amount, await chain.balanceOf(asker))
    return asker
  }

  /** The uploader's feed may be a moment ahead of ours: on a dev chain a moment is days. */
  async function untilNear(deadline: number): Promise<void> {
    const until = deps.clock.monotonic() + HEAD_WAIT_MS
    while (deadline > deps.now() + LONGEST_WINDOW && deps.clock.monotonic() < until) {
      chain.poke()
      await deps.clock.sleep(100)
    }
  }

  async function receiveDocket(wire: Wire, { docketHash, length }: Offer): Promise<readonly Challenge[]> {
    await wire.send(encodeVoucherMessage({ kind: 'go' }))
    const docket = new Uint8Array(length)
    for (let at = 0; at < length; at += PIECE) await wire.receiveInto(docket.subarray(at, Math.min(length, at + PIECE)))
    if (equalBytes(docketHashOf(docket), docketHash)) return decodeDocket(docket)
    throw new HoldfastError('VOUCHER_INVALID', { what: 'the docket is not the one of its hash' })
  }

  /** Reads every blob and signs; the round is in the book before its signature leaves. @throws `BLOB_UNKNOWN`, `VOUCHER_SHORT`, … */
  async function answerRound(asker: Address, offer: Offer, challenges: readonly Challenge[]): Promise<AnsweredRound> {
    const { amount, deadline } = offer
    const placements = challenges.map(({ blobId }) => {
      const blob = toHex(blobId)
      const held = book.livingOf(blob, asker)?.held
      if (!held || held.lost) throw new HoldfastError('BLOB_UNKNOWN', { blob })
      return held.id
    })
    const docketHash = toHex(offer.docketHash)
    const round = { id: docketHash, poster: asker, amount, placements, postedAt: deps.now() }
    const owed = await deps.step((step) => deps.watch.leastFor(step, round))
    if (amount < owed || amount < 1n) throw new HoldfastError('VOUCHER_SHORT', { got: amount, owed })
    const { answered, lost, unread } = await deps.readDocket(challenges, asker, false)
    const [missing] = lost
    if (missing !== undefined) throw new HoldfastError('BLOB_UNKNOWN', { blob: missing })
    for (const why of unread.values()) throw why
    const signature = signDigest(claimSecretOf(domain, answered), sweepDigest(domain, { payee: steward, deadline }))
    const made: AnsweredRound = { docketHash, amount, deadline, placements, asked: round.postedAt, signature }
    await deps.step((step) => {
      const promise = step.promise(asker)
      assertMayAsk(promise, made, step.now)
      step.savePromise({ ...promise, round: made })
    })
    await deps.fault?.('round.answered')
    log.info('round.answered', { uploader: asker, blobs: challenges.length, amount: String(amount) })
    return made
  }

  async function takeVoucher(wire: Wire, voucher: Voucher): Promise<void> {
    const { from, cumulative, signature } = voucher
    const round = toHex(voucher.round)
    if (recoverSigner(voucherDigest(domain, { from, to: steward, cumulative }), signature) !== from)
      throw new HoldfastError('VOUCHER_INVALID', {
        what: 'it is not signed by its uploader for this steward, market and chain',
      })
    if (roundPaidBy(promiseOf(from), { round, cumulative }) !== undefined) {
      const balance = await chain.balanceOf(from)
      await deps.step((step) => keep(step, { from, round, cumulative, signature }, balance))
      await deps.fault?.('voucher.kept')
      await look([from], balance)
    }
    await wire.send(encodeVoucherMessage({ kind: 'taken' }))
  }

  function promiseOf(from: Address): PromiseRecord {
    return book.promises.get(from) ?? noPromise(from)
  }

  /** The promise rises, and its round is paid, in one batch. */
  function keep(
    step: Step,
    voucher: { from: Address; round: string; cumulative: bigint; signature: Uint8Array },
    balance: bigint,
  ): void {
    const promise = step.promise(voucher.from)
    const round = roundPaidBy(promise, voucher)
    if (round === undefined) return // it came twice at once
    assertCovered(promise, voucher.cumulative, balance)
    step.savePromise(withVoucher(promise, voucher, step.now))
    const { docketHash: id, placements, asked: postedAt } = round
    const amount = voucher.cumulative - promise.cumulative
    deps.watch.credit(step, { id, poster: voucher.from, amount, placements, postedAt }, step.now)
    log.info('voucher.taken', {
      uploader: voucher.from,
      amount: String(amount),
      cumulative: String(voucher.cumulative),
    })
  }

  /** The chain paid a voucher, or took that back. */
  function onRedeemed(step: Step, fact: RedeemedFact, sign: 1 | -1): void {
    const before = step.promise(fact.from)
    const next = withRedeemed(before, fact, sign, step.now)
    step.savePromise(next)
    log.info('voucher.redeemed', { uploader: fact.from, paid: String(fact.paid), open: String(openOf(next)) })
    if (!next.short || before.short) return
    log.warn('voucher.short', { uploader: fact.from, open: String(openOf(next)) })
    deps.alert('voucher-short', fact.from)
  }

  /** The outbox gave a redeem up. True: it was one. */
  function onRefused(step: Step, intent: string, reason: Error): boolean {
    for (const { from } of book.promises.values()) {
      const promise = step.promise(from)
      if (promise.intent?.id !== intent) continue
      log.warn('redeem.refused', { uploader: from, reason: reason.message })
      step.savePromise(withoutIntent(promise, step.now))
      return true
    }
    return false
  }

  /** Who owes a voucher for a day is called late. */
  function tick(step: Step): void {
    for (const { from } of book.promises.values()) {
      const promise = step.promise(from)
      const { round } = promise
      if (!round || round.told || step.now < round.asked + VOUCHER_WITHIN) continue
      step.savePromise({ ...promise, round: { ...round, told: true } })
      log.warn('voucher.late', { uploader: from, amount: String(round.amount) })
      deps.alert('voucher-late', from)
    }
  }

  /** Looks at the balances of who promised something, and redeems what is due. @param known of the only one, gwei */
  async function look(whom: Iterable<Address>, known?: bigint): Promise<void> {
    for (const from of whom) {
      const promise = book.promises.get(from)
      if (!promise || openOf(promise) === 0n || promise.intent !== undefined) continue
      try {
        const balance = known ?? (await chain.balanceOf(from))
        if (await deps.step((step) => redeem(step, step.promise(from), balance))) deps.outbox.kick()
      } catch (cause) {
        pausedUntil = deps.now() + PAUSE
        log.warn('voucher.not-looked-at', { uploader: from, message: asHoldfastError(cause).message })
      }
    }
  }

  function redeem(step: Step, promise: PromiseRecord, balance: bigint): boolean {
    const { from, cumulative, redeemed, signature } = promise
    const why = redeemReason(promise, balance, uploaderIs(from, promise), step.now)
    if (why === undefined) {
      // nothing to be had now: looked at again, and not all the time
      if ((redeemDue(promise) ?? step.now + 1) <= step.now)
        step.savePromise({ ...promise, notBefore: step.now + LOOK_EVERY })
      return false
    }
    const id = `redeem/${from}/${cumulative}/${redeemed}`
    step.batch.also(deps.outbox.redeem(id, { from, to: steward, cumulative }, signature))
    step.savePromise({ ...promise, intent: { id, cumulative } })
    log.info('redeem.intended', { uploader: from, open: String(openOf(promise)), why })
    return true
  }

  function uploaderIs(from: Address, { round }: PromiseRecord): 'there' | 'quiet' | 'gone' {
    let isThere = false
    for (const { held } of book.holdings.values()) {
      if (held.uploader !== from || held.state === 'pruned') continue
      if (held.state === 'warned') return 'quiet'
      isThere = true
    }
    if (!isThere) return 'gone'
    return round?.told ? 'quiet' : 'there'
  }

  return {
    serve,
    onRedeemed,
    onRefused,
    tick,
    /** Rounds being answered. */
    running: () => answering.size,
    /** When something is to be done about a promise. */
    due(): number | undefined {
      const times = [...book.promises.values()].flatMap((promise) => promiseDue(promise) ?? [])
      return times.length === 0 ? undefined : Math.max(pausedUntil, Math.min(...times))
    },
    /** Redeems what is due now; all balances are looked at once a day of chain time. */
    async lookAround(): Promise<void> {
      const now = deps.now()
      if (now < pausedUntil) return
      const isTime = now >= lookedAt + LOOK_EVERY
      if (isTime) lookedAt = now
      const open = [...book.promises.values()].filter((promise) => openOf(promise) > 0n)
      await look(open.filter((promise) => isTime || (redeemDue(promise) ?? now + 1) <= now).map(({ from }) => from))
    },
  }
}

/** What was promised and what was paid, for the operator. */
export function viewPromises(book: Pick<Book, 'promises'>) {
  return [...book.promises.values()].map((promise) => {
    const { from, cumulative, redeemed, round, short, last } = promise
    return {
      from,
      cumulative,
      redeemed,
      open: openOf(promise),
      owed: round?.amount ?? 0n,
      isShort: short === true,
      last,
    }
  })
}
