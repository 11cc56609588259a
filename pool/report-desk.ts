/**
 * Who is heard: the rules by which a monitor takes a report or refuses it by name. Pure; whatever is refused leaves nothing behind but a count.
 * pool.md: reports are signed and rate-limited, an accuser whose reports are dismissed over 30 % of the time is muted.
 */
import { equalBytes, toHex } from '../base/bytes.ts'
import type { Address } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import { DAY, HOUR } from '../base/units.ts'
import { type Report, reportHash } from '../net/messages/report.ts'
import { isReportSigned } from './report.ts'

export interface DeskPolicy {
  /** Reports of one accuser in a day. */
  readonly perDay: number
  /** Reports of all accusers in a day. */
  readonly allPerDay: number
  /** Part of its decided reports that may be dismissed; and how many must be decided before it counts. */
  readonly muteShare: number
  readonly muteLeast: number
  /** Older reports are refused, and forgotten for muting. Seconds. */
  readonly window: number
  /** How far ahead of the chain a report's time may be. Seconds. */
  readonly ahead: number
  /** The same accusation by the same accuser counts once in this time. Seconds. */
  readonly again: number
}

export const DESK_POLICY: DeskPolicy = {
  perDay: 48,
  allPerDay: 20_000,
  muteShare: 0.3, // pool.md
  muteLeast: 8, // below it one dismissed report would be a sixth, and chance would mute
  window: 30 * DAY,
  ahead: HOUR,
  again: DAY,
}

/** What the desk remembers of a report. */
export interface Heard {
  /** Hex of the report's hash. */
  readonly hash: string
  readonly accuser: Address
  readonly accused: Address
  readonly kind: Report['kind']
  readonly subject: string
  /** When it was taken. Chain time. */
  readonly takenAt: number
  readonly outcome: 'open' | 'proven' | 'dismissed'
}

/** What it knows besides. */
export interface DeskEnv {
  /** Chain time. */
  readonly now: number
  readonly pool: Uint8Array
  readonly policy: DeskPolicy
  isMember(id: Address): boolean
  inGoodStanding(id: Address): boolean
  /** True when the accuser shows that it is a party, though no member. */
  isParty(report: Report): boolean
}

/**
 * Takes a report or refuses it.
 * @param heard those of the window; the desk compares with all of them
 * @throws `EVIDENCE_FOREIGN`, `EVIDENCE_INVALID`, `EVIDENCE_REPLAYED`, `EVIDENCE_MUTED`, `POOL_UNREGISTERED`, `PEER_STANDING`, `PEER_BUSY`
 */
export function admitReport(report: Report, heard: Iterable<Heard>, env: DeskEnv): Heard {
  const { policy, now } = env
  if (!equalBytes(report.pool, env.pool)) throw new HoldfastError('EVIDENCE_FOREIGN', { what: toHex(report.pool) })
  if (report.at > now + policy.ahead || report.at < now - policy.window) invalid('a report out of time')
  if (report.accuser === report.accused) invalid('a report about oneself')
  if (!isReportSigned(report)) invalid('a report that its accuser did not sign')
  assertKnown(report, env)
  const own: Heard[] = []
  let today = 0
  const hash = toHex(reportHash(report))
  const subject = toHex(report.subject)
  for (const one of heard) {
    if (one.hash === hash) throw new HoldfastError('EVIDENCE_REPLAYED', { what: hash })
    if (one.takenAt > now - DAY) today++
    if (one.accuser === report.accuser && one.takenAt > now - policy.window) own.push(one)
  }
  const known = own.some(
    (one) =>
      one.accused === report.accused &&
      one.kind === report.kind &&
      one.subject === subject &&
      one.takenAt > now - policy.again,
  )
  if (known) throw new HoldfastError('EVIDENCE_REPLAYED', { what: `${report.kind} of ${subject}` })
  const muted = mutedWhy(own, policy)
  if (muted !== undefined) throw new HoldfastError('EVIDENCE_MUTED', { accuser: report.accuser, what: muted })
  if (own.filter(({ takenAt }) => takenAt > now - DAY).length >= policy.perDay)
    throw new HoldfastError('PEER_BUSY', { what: `${policy.perDay} reports a day` })
  if (today >= policy.allPerDay)
    throw new HoldfastError('PEER_BUSY', { what: `${policy.allPerDay} reports of all a day` })
  const { accuser, accused, kind } = report
  return { hash, accuser, accused, kind, subject, takenAt: now, outcome: 'open' }
}

function assertKnown(report: Report, env: DeskEnv): void {
  const { accuser, accused } = report
  if (env.isMember(accuser)) {
    if (!env.inGoodStanding(accuser))
      throw new HoldfastError('PEER_STANDING', { peer: accuser, standing: 'not in good standing' })
    return
  }
  if (!env.isMember(accused) || !env.isParty(report)) throw new HoldfastError('POOL_UNREGISTERED', { peer: accuser })
}

/** Why an accuser is not heard; undefined: it is. @param own its reports of the window */
export function mutedWhy(own: readonly Heard[], policy: DeskPolicy): string | undefined {
  const decided = own.filter(({ outcome }) => outcome !== 'open')
  const dismissed = decided.filter(({ outcome }) => outcome === 'dismissed').length
  if (decided.length < policy.muteLeast || dismissed <= policy.muteShare * decided.length) return undefined
  return `${dismissed} of ${decided.length} reports were dismissed`
}

function invalid(what: string): never {
  throw new HoldfastError('EVIDENCE_INVALID', { what })
}
