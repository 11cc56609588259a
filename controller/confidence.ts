/**
 * Confidence: the probability that a steward still holds a blob, and that an object can be read.
 * Nothing here reads a clock, a disk or the network. Lifetimes of stewards are taken to be Pareto-shaped (Lomax): who has stayed long is
 * likely to stay longer. The number of sweeps is never called confidence. Derivation and limits: docs/spec/confidence.md; protocol.md §8.
 */
import { HoldfastError } from '../base/errors.ts'
import { MONTH, type Probability, probability } from '../base/units.ts'
import type { PlacementState } from './placement-state.ts'
import type { Policy } from './policy.ts'

type Model = Pick<Policy, 'lifetimes' | 'silentLoss' | 'clusterLife'>

/**
 * `((β + a) / (β + a + τ))^α · (1 − ℓ)^(τ / 30 d)`: the chance that a blob is still held `silence` after its last proof.
 * @param tenure age of the steward at that proof, from its registration. Seconds, ≥ 0
 * @param silence time since that proof. Seconds, ≥ 0; 0 gives exactly 1
 * @returns above 0, at most 1. A float is fine here: no sum of money is computed from it
 */
export function deriveConfidence(tenure: number, silence: number, model: Model): Probability {
  if (!(tenure >= 0 && silence >= 0))
    throw new HoldfastError('INPUT_RANGE', {
      name: 'tenure and silence',
      expected: 'at least 0',
      got: `${tenure}, ${silence}`,
    })
  const known = model.lifetimes.scale + tenure
  return probability((known / (known + silence)) ** model.lifetimes.shape * (1 - model.silentLoss) ** (silence / MONTH))
}

/** Confidence over a whole term in millionths, rounded down: what an auction counts with (market.md, step 2). */
export function confidencePpm(tenure: number, term: number, model: Model): number {
  return Math.floor(deriveConfidence(tenure, term, model) * 1_000_000)
}

/**
 * Confidence in one placement at `now`: what its last proof is still worth. 0 once it is MIA or gone. A suspect keeps the number its silence
 * gives, for show; an object does not count on it.
 */
export function confidenceOf(placement: PlacementState, now: number, model: Model): Probability {
  if (placement.state !== 'held' && placement.state !== 'suspect') return probability(0)
  const { lastProof } = placement.totals
  return deriveConfidence(Math.max(0, lastProof - placement.stewardSince), Math.max(0, now - lastProof), model)
}

/** One share as a segment sees it. */
export interface ShareOutlook {
  /** That it is held now. 0 when it is not counted on. */
  readonly chance: number
  /** Stewards of one cluster fall together; undefined: on its own. */
  readonly cluster?: string
  /** Since its last proof. Seconds. */
  readonly silence: number
}

/**
 * The share of a placement in its object's outlook. Health is what was proved: a suspect has failed its last check, so it counts as absent
 * until it answers (reliability.md R25); what lies with a steward that gets no requests (P5) cannot be read.
 */
export function outlookOf(placement: PlacementState, now: number, model: Model, cluster?: string): ShareOutlook {
  const isCounted = placement.state === 'held' && placement.outcast === undefined
  const chance = isCounted ? confidenceOf(placement, now, model) : 0
  const silence = Math.max(0, now - placement.totals.lastProof)
  return { chance, silence, ...(cluster === undefined ? {} : { cluster }) }
}

/**
 * P(fewer than `k` of independent shares are held), Poisson-binomial. Sums the lower tail, all terms positive, so that nine nines keep their
 * digits. O(shares · k).
 */
export function lossOf(chances: readonly number[], k: number): number {
  const held = new Float64Array(k) // held[j]: probability that exactly j of the shares so far are held, j < k
  if (k > 0) held[0] = 1
  for (const chance of chances)
    for (let j = k - 1; j >= 0; j--)
      held[j] = (held[j] as number) * (1 - chance) + (j > 0 ? (held[j - 1] as number) * chance : 0)
  return Math.min(
    1,
    held.reduce((sum, term) => sum + term, 0),
  )
}

/**
 * What is left to fear for one segment: `(1 − σ) · loss(all) + σ · loss(all but the largest cluster)`, σ = 1 − e^(−τ / 3650 d), τ the longest
 * silence among the shares counted on. Of clusters of equal size the one that would hurt most.
 */
export function segmentLoss(shares: readonly ShareOutlook[], k: number, model: Model): number {
  const counted = shares.filter((share) => share.chance > 0)
  const silence = Math.max(0, ...counted.map((share) => share.silence))
  const sigma = 1 - Math.exp(-silence / model.clusterLife)
  const rest = lossOf(
    counted.map((share) => share.chance),
    k,
  )
  return (1 - sigma) * rest + sigma * worstWithoutCluster(counted, k)
}

function worstWithoutCluster(shares: readonly ShareOutlook[], k: number): number {
  const clusters = new Map<string, Set<ShareOutlook>>()
  shares.forEach((share, i) => {
    const name = share.cluster ?? `#${i}`
    clusters.set(name, (clusters.get(name) ?? new Set()).add(share))
  })
  const largest = Math.max(0, ...[...clusters.values()].map((members) => members.size))
  let worst = 0
  for (const members of clusters.values()) {
    if (members.size < largest) continue
    worst = Math.max(
      worst,
      lossOf(
        shares.filter((share) => !members.has(share)).map((share) => share.chance),
        k,
      ),
    )
  }
  return clusters.size === 0 ? lossOf([], k) : worst
}

/** Confidence in an object: the least over its segments (and its manifest copies as a group of k = 1). */
export interface ObjectConfidence {
  readonly confidence: Probability
  /** 1 − confidence, with its own digits. */
  readonly loss: number
  /** Whole nines, 0 … 9. */
  readonly nines: number
}

/** @param groups one entry a segment, and one with k = 1 for the manifest copies; none at all gives no confidence */
export function objectConfidence(
  groups: readonly { readonly shares: readonly ShareOutlook[]; readonly k: number }[],
  model: Model,
): ObjectConfidence {
  const loss = groups.length === 0 ? 1 : Math.max(...groups.map(({ shares, k }) => segmentLoss(shares, k, model)))
  return { confidence: probability(Math.max(0, 1 - loss)), loss, nines: ninesOf(loss) }
}

/** How many nines a loss leaves: 10⁻⁵ gives 5, never more than 9. The billionth guards against 1e-5 being stored as a hair more. */
export function ninesOf(loss: number): number {
  if (loss >= 1) return 0
  if (loss <= 1e-9) return 9
  return Math.max(0, Math.floor(-Math.log10(loss) + 1e-9))
}
