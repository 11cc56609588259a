/**
 * What a monitor finds against a member: a signed verdict with its evidence file, kept first and then told to the manager of the accused, again and
 * again with growing pauses until it is taken or a month is over.
 */
import { fromHex, toHex } from '../base/bytes.ts'
import type { Address } from '../base/curve.ts'
import { asHoldfastError, HoldfastError } from '../base/errors.ts'
import { poolIdOf } from '../base/typed-data.ts'
import { DAY, HOUR, unixTime } from '../base/units.ts'
import type { VerdictClass } from '../net/messages/report.ts'
import { type EvidenceFile, encodeEvidenceFile } from './evidence-file.ts'
import type { MonitorBook } from './monitor-book.ts'
import type { MonitorDeps } from './monitor-ports.ts'
import type { CaseRecord, VerdictRecord } from './monitor-records.ts'
import { type Observation, observationHash } from './observation.ts'
import { findPatterns } from './patterns.ts'
import { reasonNamed } from './reasons.ts'
import { addressesOf } from './registry-view.ts'
import { signVerdict } from './report.ts'
import { sayTo } from './report-call.ts'

/** A manager that does not answer is tried again, and given up. Seconds of chain time. */
const RETRY_AFTER = HOUR
const GIVE_UP_AFTER = 30 * DAY
/** A pattern found is not told again within this. Seconds. */
const TOLD_AGAIN = 7 * DAY

export interface Verdicts {
  /** A verdict of now, not kept yet. */
  of(
    accused: Address,
    finding: string,
    kind: VerdictClass,
    file: EvidenceFile,
    panel?: CaseRecord['votes'],
  ): VerdictRecord
  /** The evidence file of something. */
  file(parts: Pick<EvidenceFile, 'report' | 'panel' | 'finding'>): EvidenceFile
  /** A finding without a report: advice, whose evidence is the observations that this monitor keeps. */
  alone(accused: Address, finding: string, basis: readonly Observation[]): Promise<void>
  /** Looks for patterns in all that was seen, and forgets what is too old. Each found is advice. */
  findPatterns(): Promise<void>
  /** Evidence hashes of what is to be told now. */
  due(now: number): readonly string[]
  /** Tells the manager of the accused; a failure is kept and put off. */
  tell(hash: string): Promise<void>
}

export function createVerdicts(deps: MonitorDeps, book: MonitorBook, signal: AbortSignal): Verdicts {
  const { registry, chain, log, policy } = deps
  const pool = poolIdOf(deps.pool)

  const file: Verdicts['file'] = (parts) => ({
    v: 1,
    chainId: deps.market.chainId,
    market: deps.market.contract,
    registrar: deps.pool.contract,
    ...parts,
  })

  const of: Verdicts['of'] = (accused, finding, kind, evidence, panel) => {
    const at = chain.now()
    const verdict = signVerdict(deps.secret, {
      pool,
      accused,
      finding,
      reason: reasonNamed(finding)?.code ?? 0,
      class: kind,
      at,
      evidence: encodeEvidenceFile(evidence),
      ...(panel === undefined ? {} : { panel }),
    })
    log.warn('verdict', { accused, finding, class: kind, evidence: toHex(verdict.evidenceHash) })
    return { verdict, tries: 0, nextTry: at }
  }

  /** To the manager as it is registered now. */
  async function send({ verdict }: VerdictRecord): Promise<void> {
    const manager = registry.member(verdict.accused)?.manager
    const member = manager === undefined ? undefined : registry.member(manager)
    if (member === undefined || addressesOf(member).length === 0)
      throw new HoldfastError('POOL_UNREGISTERED', { peer: manager ?? `a manager of ${verdict.accused}` })
    await sayTo(deps.net, member, { kind: 'verdict', verdict }, signal)
    log.info('verdict.told', { evidence: toHex(verdict.evidenceHash), manager })
  }

  return {
    of,
    file,

    async alone(accused, finding, basis) {
      const times = basis.map(({ at }) => at)
      const record = {
        accused,
        pattern: finding,
        from: Math.min(...times),
        to: Math.max(...times),
        strength: 0,
        observations: basis.map((one) => fromHex(observationHash(one), 32)),
      }
      const verdict = of(accused, finding, 'advice', file({ finding: record }))
      await book.commit([...book.saveSeen(basis), ...book.saveVerdict(verdict)])
    },

    async findPatterns() {
      const now = chain.now()
      await book.forget(now - policy.patterns.window, now - policy.desk().window)
      for (const found of findPatterns(book.seen.values(), { now: unixTime(now), policy: policy.patterns })) {
        const { accused, pattern, from, to, strength, evidence } = found
        const isTold = [...book.verdicts.values()].some(
          ({ verdict }) => verdict.accused === accused && verdict.finding === pattern && verdict.at > now - TOLD_AGAIN,
        )
        if (isTold) continue
        const observations = evidence.map((hash) => fromHex(hash, 32))
        const finding = { accused, pattern, from, to, strength: Math.round(strength * 1_000), observations }
        await book.commit(book.saveVerdict(of(accused, pattern, 'advice', file({ finding }))))
      }
    },

    due: (now) =>
      [...book.verdicts].flatMap(([hash, { takenAt, nextTry, verdict }]) =>
        takenAt === undefined && nextTry <= now && now < verdict.at + GIVE_UP_AFTER ? [hash] : [],
      ),

    async tell(hash) {
      const one = book.verdicts.get(hash)
      if (one === undefined) return
      const now = chain.now()
      const tries = one.tries + 1
      try {
        await send(one)
      } catch (cause) {
        if (signal.aborted) return
        const { message } = asHoldfastError(cause)
        const nextTry = now + RETRY_AFTER * 2 ** Math.min(one.tries, 6)
        await book.commit(book.saveVerdict({ ...one, waits: message, tries, nextTry }))
        return
      }
      await book.commit(book.saveVerdict({ ...one, takenAt: now, tries }))
    },
  }
}
