/**
 * Managers do not believe the registrar, either (P7): each period they recompute every member's id from its key and look for addresses, keys and
 * standings that differ from what they remember though no event announced it. Pure: what is remembered, what is seen, what was announced.
 */
import { toHex, utf8 } from '../base/bytes.ts'
import { type Address, addressOfPublicKey } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import { sha256 } from '../base/hash.ts'
import type { MemberView } from './registry-view.ts'

/** What is kept of a member from one look to the next. */
export interface Remembered {
  readonly id: Address
  /** SHA-256 of the public key, hex. */
  readonly key: string
  /** Both endpoints. */
  readonly endpoints: string
  readonly standing: string
  readonly level: string
}

/** Fields whose changes the registrar's log announces. */
export const WATCHED = ['key', 'endpoints', 'standing', 'level'] as const
export type Watched = (typeof WATCHED)[number]

/** Something that changed in silence. */
export interface SilentChange {
  readonly id: Address
  /** `id`: it is not the hash of the key. */
  readonly what: Watched | 'id' | 'gone'
  readonly before: string
  readonly now: string
}

/** The registrar's log since the last look: which fields of which member it announced; `dropped`: it is no member any more. */
export type Announced = ReadonlyMap<Address, ReadonlySet<Watched | 'dropped'>>

/** A member as it is remembered. */
export function remember(member: MemberView): Remembered {
  return {
    id: member.id,
    key: toHex(sha256(member.publicKey)),
    endpoints: `${member.secureAddr}\n${member.insecureAddr}`,
    standing: member.standing,
    level: member.level,
  }
}

/** True when the id is the hash of the key (protocol.md §1). @param publicKey 64 bytes */
export function isOwnId(id: Address, publicKey: Uint8Array): boolean {
  try {
    return publicKey.length === 64 && addressOfPublicKey(Uint8Array.from([4, ...publicKey])) === id
  } catch (cause) {
    if (cause instanceof HoldfastError) return false // no point of the curve is nobody's key
    throw cause
  }
}

/** Everything that is not as it should be, by id. A key may never change: no event announces that. */
export function findSilentChanges(
  before: Iterable<Remembered>,
  members: Iterable<MemberView>,
  announced: Announced,
): readonly SilentChange[] {
  const now = new Map([...members].map((member) => [member.id, member]))
  const found: SilentChange[] = []
  for (const member of now.values())
    if (!isOwnId(member.id, member.publicKey))
      found.push({ id: member.id, what: 'id', before: member.id, now: toHex(sha256(member.publicKey)) })
  for (const old of before) {
    const told = announced.get(old.id)
    const member = now.get(old.id)
    if (member === undefined) {
      if (told?.has('dropped') !== true) found.push({ id: old.id, what: 'gone', before: old.standing, now: '' })
      continue
    }
    const fresh = remember(member)
    for (const what of WATCHED)
      if (fresh[what] !== old[what] && told?.has(what) !== true)
        found.push({ id: old.id, what, before: old[what], now: fresh[what] })
  }
  return found.sort((a, b) => (a.id === b.id ? (a.what < b.what ? -1 : 1) : a.id < b.id ? -1 : 1))
}

/** A finding's name: the same change is told once. */
export function silentChangeName({ id, what, before, now }: SilentChange): string {
  return toHex(sha256(utf8([id, what, before, now].join('\n'))).subarray(0, 16))
}
