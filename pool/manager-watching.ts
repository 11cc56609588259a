/** The manager's watch over the registrar: once a period every id is recomputed, and what changed in silence is told, once, and kept. */
import type { Address } from '../base/curve.ts'
import { DAY, type UnixTime, unixTime } from '../base/units.ts'
import type { ManagerParts } from './manager-parts.ts'
import { KEYS, type KeptWatch, put, readRecord, readRecords } from './manager-records.ts'
import { findSilentChanges, type Remembered, remember, type SilentChange, silentChangeName } from './watch-keys.ts'

export interface Watching {
  open(): Promise<void>
  /** Looks when it is time, or now. @returns what was not known before */
  look(now?: 'now'): Promise<readonly SilentChange[]>
  nextDue(): UnixTime | undefined
  /** All that was ever found. */
  readonly found: readonly (SilentChange & { readonly at: UnixTime })[]
}

/** Between two looks at most, whatever the renewal period: ids are cheap to recompute. Seconds. */
const EVERY = 30 * DAY

export function createWatching(parts: ManagerParts): Watching {
  const { registry, journal, chain, log } = parts
  let watch: KeptWatch | undefined
  let found = new Map<string, SilentChange & { readonly at: UnixTime }>()

  const due = () => (watch === undefined ? undefined : unixTime(watch.at + Math.min(EVERY, shortestPeriod())))
  function shortestPeriod(): number {
    let shortest = EVERY
    for (const { period } of registry.members()) if (period > 0 && period < shortest) shortest = period
    return shortest
  }

  return {
    async open() {
      watch = await readRecord<KeptWatch>(journal, KEYS.watch)
      found = await readRecords(journal, KEYS.alerts)
    },
    async look(now) {
      const next = due()
      if (now === undefined && next !== undefined && next > chain.now()) return []
      const upTo = chain.block()
      await registry.refresh()
      const before = (await readRecords<Remembered>(journal, KEYS.seenAll)) as Map<Address, Remembered>
      const members = [...registry.members()]
      const announced = watch === undefined ? new Map() : await chain.announced(watch.block)
      const fresh = findSilentChanges(before.values(), members, announced).filter(
        (change) => !found.has(silentChangeName(change)),
      )
      const at = chain.now()
      const present = new Set(members.map(({ id }) => id))
      const seen: KeptWatch = { block: upTo, at }
      await journal.commit([
        ...members.map((member) => put(KEYS.seen(member.id), remember(member))),
        ...[...before.keys()].filter((id) => !present.has(id)).map((id) => put(KEYS.seen(id), undefined)),
        ...fresh.map((change) => put(KEYS.alert(silentChangeName(change)), { ...change, at })),
        put(KEYS.watch, seen),
      ])
      watch = seen
      for (const change of fresh) {
        found.set(silentChangeName(change), { ...change, at })
        log.error('manager.silent-change', { ...change })
      }
      return fresh
    },
    nextDue: due,
    get found() {
      return [...found.values()]
    },
  }
}
