/**
 * Whether a panel was this pool's: drawn by the block that it names, under the policy that stood there, from all who could be drawn. What a file alone
 * cannot show, whoever has the chain can: the manager, and `pool verify-evidence --on-chain`. Pure.
 */
import { equalBytes } from '../base/bytes.ts'
import { HoldfastError } from '../base/errors.ts'
import { candidateOf, excludedBy } from './candidates.ts'
import { type PanelRecord, policyOf } from './evidence-file.ts'
import { type Candidate, drawPanel, isDrawnBy, type PanelPolicy } from './panel.ts'
import { type MemberView, membersWith, type RegistryView, ROLE } from './registry-view.ts'
import type { Report } from './report.ts'

/** What the chain says about the block of a draw. */
export interface PanelFacts {
  /** Of the pool at the end of the block; undefined: it did not exist, or the block does not. */
  readonly policy: PanelPolicy | undefined
  /** Undefined: there is none of this number. `time`, `before`: of the block and of the one before it. */
  readonly block: { readonly hash: Uint8Array; readonly time: number; readonly before?: number | undefined } | undefined
}

/** @throws `EVIDENCE_POLICY` for another policy than the pool's at that block, `EVIDENCE_INVALID` for a block that does not draw this report's panel */
export function assertPanelOfPool(panel: PanelRecord, report: Report, { policy, block }: PanelFacts): void {
  const { number, hash } = panel.block
  if (block === undefined || !equalBytes(block.hash, hash))
    throw new HoldfastError('EVIDENCE_INVALID', { what: `block ${number} of the draw is none of this chain` })
  const said = policyOf(panel)
  if (policy === undefined) throw new HoldfastError('EVIDENCE_POLICY', { what: `the pool had none at block ${number}` })
  if (say(said) !== say(policy))
    throw new HoldfastError('EVIDENCE_POLICY', {
      what: `it states ${say(said)}; at block ${number} the pool had ${say(policy)}`,
    })
  if (!isDrawnBy(report, block))
    throw new HoldfastError('EVIDENCE_INVALID', {
      what: `block ${number} is not the first of an hour within two days of the report`,
    })
}

/**
 * Draws again from this registrar's monitors. Who has not changed since the block of the draw must stand in the file as it is registered, and nobody
 * may be missing; for the others the file's word is taken, as long as they are monitors.
 * @throws `EVIDENCE_INVALID`
 */
export function assertWhollyDrawn(panel: PanelRecord, report: Report, registry: RegistryView): void {
  const isSteady = (member: MemberView) => (member.changedIn ?? 0) <= panel.block.number
  const mine = new Map<string, Candidate>()
  for (const member of membersWith(registry, ROLE.monitor))
    if (isSteady(member)) mine.set(member.id, candidateOf(member))
  const shown = panel.candidates.map(({ id, cluster }): Candidate => ({ id, ...(cluster === '' ? {} : { cluster }) }))
  for (const { id } of shown) {
    const member = registry.member(id)
    const isOne = member !== undefined && (member.roles & ROLE.monitor) !== 0 && (!isSteady(member) || mine.has(id))
    if (!isOne) invalid(`${id} is no monitor that could be drawn`)
  }
  assertExcluded(panel, report, registry, isSteady)
  const seed = { block: panel.block.hash, accused: report.accused }
  const excluded = new Set(panel.excluded)
  const seatsOf = (from: readonly Candidate[]) =>
    drawPanel(from, excluded, seed, policyOf(panel)).seats.map(({ id }) => id)
  const all = [...shown.filter(({ id }) => !mine.has(id)), ...mine.values()]
  if (seatsOf(all).join() !== seatsOf(shown).join()) invalid('other monitors than those of the file were drawn')
}

/** Accuser, accused and their networks are kept away, and nobody else: by more exclusions a panel could be chosen. */
function assertExcluded(
  panel: PanelRecord,
  report: Report,
  registry: RegistryView,
  isSteady: (member: MemberView) => boolean,
): void {
  const parties = [report.accuser, report.accused]
  const named: ReadonlySet<string> = new Set(parties)
  const moved = parties.filter((id) => {
    const member = registry.member(id)
    return member !== undefined && !isSteady(member)
  })
  const right = new Set(excludedBy(registry, report))
  // whoever moved since may have been of another network then
  const isMissing = [...right].some((one) => !panel.excluded.includes(one) && (moved.length === 0 || named.has(one)))
  const more = panel.excluded.filter((one) => !right.has(one))
  if (isMissing || more.length > moved.length) invalid('others than accuser, accused and their networks are kept away')
}

function say({ seats, votes, least }: PanelPolicy): string {
  return `${seats} seats, ${votes} votes, ${least} at least`
}

function invalid(what: string): never {
  throw new HoldfastError('EVIDENCE_INVALID', { what })
}
