/**
 * Transactions on their way: signing, broadcasting, looking after them until they are final. The nonce ledger is here: one sender per key,
 * resynchronised from the chain whenever what the chain says does not fit. For outbox.ts alone.
 */
import type { Address } from '../base/curve.ts'
import { isRevert, revertReason } from './abi.ts'
import { type Hex, hexBig, hexNumber, type Receipt } from './chain-data.ts'
import { createBudget } from './outbox-budget.ts'
import type { FaultSite, OutboxOptions } from './outbox-options.ts'
import { createReceipts } from './outbox-receipts.ts'
import type { Entry, Flight, outboxRecords, Settled, Variant } from './outbox-record.ts'
import {
  byUrgency,
  classifyRefusal,
  firstOffer,
  gasLimit,
  MAX_BUMPS,
  MAX_IN_FLIGHT,
  raisedOffer,
} from './outbox-rules.ts'
import { call, DEV_CHAIN_ID, type Fees, quantity, resultOf } from './rpc.ts'
import { createSigner } from './signer.ts'

/** An intent without outcome, and what is known of it in memory only. Times in ms of the monotonic clock. */
export interface Flying {
  entry: Entry
  /** Last handed to a node; undefined: not by this process. */
  sentAt?: number | undefined
  /** When its newest variant was signed. */
  signedAt?: number
  /** Not to be tried before. */
  notBefore?: number
  /** Earlier intents whose end it has waited for: a revert may have come from their not being mined yet. */
  waitedFor?: Set<string>
  /** Looks at which its nonce was taken and no receipt of ours was found. */
  strangers?: number
  isMined?: boolean
  isAlerted?: boolean
}

interface FlightDeps extends Omit<OutboxOptions, 'fault'> {
  readonly records: ReturnType<typeof outboxRecords>
  readonly open: Map<string, Flying>
  settle(outcomes: readonly { readonly flying: Flying; readonly settled: Settled }[]): Promise<void>
  /** Nonces of transactions that were final and may have left the chain; when one of them is missing, this is looked into first. */
  settledNonces(): ReadonlySet<number>
  doubt(): void
  fault(site: FaultSite): Promise<unknown>
  readonly signal: AbortSignal
}

/** Why an intent is refused without the chain's word. */
type Reason = NonNullable<Settled['reason']>

/** A broadcast is repeated after this time without receipt, and at each head. ms. */
const REPEAT = 2_000
/** Pause before another try of what cannot be sent now: no funds, no budget, a fee above the cap. ms. */
const HOLD_BACK = 2_000
const DEFAULT_PATIENCE = 30_000
/** Looks before a nonce counts as taken by a stranger, and the least time between them. ms. */
const STRANGER_LOOKS = 3
const STRANGER_PAUSE = 300
/** Of an empty transfer; rollups ask for more than 21,000. */
const CANCEL_GAS = 100_000n

export function createFlights(deps: FlightDeps) {
  const { chain, journal, clock, log, records, open } = deps
  const limits = deps.limits ?? {}
  const signer = createSigner(deps.secret)
  let nextNonce: number | undefined
  let heads = 0
  let headsAtRepeat = -1
  const budget = createBudget(limits, () => chain.time())
  const receipts = createReceipts({ chain, log, account: signer.address, signal: deps.signal })

  const flying = () => [...open.values()].filter(({ entry }) => entry.flight)
  const gasOf = ({ entry }: Flying) => entry.flight?.gas ?? 0n
  const nonceOf = ({ entry }: Flying) => entry.flight?.nonce ?? 0
  const newest = (flight: Flight) => flight.variants.at(-1) as Variant
  const names = (list: readonly Flying[]) => list.map(({ entry }) => entry.intent.id)

  // Sending

  /** Signs and broadcasts what is ready, as far as there is room. @returns true when anything was sent. */
  async function send(): Promise<boolean> {
    const now = clock.monotonic()
    const inFlight = flying()
    const waiting = [...open.values()].filter(({ entry, notBefore = 0 }) => !entry.flight && notBefore <= now)
    const late = waiting.filter(({ entry }) => (entry.intent.notAfter ?? Number.POSITIVE_INFINITY) < chain.time())
    if (late.length > 0) await refuse(late, { code: 'TX_REVERTED', what: 'its time was over before it could be sent' })
    const ready = waiting
      .filter((one) => !late.includes(one) && !isWaiting(one, inFlight))
      .sort((a, b) => byUrgency(a.entry, b.entry))
      .slice(0, Math.max(0, MAX_IN_FLIGHT - inFlight.length))
    if (ready.length === 0) return false

    const offer = await chain.fees()
    if (limits.maxFeePerGas !== undefined && offer.base + offer.tip > limits.maxFeePerGas) {
      holdBack(ready, 'outbox.fee', { asked: String(offer.base + offer.tip), cap: String(limits.maxFeePerGas) })
      return false
    }
    const estimated = await estimate(ready, inFlight)
    const affordable = budget.allow(estimated, inFlight.map(gasOf), offer)
    const beyond = estimated.filter((item) => !affordable.includes(item)).map(({ one }) => one)
    holdBack(beyond, 'outbox.budget', { budget: String(limits.dayBudget) })
    if (affordable.length === 0) return false
    await sign(affordable, offer)
    await broadcast(affordable.map(({ one }) => one))
    return true
  }

  function isWaiting({ waitedFor }: Flying, inFlight: readonly Flying[]): boolean {
    return waitedFor !== undefined && names(inFlight).some((id) => waitedFor.has(id))
  }

  async function estimate(
    ready: readonly Flying[],
    inFlight: readonly Flying[],
  ): Promise<readonly { one: Flying; gas: bigint }[]> {
    const answers = await chain.batch(
      ready.map(({ entry: { intent } }) =>
        call('eth_estimateGas', {
          from: signer.address,
          to: intent.to,
          data: intent.data,
          value: quantity(intent.value ?? 0n),
        }),
      ),
    )
    const good: { one: Flying; gas: bigint }[] = []
    const refused: { one: Flying; reason: Reason }[] = []
    for (const [at, one] of ready.entries()) {
      const answer = answers[at]
      if (answer?.refusal === undefined) {
        good.push({ one, gas: gasLimit(hexBig(resultOf(answer), 'gas estimate'), one.entry.intent.leastGas) })
        continue
      }
      if (!isRevert(answer.refusal)) {
        const isPoor = classifyRefusal(answer.refusal) === 'funds'
        holdBack([one], isPoor ? 'outbox.funds' : 'outbox.estimate', {
          account: signer.address,
          why: answer.refusal.message,
        })
        continue
      }
      // An approval, a deposit or a registration on its way may be what it needs: once they are through, it is tried again.
      const before = names([...inFlight, ...good.map((item) => item.one)]).filter(
        (id) => (open.get(id)?.entry.order ?? '') < one.entry.order,
      )
      const unseen = before.filter((id) => !one.waitedFor?.has(id))
      if (unseen.length > 0) one.waitedFor = new Set([...(one.waitedFor ?? []), ...unseen])
      else if ((one.entry.intent.retryUntil ?? 0) > chain.time()) one.notBefore = clock.monotonic() + HOLD_BACK
      else refused.push({ one, reason: { code: 'TX_REVERTED', what: revertReason(answer.refusal) } })
    }
    for (const { one, reason } of refused) await refuse([one], reason)
    return good
  }

  async function sign(ready: readonly { one: Flying; gas: bigint }[], offered: Fees): Promise<void> {
    nextNonce ??= await freshNonce()
    const { maxFee, tip } = cap(firstOffer(offered))
    for (const { one, gas } of ready) {
      const { intent, order } = one.entry
      const nonce = nextNonce++
      const signed = signer.sign({
        chainId: chain.chainId,
        nonce,
        to: intent.to,
        data: intent.data,
        value: intent.value ?? 0n,
        gas,
        maxFee,
        tip,
      })
      one.entry = { intent, order, flight: { nonce, gas, variants: [{ ...signed, maxFee, tip, isCancel: false }] } }
      one.signedAt = clock.monotonic()
    }
    try {
      await deps.fault('outbox.signed')
      await journal.commit(ready.flatMap(({ one }) => records.fly(one.entry)))
    } catch (cause) {
      // Nothing left this process: the intents are as they were, and their nonces are free.
      for (const { one } of ready) one.entry = { intent: one.entry.intent, order: one.entry.order }
      nextNonce = undefined
      throw cause
    }
    await deps.fault('outbox.committed')
  }

  /** Hands in the newest variants. A refusal is a reason to look closer, never an outcome by itself. */
  async function broadcast(list: readonly Flying[]): Promise<void> {
    if (list.length === 0) return
    const sorted = [...list].sort((a, b) => nonceOf(a) - nonceOf(b))
    for (const one of sorted) one.sentAt = clock.monotonic()
    const answers = await chain
      .batch(
        sorted.map(({ entry }) => call('eth_sendRawTransaction', newest(entry.flight as Flight).raw)),
        deps.signal,
      )
      .catch((cause: unknown) => {
        for (const one of sorted) one.sentAt = undefined // perhaps it arrived, perhaps not: the same bytes go out again
        throw cause
      })
    await deps.fault('outbox.broadcast')
    for (const [at, one] of sorted.entries()) {
      const refusal = answers[at]?.refusal
      if (!refusal) continue
      const meaning = classifyRefusal(refusal)
      const { id } = one.entry.intent
      if (meaning === 'known') continue
      log.debug('outbox.refused', { id, meaning, why: refusal.message })
      if (meaning === 'used')
        one.sentAt = undefined // looked at again at once: mined already, or taken by a stranger
      else if (meaning === 'fee') await raise(one)
      else if (meaning === 'funds') alert(one, 'outbox.funds', { account: signer.address, why: refusal.message })
      else if (meaning === 'never') await cancelFlight(one, { code: 'TX_REVERTED', what: refusal.message })
      else alert(one, 'outbox.odd', { why: refusal.message })
    }
  }

  // Looking after

  /** Settles what is final, and sends again what has got lost. */
  async function check(): Promise<void> {
    const list = flying()
    if (list.length === 0) return
    const found = await receipts.of(list.map(({ entry }) => entry))
    const lost: Flying[] = []
    const mined: { one: Flying; receipt: Receipt }[] = []
    for (const one of list) {
      const receipt = found.get(one.entry.intent.id)
      one.isMined = receipt !== undefined
      if (receipt) mined.push({ one, receipt })
      else lost.push(one)
    }
    if (mined.some(({ receipt }) => receipt.blockNumber > chain.latest().number)) await chain.head()
    const final = mined.length === 0 ? -1 : await chain.final()
    const outcomes: { flying: Flying; settled: Settled }[] = []
    for (const { one, receipt } of mined)
      if (receipt.blockNumber <= final)
        outcomes.push({ flying: one, settled: await receipts.judge(one.entry, receipt) })
    if (outcomes.length > 0) await deps.settle(outcomes)
    if (lost.length > 0) await lookFor(lost)
  }

  /** No receipt: not mined yet, dropped by the node, or its nonce went elsewhere. */
  async function lookFor(lost: readonly Flying[]): Promise<void> {
    const now = clock.monotonic()
    const isDue = (one: Flying) =>
      one.sentAt === undefined ||
      now - one.sentAt >= REPEAT ||
      (heads > headsAtRepeat && now - one.sentAt > 50) ||
      needsRaise(one, now)
    const due = lost.filter(isDue)
    if (due.length === 0) return
    headsAtRepeat = heads
    const used = await usedNonces()
    const taken = due.filter((one) => nonceOf(one) < used)
    if (taken.length > 0) await lookForStrangers(taken)
    const pending = due.filter((one) => !taken.includes(one))
    await fillGap(lost, used)
    for (const one of pending) if (needsRaise(one, now)) await raise(one)
    await broadcast(pending)
  }

  /** Nonces below this are used up, as far as can be told for good. */
  async function usedNonces(): Promise<number> {
    const at = chain.chainId === DEV_CHAIN_ID ? 'latest' : quantity(Math.max(0, await chain.final()))
    return hexNumber(await chain.request('eth_getTransactionCount', [signer.address, at]), 'nonce')
  }

  /** The receipts are asked for once more, after the nonce: only then does their absence mean that another transaction has it. */
  async function lookForStrangers(taken: readonly Flying[]): Promise<void> {
    const found = await receipts.of(taken.map(({ entry }) => entry))
    const robbed: Flying[] = []
    for (const one of taken) {
      if (found.has(one.entry.intent.id)) continue // mined meanwhile: the next look settles it
      one.strangers = (one.strangers ?? 0) + 1
      one.sentAt = clock.monotonic() - REPEAT + STRANGER_PAUSE // endpoints may lag behind each other
      if (one.strangers >= STRANGER_LOOKS) robbed.push(one)
    }
    if (robbed.length === 0) return
    log.warn('outbox.stranger', { account: signer.address, ids: names(robbed), why: 'another program uses this key' })
    for (const one of robbed) {
      one.strangers = 0
      one.sentAt = undefined
      one.entry = { intent: one.entry.intent, order: one.entry.order } // signed anew with a nonce of its own by the next `send`
    }
    nextNonce = undefined
  }

  /** A nonce that nobody of ours holds and the chain waits for: an empty transfer takes it, or everything behind it waits for ever. */
  async function fillGap(lost: readonly Flying[], used: number): Promise<void> {
    const held = new Set(flying().map(nonceOf))
    const lowest = Math.min(...lost.map(nonceOf))
    const gap: number[] = []
    for (let nonce = used; nonce < lowest && gap.length < MAX_IN_FLIGHT; nonce++) if (!held.has(nonce)) gap.push(nonce)
    if (gap.length === 0) return
    const settled = deps.settledNonces()
    if (gap.some((nonce) => settled.has(nonce))) return deps.doubt()
    log.warn('outbox.gap', { account: signer.address, nonces: gap.join(' ') })
    const { maxFee, tip } = cap(firstOffer(await chain.fees()))
    await chain.batch(
      gap.map((nonce) => call('eth_sendRawTransaction', emptyTransfer(nonce, maxFee, tip).raw)),
      deps.signal,
    )
  }

  // Fees

  function needsRaise({ entry, signedAt }: Flying, now: number): boolean {
    if (!entry.flight || signedAt === undefined || entry.flight.variants.length > MAX_BUMPS) return false
    const baseFee = chain.latest().baseFee ?? 0n
    return now - signedAt >= (limits.patienceMs ?? DEFAULT_PATIENCE) || newest(entry.flight).maxFee < baseFee
  }

  /** Signs the same act with a higher fee. The act stays the same, so whichever is mined, it happened once. */
  async function raise(one: Flying): Promise<void> {
    const { flight, intent } = one.entry
    if (!flight) return
    if (flight.variants.length > MAX_BUMPS) return alert(one, 'outbox.stuck', { nonce: flight.nonce, bumps: MAX_BUMPS })
    const before = newest(flight)
    const { maxFee, tip } = cap(raisedOffer(before, await chain.fees()))
    if (maxFee <= before.maxFee)
      return alert(one, 'outbox.stuck', { nonce: flight.nonce, why: 'its fee is at the cap' })
    const signed = before.isCancel
      ? emptyTransfer(flight.nonce, maxFee, tip)
      : signer.sign({
          chainId: chain.chainId,
          nonce: flight.nonce,
          to: intent.to,
          data: intent.data,
          value: intent.value ?? 0n,
          gas: flight.gas,
          maxFee,
          tip,
        })
    await addVariant(one, { ...signed, maxFee, tip, isCancel: before.isCancel })
    log.info('outbox.raised', { id: intent.id, nonce: flight.nonce, maxFee: String(maxFee) })
  }

  /** Kept before it is sent: after a crash every variant that may be mined is known. */
  async function addVariant(one: Flying, variant: Variant): Promise<void> {
    const { flight, intent, order } = one.entry
    if (!flight) return
    const entry: Entry = { intent, order, flight: { ...flight, variants: [...flight.variants, variant] } }
    await journal.commit(records.fly(entry))
    one.entry = entry
    one.signedAt = clock.monotonic()
    one.sentAt = undefined
  }

  function cap(offer: { maxFee: bigint; tip: bigint }): { maxFee: bigint; tip: bigint } {
    const most = limits.maxFeePerGas
    if (most === undefined || offer.maxFee <= most) return offer
    return { maxFee: most, tip: offer.tip < most ? offer.tip : most }
  }

  // Taking back

  async function cancel(id: string, reason: Reason): Promise<void> {
    const one = open.get(id)
    if (!one || one.isMined) return
    if (one.entry.flight) await cancelFlight(one, reason)
    else await refuse([one], { code: 'TX_REVERTED', what: reason.what })
  }

  /** An empty transfer with the same nonce and a higher fee; whichever of them is mined decides. */
  async function cancelFlight(one: Flying, reason: Reason): Promise<void> {
    const { flight, intent } = one.entry
    if (!flight || newest(flight).isCancel) return
    const { maxFee, tip } = raisedOffer(newest(flight), await chain.fees())
    await addVariant(one, { ...emptyTransfer(flight.nonce, maxFee, tip), maxFee, tip, isCancel: true })
    log.info('outbox.cancelling', { id: intent.id, nonce: flight.nonce, why: reason.what })
    await broadcast([one])
  }

  async function refuse(list: readonly Flying[], reason: Reason): Promise<void> {
    await deps.settle(
      list.map((one) => ({ flying: one, settled: { ok: false, reason, at: chain.time(), fee: 0n, told: false } })),
    )
  }

  function emptyTransfer(nonce: number, maxFee: bigint, tip: bigint): { raw: Hex; hash: Hex } {
    return signer.sign({
      chainId: chain.chainId,
      nonce,
      to: signer.address,
      data: '0x',
      value: 0n,
      gas: CANCEL_GAS,
      maxFee,
      tip,
    })
  }

  /** The chain's count, or one past our own highest when that is more. */
  async function freshNonce(): Promise<number> {
    const pending = hexNumber(await chain.request('eth_getTransactionCount', [signer.address, 'pending']), 'nonce')
    return Math.max(pending, ...flying().map((one) => nonceOf(one) + 1))
  }

  function holdBack(list: readonly Flying[], event: string, data: Readonly<Record<string, unknown>>): void {
    for (const one of list) {
      one.notBefore = clock.monotonic() + HOLD_BACK
      alert(one, event, data)
    }
  }

  /** Once for each intent: a log is no place for a drum. */
  function alert(one: Flying, event: string, data: Readonly<Record<string, unknown>>): void {
    if (one.isAlerted) return
    one.isAlerted = true
    log.warn(event, { id: one.entry.intent.id, kind: one.entry.intent.kind, ...data })
  }

  return {
    account: signer.address as Address,
    send,
    check,
    cancel,
    inFlight: () => flying().length,
    /** Of these outcomes, those whose transaction is not on the chain. */
    async missing(entries: readonly Entry[]): Promise<readonly Entry[]> {
      const found = await receipts.of(entries)
      return entries.filter(({ intent }) => !found.has(intent.id))
    },
    onHead(): void {
      heads++
      for (const one of open.values()) if (one.entry.intent.retryUntil !== undefined) delete one.notBefore
    },
    /** A fee that counts against the day's budget. */
    spent: budget.spend,
  }
}
