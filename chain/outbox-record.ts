/**
 * What the outbox keeps in the journal. An intent stands under `…intent/<id>` as long as it has no final outcome; what was signed for it,
 * and later what became of it, under `…sent/<id>`. The second outlives the first, so that the same id never acts twice.
 */
import { fromHex, toHex0x } from '../base/bytes.ts'
import { type CborValue, decodeCbor, encodeCbor } from '../base/codec.ts'
import { type Address, parseAddress } from '../base/curve.ts'
import { ERRORS, type ErrorCode, HoldfastError } from '../base/errors.ts'
import type { Change } from '../base/ports.ts'
import { MiB, type UnixTime, unixTime } from '../base/units.ts'
import type { Hex } from './chain-data.ts'

/** An act on the chain. The id says what it does; the same id is the same act and happens at most once. */
export interface Intent {
  readonly id: string
  readonly to: Address
  readonly data: Hex
  /** Wei of the chain's coin; default 0. */
  readonly value?: bigint
  /** post, sweep, revoke … : for logs, and for the kinds that the fee budget spares. */
  readonly kind: string
  /** Smaller goes first; default 1. Sweeps and repairs go before posts (reliability.md R18). */
  readonly urgency?: number
  /** Chain time after which it is worth nothing: not sent any more. */
  readonly notAfter?: UnixTime
  /** Chain time up to which a revert may still turn into success ("not yet"): tried again at each head until then. */
  readonly retryUntil?: UnixTime
  /** Gas to allow at least: an estimate falls short where the act costs more in another second (the stake pool mints for the time since). */
  readonly leastGas?: number
}

/** One signed transaction for an intent. A raised fee makes another one with the same nonce: at most one of them is ever mined. */
export interface Variant {
  readonly raw: Hex
  readonly hash: Hex
  readonly maxFee: bigint
  readonly tip: bigint
  /** An empty transfer to oneself in place of the act. */
  readonly isCancel: boolean
}

/** An intent that has a nonce. Variants oldest first. */
export interface Flight {
  readonly nonce: number
  readonly gas: bigint
  readonly variants: readonly Variant[]
}

/** What became of an intent. */
export interface Settled {
  readonly ok: boolean
  readonly reason?: { readonly code: ErrorCode; readonly what: string }
  readonly txHash?: Hex
  readonly block?: number
  /** Chain time. */
  readonly at: UnixTime
  /** Wei paid for it. */
  readonly fee: bigint
  /** Whoever wants to know of refusals has heard of this one. */
  readonly told: boolean
}

/** Everything about one intent. `order`: chain time and a running number, compared as text. */
export interface Entry {
  readonly intent: Intent
  readonly order: string
  readonly flight?: Flight
  readonly settled?: Settled
}

/** Largest record taken: a transaction may carry 128 KiB, and up to six variants of it are kept. */
const MAX_RECORD = MiB

/** The keys and records below one prefix of a journal. */
export function outboxRecords(prefix: string) {
  const intentKey = (id: string) => `${prefix}intent/${id}`
  const sentKey = (id: string) => `${prefix}sent/${id}`
  return {
    intents: `${prefix}intent/`,
    sent: `${prefix}sent/`,
    sentKey,
    /** A new intent. */
    intend: (entry: Entry): readonly Change[] => [{ key: intentKey(entry.intent.id), value: encode(entry) }],
    /** Signed, or signed once more. Also what a reorganisation brings back to this state. */
    fly: (entry: Entry): readonly Change[] => [
      { key: intentKey(entry.intent.id), value: encode({ intent: entry.intent, order: entry.order }) },
      { key: sentKey(entry.intent.id), value: encode(entry) },
    ],
    settle: (entry: Entry): readonly Change[] => [
      { key: intentKey(entry.intent.id), value: undefined },
      { key: sentKey(entry.intent.id), value: encode(entry) },
    ],
    /** A second intent under an id that is settled. */
    forgetIntent: (id: string): readonly Change[] => [{ key: intentKey(id), value: undefined }],
    /** So deep in the chain that it needs no signed bytes any more: the id and the outcome stay. */
    bury: ({ intent, order, settled }: Entry): readonly Change[] => [
      {
        key: sentKey(intent.id),
        value: encode({ intent: { ...intent, data: '0x' }, order, ...(settled ? { settled } : {}) }),
      },
    ],
    forget: (id: string): readonly Change[] => [{ key: sentKey(id), value: undefined }],
  }
}

/** Reads a record back. @throws `LEDGER_CORRUPT`. */
export function decodeEntry(key: string, bytes: Uint8Array): Entry {
  try {
    return decode(decodeCbor(bytes, MAX_RECORD) as unknown as StoredEntry)
  } catch (cause) {
    throw new HoldfastError('LEDGER_CORRUPT', { key }, { cause })
  }
}

/** The refusal as its error. */
export function reasonOf({ reason }: Settled): HoldfastError {
  return new HoldfastError(reason?.code ?? 'TX_REVERTED', { what: reason?.what ?? 'no reason is known' })
}

function encode({ intent, order, flight, settled }: Entry): Uint8Array {
  const record: Record<string, CborValue | undefined> = {
    v: 1,
    id: intent.id,
    to: fromHex(intent.to),
    data: fromHex(intent.data),
    value: intent.value === undefined ? undefined : String(intent.value), // wei may exceed what CBOR integers hold
    kind: intent.kind,
    urgency: intent.urgency,
    notAfter: intent.notAfter,
    retryUntil: intent.retryUntil,
    leastGas: intent.leastGas,
    order,
    flight: flight && {
      nonce: flight.nonce,
      gas: flight.gas,
      variants: flight.variants.map(({ raw, hash, maxFee, tip, isCancel }) => ({
        raw: fromHex(raw),
        hash: fromHex(hash),
        maxFee,
        tip,
        cancel: Number(isCancel),
      })),
    },
    settled: settled && encodeSettled(settled),
  }
  return encodeCbor(compact(record))
}

function encodeSettled({ ok, reason, txHash, block, at, fee, told }: Settled): CborValue {
  return compact({
    ok: Number(ok),
    code: reason?.code,
    what: reason?.what,
    txHash: txHash && fromHex(txHash),
    block,
    at,
    fee: String(fee),
    told: Number(told),
  })
}

/** Absent means absent: the codec has no null. */
function compact(record: Readonly<Record<string, CborValue | undefined>>): Record<string, CborValue> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as Record<
    string,
    CborValue
  >
}

/** The shapes below are what `encode` writes; a record that has another one fails in the conversions. */
interface StoredEntry {
  readonly id: string
  readonly to: Uint8Array
  readonly data: Uint8Array
  readonly value?: string
  readonly kind: string
  readonly urgency?: number
  readonly notAfter?: number
  readonly retryUntil?: number
  readonly leastGas?: number
  readonly order: string
  readonly flight?: StoredFlight
  readonly settled?: StoredOutcome
}

interface StoredFlight {
  readonly nonce: number
  readonly gas: number | bigint
  readonly variants: readonly {
    readonly raw: Uint8Array
    readonly hash: Uint8Array
    readonly maxFee: number | bigint
    readonly tip: number | bigint
    readonly cancel: number
  }[]
}

interface StoredOutcome {
  readonly ok: number
  readonly code?: string
  readonly what?: string
  readonly txHash?: Uint8Array
  readonly block?: number
  readonly at: number
  readonly fee: string
  readonly told: number
}

function decode({
  id,
  to,
  data,
  value,
  kind,
  urgency,
  notAfter,
  retryUntil,
  leastGas,
  order,
  flight,
  settled,
}: StoredEntry): Entry {
  const intent: Intent = {
    id: text(id),
    to: parseAddress(toHex0x(to)),
    data: toHex0x(data),
    kind: text(kind),
    ...(value === undefined ? {} : { value: BigInt(value) }),
    ...(urgency === undefined ? {} : { urgency: Number(urgency) }),
    ...(notAfter === undefined ? {} : { notAfter: unixTime(notAfter) }),
    ...(retryUntil === undefined ? {} : { retryUntil: unixTime(retryUntil) }),
    ...(leastGas === undefined ? {} : { leastGas: Number(leastGas) }),
  }
  return {
    intent,
    order: text(order),
    ...(flight === undefined ? {} : { flight: decodeFlight(flight) }),
    ...(settled === undefined ? {} : { settled: decodeSettled(settled) }),
  }
}

function decodeFlight({ nonce, gas, variants }: StoredFlight): Flight {
  return {
    nonce: Number(nonce),
    gas: BigInt(gas),
    variants: variants.map(({ raw, hash, maxFee, tip, cancel }) => ({
      raw: toHex0x(raw),
      hash: toHex0x(hash),
      maxFee: BigInt(maxFee),
      tip: BigInt(tip),
      isCancel: cancel === 1,
    })),
  }
}

function decodeSettled({ ok, code, what, txHash, block, at, fee, told }: StoredOutcome): Settled {
  const isCode = code !== undefined && Object.hasOwn(ERRORS, code)
  return {
    ok: ok === 1,
    ...(isCode ? { reason: { code: code as ErrorCode, what: text(what) } } : {}),
    ...(txHash === undefined ? {} : { txHash: toHex0x(txHash) }),
    ...(block === undefined ? {} : { block: Number(block) }),
    at: unixTime(at),
    fee: BigInt(fee),
    told: told === 1,
  }
}

function text(value: unknown): string {
  if (typeof value !== 'string') throw new TypeError('expected text')
  return value
}
