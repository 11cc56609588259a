/** What follows from a monitor's own read of what a report is about. Pure. docs/explanation/evidence.md. */
import type { Looked } from './case-facts.ts'
import type { Judgement } from './evidence.ts'
import type { ObservationKind } from './observation.ts'
import type { Report } from './report.ts'

export interface AfterLook {
  /** Undefined: a read that is owed failed for us, too; a panel looks. */
  readonly judgement: Judgement | undefined
  /** What we saw ourselves. */
  readonly saw: ObservationKind
}

/** @param found what the report alone gives */
export function afterLook(report: Pick<Report, 'kind'>, found: Judgement, { result, isOwed, why }: Looked): AfterLook {
  if (result.kind === 'served') {
    // who timed out may have had its reasons; who says it was refused, or got other bytes, and a stranger is served, accuses without proof
    const outcome = report.kind === 'refused' || report.kind === 'wrong-bytes' ? 'dismissed' : 'open'
    return { judgement: { ...found, outcome, why: `a read came through in ${result.ms} ms` }, saw: 'probe-ok' }
  }
  if (result.kind === 'silent')
    return {
      judgement: { ...found, why: `nobody answers (${result.code}); silence convicts of nothing` },
      saw: 'timeout',
    }
  if (!isOwed)
    return {
      judgement: { ...found, why: `it does not serve (${result.code}), and need not: ${why}` },
      saw: 'probe-failed',
    }
  return { judgement: undefined, saw: 'probe-failed' }
}
