/** What indexes say about who holds what, believed only as far as the holders' signatures, the time and the registrar go. */
import { toHex } from '../base/bytes.ts'
import type { Address } from '../base/curve.ts'
import type { UnixTime } from '../base/units.ts'
import { isSigned, isStated, type ProvenEntry, RECORD_LIFE, type Statement } from '../net/messages/index-records.ts'
import { MAX_OFFSET } from './handshake.ts'
import { addressesOf, type RegistryView } from './registry-view.ts'

/** A holder as found, checked: signed, in time, registered and in good standing. */
export interface Found {
  readonly holder: Address
  readonly addresses: readonly string[]
  readonly blobId: Uint8Array
  /** UTC seconds. */
  readonly expires: number
}

export interface Findings {
  /**
   * Takes a page. Returns how many of its entries are not true: invented, stale, or not asked for.
   * @param names gets the names of what it told that is true
   */
  add(
    page: { readonly statements: readonly Statement[]; readonly entries: readonly ProvenEntry[] },
    names?: Set<string>,
  ): Promise<number>
  /** True when a source that told these names left out what others told, of a statement at least so many seconds old. */
  lacks(names: ReadonlySet<string>, age: number): boolean
  /** By key, hex; the same holder and blob once, with its newest statement. */
  all(): ReadonlyMap<string, readonly Found[]>
}

/** Signatures checked before others get their turn. */
const CHECKS_PER_TURN = 4

/** @param now UTC, wall clock: the life of statements is network time */
export function createFindings(keys: readonly Uint8Array[], registry: RegistryView, now: UnixTime): Findings {
  const wanted = new Set(keys.map(toHex))
  const found = new Map<string, Map<string, Found>>()
  /** By signature: several indexes give the same statement. */
  const checked = new Map<string, boolean>()

  async function isTrue(statement: Statement): Promise<boolean> {
    const name = toHex(statement.signature)
    const known = checked.get(name)
    if (known !== undefined) return known
    if (checked.size % CHECKS_PER_TURN === CHECKS_PER_TURN - 1) await new Promise((resolve) => setImmediate(resolve))
    const isTimely = statement.expires + MAX_OFFSET > now && statement.expires <= now + RECORD_LIFE + MAX_OFFSET
    const answer = isTimely && isSigned(statement)
    checked.set(name, answer)
    return answer
  }

  return {
    add: async ({ statements, entries }, names) => {
      let lies = 0
      for (const entry of entries) {
        const statement = statements[entry.statement]
        const key = toHex(entry.key)
        if (statement === undefined || !wanted.has(key) || !isStated(entry, statement) || !(await isTrue(statement))) {
          lies++
          continue
        }
        const member = registry.member(statement.holder)
        if (member === undefined || !registry.inGoodStanding(member.id)) continue // the chain knows better; no fault of the index
        const blobId = entry.blobId ?? entry.key
        const here = found.get(key) ?? new Map<string, Found>()
        const name = `${member.id} ${toHex(blobId)}`
        names?.add(`${key} ${name}`)
        const addresses = statement.addresses ?? addressesOf(member)
        if ((here.get(name)?.expires ?? 0) < statement.expires)
          here.set(name, { holder: member.id, addresses, blobId, expires: statement.expires })
        found.set(key, here)
      }
      return lies
    },
    lacks: (names, age) =>
      [...found].some(([key, holders]) =>
        [...holders].some(([name, { expires }]) => expires <= now + RECORD_LIFE - age && !names.has(`${key} ${name}`)),
      ),
    all: () => new Map([...found].map(([key, holders]) => [key, [...holders.values()]])),
  }
}
