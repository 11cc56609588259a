/**
 * What a monitor remembers: cases, verdicts and observations, in memory as they are on disk. Everything is on disk before it is in memory; evidence
 * itself stays on disk.
 */
import { toHex } from '../base/bytes.ts'
import type { Change, Journal } from '../base/ports.ts'
import { decodeEvidenceFile } from './evidence-file.ts'
import { type CaseRecord, decodeRecord, encodeRecord, KEYS, type VerdictRecord } from './monitor-records.ts'
import { type Observation, observationHash } from './observation.ts'
import type { Report } from './report.ts'

export class MonitorBook {
  /** By hash of the report. */
  readonly cases = new Map<string, CaseRecord>()
  /** By hash of the evidence. */
  readonly verdicts = new Map<string, VerdictRecord>()
  /** By hash of the observation. */
  readonly seen = new Map<string, Observation>()
  /** How often reports were refused, by error code. */
  readonly refused = new Map<string, number>()
  private readonly journal: Journal

  private constructor(journal: Journal) {
    this.journal = journal
  }

  /** @throws `LEDGER_CORRUPT` */
  static async open(journal: Journal): Promise<MonitorBook> {
    const book = new MonitorBook(journal)
    for (const prefix of ['case/', 'verdict/', 'seen/', 'refused/'])
      for await (const [key, value] of journal.list(prefix)) book.learn({ key, value })
    return book
  }

  /** One batch: all of it is durable when this resolves. */
  async commit(changes: readonly Change[]): Promise<void> {
    await this.journal.commit(changes)
    for (const change of changes) this.learn(change)
  }

  saveCase(record: CaseRecord): Change {
    return { key: KEYS.case(record.hash), value: encodeRecord(record) }
  }

  saveVerdict(record: VerdictRecord): readonly Change[] {
    const hash = toHex(record.verdict.evidenceHash)
    return [
      { key: KEYS.verdict(hash), value: encodeRecord(record) },
      { key: KEYS.evidence(hash), value: record.verdict.evidence },
    ]
  }

  saveSeen(seen: readonly Observation[]): readonly Change[] {
    return seen.map((one) => ({ key: KEYS.seen(one, observationHash(one)), value: encodeRecord(one) }))
  }

  /** One more refusal. */
  saveRefused(code: string): Change {
    return { key: KEYS.refused(code), value: encodeRecord({ count: (this.refused.get(code) ?? 0) + 1 }) }
  }

  /** Observations and closed cases from before these moments, and reports that led to no verdict; evidence of verdicts stays. */
  async forget(seenBefore: number, casesBefore: number): Promise<void> {
    const changes: Change[] = []
    for (const [hash, one] of this.seen)
      if (one.at <= seenBefore) changes.push({ key: KEYS.seen(one, hash), value: undefined })
    for (const [hash, one] of this.cases) {
      if (one.takenAt > casesBefore || one.stage !== 'closed') continue
      changes.push({ key: KEYS.case(hash), value: undefined })
      if (one.verdict === undefined) changes.push({ key: KEYS.report(hash), value: undefined })
    }
    if (changes.length > 0) await this.commit(changes)
  }

  async report(hash: string): Promise<Report | undefined> {
    const kept = await this.journal.get(KEYS.report(hash))
    return kept && decodeEvidenceFile(kept).report
  }

  /** True when an appeal against this evidence was taken up. @param about hex */
  async isHeard(about: string): Promise<boolean> {
    return (await this.journal.get(KEYS.hearing(about))) !== undefined
  }

  /** The evidence file of a verdict or of a report. */
  async evidence(hash: string): Promise<Uint8Array | undefined> {
    return (await this.journal.get(KEYS.evidence(hash))) ?? this.journal.get(KEYS.report(hash))
  }

  private learn({ key, value }: Change): void {
    const slash = key.indexOf('/')
    const [kind, name] = [key.slice(0, slash), key.slice(key.lastIndexOf('/') + 1)]
    const map = { case: this.cases, verdict: this.verdicts, seen: this.seen }[kind]
    if (value === undefined) map?.delete(name)
    else if (kind === 'refused') this.refused.set(name, decodeRecord<{ count: number }>(key, value).count)
    else if (map !== undefined) (map as Map<string, object>).set(name, decodeRecord<object>(key, value))
  }
}
