/** What a monitor keeps, and under which key. Evidence is written once; what changes about a report is small and apart. */
import type { Address } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import { fromTagged, toTagged } from '../base/tagged-json.ts'
import type { Verdict } from '../net/messages/report.ts'
import type { EvidenceClass } from './evidence.ts'
import type { Observation } from './observation.ts'
import type { Heard } from './report-desk.ts'

/** A report that was taken, and what became of it. */
export interface CaseRecord extends Heard {
  readonly class: EvidenceClass
  readonly why: string
  /** `new`: to be looked at. `panel`: a panel is due at `drawAt`. `closed`: nothing more is done. */
  readonly stage: 'new' | 'panel' | 'closed'
  readonly drawAt?: number
  /** Hex of the evidence hash of the verdict that followed. */
  readonly verdict?: string
  /** Hex of the evidence that the accused appealed against: its panel confirms or acquits, and the manager hears of either. */
  readonly hearing?: string
  readonly votes?: { readonly drawn: number; readonly voted: number; readonly convicting: number }
}

/** A verdict on its way to the manager of the accused. */
export interface VerdictRecord {
  readonly verdict: Verdict
  /** When the manager said that it has it. */
  readonly takenAt?: number
  /** Why it has not, so far. */
  readonly waits?: string
  readonly tries: number
  readonly nextTry: number
}

/** A steward waits for a docket. */
export interface DemandRecord {
  /** Hex. */
  readonly bountyId: string
  readonly docketHash: string
  readonly poster: Address
  readonly steward: Address
  readonly deadline: number
  readonly claimKey: Address
  readonly amount: bigint
  /** Of Demand, by the steward. */
  readonly signature: Uint8Array
  readonly at: number
  readonly state: 'waiting' | 'handed' | 'withheld' | 'over'
}

/** A vote of ours, sealed: the same call gets the same ballot, also after a restart. */
export interface SeatRecord {
  readonly vote: 0 | 1
  readonly salt: Uint8Array
  readonly at: number
}

export const KEYS = {
  report: (hash: string) => `report/${hash}`,
  case: (hash: string) => `case/${hash}`,
  evidence: (hash: string) => `evidence/${hash}`,
  verdict: (hash: string) => `verdict/${hash}`,
  /** By time, so that old ones are found first. */
  seen: (observation: Observation, hash: string) => `seen/${String(observation.at).padStart(10, '0')}/${hash}`,
  demand: (bounty: string) => `demand/${bounty}`,
  docket: (hash: string) => `docket/${hash}`,
  hearing: (about: string) => `hearing/${about}`,
  seat: (report: string) => `seat/${report}`,
  /** One a refused kind: how often, since the beginning. */
  refused: (code: string) => `refused/${code}`,
} as const

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf8', { fatal: true })

/** Bytes of a record. */
export function encodeRecord(record: object): Uint8Array {
  return encoder.encode(JSON.stringify(toTagged(record)))
}

/** The record behind the bytes. @throws `LEDGER_CORRUPT` */
export function decodeRecord<Kept>(key: string, bytes: Uint8Array): Kept {
  try {
    return fromTagged(JSON.parse(decoder.decode(bytes))) as Kept
  } catch (cause) {
    throw new HoldfastError('LEDGER_CORRUPT', { key }, { cause })
  }
}
