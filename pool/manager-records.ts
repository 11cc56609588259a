/**
 * What a manager keeps, key by key. Records are JSON of its own making; evidence and verdicts are kept as the bytes they were. Everything a decision
 * needs is written in one batch with the transaction that it leads to.
 */
import type { Address } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import type { Change, Journal } from '../base/ports.ts'
import type { UnixTime } from '../base/units.ts'
import type { Standing } from '../chain/registry-members.ts'
import type { Step } from './standing-steps.ts'

/** A judged member. */
export interface KeptSubject {
  readonly steps: readonly Step[]
  readonly since: UnixTime
  /** A change that is on its way: until it is final the chain says less than was decided. */
  readonly pending?: { readonly intent: string; readonly next: Standing }
}

/** A decision, for the log and for whoever asks why. */
export interface KeptDecision {
  readonly id: Address
  readonly from: Standing
  readonly next: Standing
  readonly reason: number
  /** Hex; the bytes stand under `evidence/`. */
  readonly evidenceHash: string
  readonly why: string
  readonly back: string
  /** Chain time. */
  readonly at: UnixTime
  readonly monitor?: Address | undefined
  /** Of the transaction in the outbox. */
  readonly intent: string
}

/** What the manager said of an agent last. */
export interface KeptSaying {
  readonly serial: number
  /** Hex digest of what was said, without the number. */
  readonly content: string
}

/** An appeal of which the monitors are to hear. */
export interface KeptHearing {
  readonly agent: Address
  /** Hex; the bytes stand under `evidence/`. */
  readonly about: string
  /** Monitors that have it. */
  readonly told: readonly Address[]
  readonly tries: number
  /** When those that were not reached are told again. Chain time. */
  readonly nextTry: UnixTime
}

/** The last look at keys. */
export interface KeptWatch {
  readonly block: number
  readonly at: UnixTime
}

/** Largest record of JSON. Bytes. */
const MAX_RECORD = 256 * 1024

export const KEYS = {
  subjects: 'subject/',
  subject: (id: Address) => `subject/${id}`,
  acts: 'act/',
  act: (id: Address) => `act/${id}`,
  said: (id: Address) => `said/${id}`,
  seenAll: 'seen/',
  seen: (id: Address) => `seen/${id}`,
  admittedAll: 'admitted/',
  admitted: (id: Address) => `admitted/${id}`,
  evidence: (hash: string) => `evidence/${hash}`,
  verdict: (hash: string) => `verdict/${hash}`,
  /** Decided already: the same evidence counts once, whatever came of it. */
  spent: (hash: string) => `spent/${hash}`,
  hearings: 'hearing/',
  hearing: (name: string) => `hearing/${name}`,
  decisions: 'decision/',
  decision: (at: number, hash: string) => `decision/${String(at).padStart(10, '0')}/${hash}`,
  alerts: 'alert/',
  alert: (name: string) => `alert/${name}`,
  watch: 'watch',
} as const

/** A record, or its removal. */
export function put(key: string, value: unknown): Change {
  return { key, value: value === undefined ? undefined : new TextEncoder().encode(JSON.stringify(value)) }
}

/** @throws `LEDGER_CORRUPT` */
export function parseRecord<Value>(key: string, bytes: Uint8Array): Value {
  try {
    if (bytes.length > MAX_RECORD) throw new Error('size')
    return JSON.parse(new TextDecoder('utf8', { fatal: true }).decode(bytes)) as Value
  } catch (cause) {
    throw new HoldfastError('LEDGER_CORRUPT', { key }, { cause })
  }
}

/** @throws `LEDGER_CORRUPT` */
export async function readRecord<Value>(journal: Journal, key: string): Promise<Value | undefined> {
  const bytes = await journal.get(key)
  return bytes === undefined ? undefined : parseRecord<Value>(key, bytes)
}

/** All records below a prefix, by the rest of their key. */
export async function readRecords<Value>(journal: Journal, prefix: string): Promise<Map<string, Value>> {
  const all = new Map<string, Value>()
  for await (const [key, bytes] of journal.list(prefix))
    all.set(key.slice(prefix.length), parseRecord<Value>(key, bytes))
  return all
}
