/**
 * Patterns of stewards that hold for the money and not for the reader: selective serving, exit after claim, fetching just in time. Each looks
 * at what one steward did with its own sweeps. docs/spec/patterns.md.
 */
import { dayOf, type Observation, voiceOf } from '../observation.ts'
import { type Finding, findingOf, type PatternInput } from './finding.ts'
import { Tally } from './strength.ts'

/**
 * Sweeps, but refuses reads to some (HostageSteward). A failed read counts when the steward proved later that it had the blob all the time:
 * who lost a disk is no hostage-taker. A read that nobody answered counts only when another voice was served about then. Unit: a day.
 */
export function findSelectiveServing({ deeds, policy, looks }: PatternInput): Finding[] {
  const measure = policy.selectiveServing
  return deeds.flatMap(({ accused, sweeps, served, failed, silent }) => {
    const hadIt = ({ blobId, at }: Observation) => (sweeps.get(blobId as string)?.at(-1)?.at ?? 0) > at
    const wasAlive = (one: Observation) =>
      served.some((ok) => Math.abs(ok.at - one.at) <= measure.aliveWithin && voiceOf(ok) !== voiceOf(one))
    const basis = [...failed.filter(hadIt), ...silent.filter((one) => hadIt(one) && wasAlive(one))]
    if (basis.length < measure.least) return []
    const days = new Tally()
    for (const one of basis) days.addBad(dayOf(one.at), voiceOf(one))
    for (const one of served) days.addGood(dayOf(one.at))
    const strength = days.robustStrength(measure) - looks
    if (strength < measure.bar) return []
    const proofs = basis.flatMap(({ blobId }) => sweeps.get(blobId as string)?.slice(-1) ?? [])
    return [findingOf(accused, 'selective-serving', strength, [...basis, ...proofs])]
  })
}

/**
 * Lets blobs go right after their sweep (ExitAfterClaimSteward). Looks at reads of blobs swept in the three days before: lost is what failed and
 * neither served nor swept again. Unit: a span of three days, so that one crash, however many blobs it took, spoils one or two.
 */
export function findExitAfterClaim({ deeds, policy, looks }: PatternInput): Finding[] {
  const measure = policy.exitAfterClaim
  return deeds.flatMap(({ accused, sweeps, served, failed }) => {
    const servedAt = new Map<string, number>()
    for (const { blobId, at } of served)
      servedAt.set(blobId as string, Math.max(at, servedAt.get(blobId as string) ?? 0))
    const sweepBefore = ({ blobId, at }: Observation) =>
      sweeps.get(blobId as string)?.findLast((sweep) => sweep.at <= at && sweep.at > at - measure.fresh)
    const isLost = ({ blobId, at }: Observation) =>
      (servedAt.get(blobId as string) ?? 0) <= at && (sweeps.get(blobId as string)?.at(-1)?.at ?? 0) <= at
    const basis = failed.filter((one) => isLost(one) && sweepBefore(one) !== undefined)
    if (basis.length < measure.least) return []
    const spans = new Tally()
    const spanOf = ({ at }: Observation) => Math.floor(at / measure.fresh)
    for (const one of basis) spans.addBad(spanOf(one), voiceOf(one))
    for (const one of served) if (sweepBefore(one)) spans.addGood(spanOf(one))
    const strength = spans.robustStrength(measure) - looks
    if (strength < measure.bar) return []
    return [
      findingOf(
        accused,
        'exit-after-claim',
        strength,
        basis.flatMap((one) => [one, sweepBefore(one) ?? one]),
      ),
    ]
  })
}

/**
 * Holds nothing and reads blobs from peers within the round (FetchingSteward). Unit: a swept blob and day. A `fetched` carries the reader's own
 * signature, so one voice is enough.
 */
export function findFetchJustInTime({ deeds, policy, looks }: PatternInput): Finding[] {
  const measure = policy.fetchJustInTime
  return deeds.flatMap(({ accused, sweeps, fetched }) => {
    if (fetched.length < measure.least) return []
    const reads = Map.groupBy(fetched, ({ blobId }) => blobId as string)
    const rounds = new Tally()
    const basis: Observation[] = []
    for (const sweep of [...sweeps.values()].flat()) {
      const unit = `${sweep.blobId}/${dayOf(sweep.at)}`
      const before = (reads.get(sweep.blobId as string) ?? []).filter(
        ({ at }) => at <= sweep.at && at > sweep.at - measure.round,
      )
      if (before.length === 0) rounds.addGood(unit)
      else {
        rounds.addBad(unit, voiceOf(sweep))
        basis.push(sweep, ...before)
      }
    }
    const strength = rounds.strength(measure) - looks
    return strength < measure.bar ? [] : [findingOf(accused, 'fetch-just-in-time', strength, basis)]
  })
}
