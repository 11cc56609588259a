/** Objects of which something is missing or in doubt: the lines of `status` that want to be read. Pure over (ledger, now). */
import { toHex } from '../base/bytes.ts'
import type { ObjectTrouble } from './api-types.ts'
import type { Outlook } from './outlook.ts'
import { countedAs } from './placement-state.ts'
import type { ObjectRecord } from './records.ts'
import { type Part, surveyObject } from './repair-plan.ts'

/** Worst first: lost, then missing, then suspect. */
export function viewTroubles(outlook: Outlook): ObjectTrouble[] {
  const found = [...outlook.ledger.objects.values()].flatMap((object) => troubleOf(outlook, object) ?? [])
  return found.sort((a, b) => b.weight - a.weight).map(({ weight: _, ...trouble }) => trouble)
}

/** Undefined when every blob that should be there is held; for a backup of the ledger, which the next one replaces; and for what was let go. `weight`: how bad it is. */
export function troubleOf(
  { ledger, policy, now }: Outlook,
  object: ObjectRecord,
): (ObjectTrouble & { weight: number }) | undefined {
  if (object.backup !== undefined || object.removedAt !== undefined) return undefined
  const states: Record<string, number> = {}
  for (const placement of ledger.placementsOf(object.ref)) {
    const state = countedAs(placement)
    if (state !== 'held' && state !== 'placing' && state !== 'ended') states[state] = (states[state] ?? 0) + 1
  }
  if (Object.keys(states).length === 0) return undefined
  const parts = surveyObject(object, ledger.placementsOf(object.ref), now, policy)
  const isLost = parts.some(({ health }) => health.isLost)
  const missing = ['mia', 'repairing', 'lost', 'outcast'].some((state) => states[state] !== undefined)
  const weight = isLost ? 3 : missing ? 2 : 1
  const { id, name, n } = object
  return {
    object: toHex(id),
    ...(name === undefined ? {} : { name }),
    states,
    next: nextOf(parts, states, n),
    weight,
  }
}

function nextOf(parts: readonly Part[], states: Readonly<Record<string, number>>, n: number): string {
  const lost = parts.find(({ health }) => health.isLost)
  if (lost)
    return `${lost.kind === 'copy' ? 'no copy of its manifest' : `too few shares of segment ${lost.segment}`} left: nothing to mend it from`
  if (states['repairing']) return 'being made again at other stewards'
  const worst = parts.reduce((a, b) => (margin(b) < margin(a) ? b : a))
  const { confirmed, threshold, needsRepair } = worst.health
  const stranded = parts.find(({ health }) => !health.isMendable)
  if (stranded)
    return `${stranded.there.length} of ${n} are with stewards in good standing, too few to make the others again: waits for the others\u2019 standing`
  if (needsRepair) return `to be made again at other stewards now: ${confirmed} of ${n} confirmed`
  if (states['mia'] || states['outcast']) return `repair starts at ${threshold} of ${n} confirmed, now ${confirmed}`
  return 'each is asked again; what is missed too is MIA, and repair starts in time'
}

const margin = ({ health }: Part) => health.confirmed - health.threshold
