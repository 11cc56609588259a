/** What a delegate did that was not entitled to it (a stolen key), and what every standing was before: everything it did is reversible. Pure. */
import type { Address } from '../base/curve.ts'
import type { UnixTime } from '../base/units.ts'
import type { Standing } from '../chain/registry-members.ts'

/** One change of standing in the registrar's log. */
export interface StandingAct {
  readonly id: Address
  readonly by: Address
  readonly standing: Standing
  /** Hex, 32 bytes. */
  readonly evidenceHash: string
  /** Chain time. */
  readonly time: UnixTime
}

/** What is to be put back. */
export interface Undo {
  readonly id: Address
  readonly to: Standing
  /** Evidence hash of the last change that is undone. */
  readonly about: string
}

/**
 * Members whose standing the delegate changed since then and nobody after it, with the standing before its first such change.
 * @param acts the whole log, in order
 */
export function planUndo(acts: readonly StandingAct[], delegate: Address, since: UnixTime): readonly Undo[] {
  const found = new Map<Address, Undo>()
  const standings = new Map<Address, Standing>()
  for (const { id, by, standing, evidenceHash, time } of acts) {
    const isTheirs = by === delegate && time >= since
    if (isTheirs) found.set(id, { id, to: found.get(id)?.to ?? standings.get(id) ?? 'compliant', about: evidenceHash })
    else found.delete(id) // whoever came after has seen it and decided
    standings.set(id, standing)
  }
  return [...found.values()].filter(({ id, to }) => standings.get(id) !== to)
}
