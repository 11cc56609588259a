/**
 * Observations: what a monitor knows about an agent at a moment, in the least words that the patterns need. They come from reports, from the
 * monitor's own probes and from the chain. Pure. pool.md "Evidence and judgement"; docs/spec/patterns.md.
 */
import { concat, fromHex, toHex, u16, u32, utf8 } from '../base/bytes.ts'
import type { Address } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import { sha256 } from '../base/hash.ts'
import { DAY, type UnixTime } from '../base/units.ts'
import { REPORT_KINDS } from '../net/messages/report.ts'

/** What a monitor sees for itself, by probing or on the chain. */
export const SIGHT_KINDS = [
  'probe-ok', // a read of a blob the accused had to serve came through, bytes checked
  'probe-failed', // the accused answered and did not serve: refused, stalled, or gave other bytes. No answer at all is a `timeout`
  'swept', // the accused swept a bounty of the accuser over the blob
  'missed', // a bounty of the accuser for the accused, over the blob, was not swept in time
  'fetched', // the accused read the blob from the accuser: a read request with the accused's signature
] as const

export type ObservationKind = (typeof REPORT_KINDS)[number] | (typeof SIGHT_KINDS)[number]
const KINDS: ReadonlySet<string> = new Set([...REPORT_KINDS, ...SIGHT_KINDS])

/** One thing seen, or said. */
export interface Observation {
  /** When it happened. Chain time. */
  readonly at: UnixTime
  /** Whom it is about. */
  readonly accused: Address
  /** Who says so: the reporter, the probing monitor; for `swept` and `missed` the poster of the bounty. */
  readonly accuser: Address
  /** Network or funding root of the accused. Absent: on its own. */
  readonly cluster?: string
  /** The same of the accuser: several accusers of one cluster are one voice. */
  readonly accuserCluster?: string
  readonly kind: ObservationKind
  /** Hex of the blob's id, where it is about one. */
  readonly blobId?: string
  /** 1: seen by the monitor itself, on the chain, or carried by its own signatures. 0: said, and not yet probed. */
  readonly weight: 0 | 1
}

/** Longest name of a cluster. Bytes; a /48 of IPv6 or an address fits. */
const CLUSTER_LIMIT = 100

/** @throws HoldfastError `INPUT_RANGE` for a time, weight or cluster out of bounds, `INPUT_FORMAT` for a kind, address or blob that is none */
export function assertObservation(observation: Observation): void {
  const { at, kind, weight, cluster = '', accuserCluster = '' } = observation
  if (!Number.isInteger(at) || at < 0 || at > 0xffffffff)
    throw new HoldfastError('INPUT_RANGE', { name: 'time of an observation', expected: 'a uint32', got: String(at) })
  if (weight !== 0 && weight !== 1)
    throw new HoldfastError('INPUT_RANGE', {
      name: 'weight of an observation',
      expected: '0 or 1',
      got: String(weight),
    })
  if (cluster.length > CLUSTER_LIMIT || accuserCluster.length > CLUSTER_LIMIT)
    throw new HoldfastError('INPUT_RANGE', {
      name: 'cluster of an observation',
      expected: `at most ${CLUSTER_LIMIT} characters`,
      got: String(Math.max(cluster.length, accuserCluster.length)),
    })
  if (!KINDS.has(kind))
    throw new HoldfastError('INPUT_FORMAT', {
      name: 'kind of an observation',
      expected: [...KINDS].join(', '),
      got: String(kind).slice(0, 40),
    })
  fromHex(observation.accused, 20)
  fromHex(observation.accuser, 20)
  if (observation.blobId !== undefined) fromHex(observation.blobId, 32)
}

/** Hex of SHA-256("holdfast/observation/1" ‖ all fields, lengths before texts): what a finding names as its evidence. docs/spec/patterns.md. */
export function observationHash(observation: Observation): string {
  const { at, accused, accuser, cluster, accuserCluster, kind, blobId, weight } = observation
  const texts = [kind, cluster ?? '', accuserCluster ?? ''].map((text) => {
    const bytes = utf8(text)
    return concat(u16(bytes.length), bytes)
  })
  return toHex(
    sha256(
      utf8('holdfast/observation/1'),
      u32(at),
      fromHex(accused, 20),
      fromHex(accuser, 20),
      ...texts,
      blobId === undefined ? u16(0) : concat(u16(32), fromHex(blobId, 32)),
      u16(weight),
    ),
  )
}

/** Those within `length` seconds up to and with `now`; what is said to lie in the future is left out. */
export function withinWindow(observations: Iterable<Observation>, now: number, length: number): Observation[] {
  return Array.from(observations).filter(({ at }) => at <= now && at > now - length)
}

/** The day of a moment: patterns count days, not messages, so that nobody is convicted of one bad afternoon seen often. */
export function dayOf(at: number): number {
  return Math.floor(at / DAY)
}

/** Whose voice an observation is: the accuser's cluster, or the accuser alone. */
export function voiceOf({ accuser, accuserCluster }: Observation): string {
  return accuserCluster ?? accuser
}

/** What the accused stands for: its cluster, or itself alone. */
export function bodyOf({ accused, cluster }: Observation): string {
  return cluster ?? accused
}
