/** Claims: from answers to a signature that names whom to pay, and from many claims to one call. Pure. protocol.md §3, §4. */
import { toHex, u32, utf8 } from '../base/bytes.ts'
import { type Address, addressOf, signDigest } from '../base/curve.ts'
import { sha256 } from '../base/hash.ts'
import { type Domain, sweepDigest } from '../base/typed-data.ts'
import { unixTime } from '../base/units.ts'
import { type AnsweredChallenge, claimSecretOf } from '../blob/docket.ts'
import type { SweepCall, SweepGroup } from './ports.ts'
import type { BountyRecord } from './records.ts'

/** A signature that takes one bounty to its steward. */
export interface Claim {
  readonly bounty: string
  readonly poster: Address
  readonly deadline: number
  readonly attempt: number
  /** Of Sweep(payee, deadline), 65 bytes. */
  readonly signature: Uint8Array
}

/** What a bounty says about who can claim it. */
export type Claimable = Pick<BountyRecord, 'id' | 'poster' | 'deadline' | 'attempt' | 'claimKey'>

/**
 * Signs for the payee with the secret that the answers give; undefined when the bounty does not stand under that key: then nobody
 * who holds the right bytes can claim it. The secret leaves this function in no form.
 */
export function claimOf(
  domain: Domain,
  bounty: Claimable,
  answered: readonly AnsweredChallenge[],
  payee: Address,
): Claim | undefined {
  const secret = claimSecretOf(domain, answered)
  if (addressOf(secret) !== bounty.claimKey) return undefined
  const { id, poster, deadline, attempt } = bounty
  const signature = signDigest(secret, sweepDigest(domain, { payee, deadline }))
  return { bounty: id, poster, deadline, attempt, signature }
}

/** One call for all: a group for each poster and deadline, in order of first appearance. At least one claim. */
export function sweepCallOf(payee: Address, claims: readonly Claim[]): SweepCall {
  const groups = new Map<string, SweepGroup & { claims: Uint8Array[] }>()
  for (const { poster, deadline, signature } of claims) {
    const key = `${poster}/${deadline}`
    const group = groups.get(key) ?? { poster, deadline: unixTime(deadline), open: false, claims: [] }
    group.claims.push(signature)
    groups.set(key, group)
  }
  return { payee, groups: [...groups.values()], notAfter: Math.max(...claims.map(({ deadline }) => deadline)) }
}

/** The intent's id: what it claims, and for which time it is tried. */
export function sweepIdOf(claims: readonly Claim[]): string {
  const parts = claims.map(({ bounty, attempt }) => `${bounty}/${attempt}`).sort()
  return `sweep/${toHex(sha256(utf8('holdfast/sweep/1'), u32(parts.length), utf8(parts.join(' ')))).slice(0, 32)}`
}
