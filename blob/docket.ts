/** Dockets: the challenges that one bounty covers, and the claim key that their answers give (protocol.md §3). */
import { createHmac } from 'node:crypto'
import {
  assertBytes,
  bytesToUint,
  compareBytes,
  concat,
  fromHex,
  readU32,
  u32,
  u64,
  uintBytes,
  utf8,
} from '../base/bytes.ts'
import { type Address, addressOf, CURVE_ORDER } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import { keccak256, sha256 } from '../base/hash.ts'
import type { Domain } from '../base/typed-data.ts'
import { MiB } from '../base/units.ts'

/** Most bytes of a docket: 1.5 million challenges. protocol.md §6, docket/1. */
export const MAX_DOCKET_BYTES = 96 * MiB
/** Most challenges of a docket. */
export const MAX_DOCKET_ENTRIES = Math.floor((MAX_DOCKET_BYTES - 4) / 64)

/** Answers given to the hash at a time: a call for each would cost more than the hashing. */
const GROUP = 1024

/** One challenge. Each 32 bytes. */
export interface Challenge {
  readonly blobId: Uint8Array
  readonly nonce: Uint8Array
}

/** A challenge with its answer, 32 bytes. */
export interface AnsweredChallenge extends Challenge {
  readonly answer: Uint8Array
}

/** Challenges in docket order: ascending by blob id. @throws `INPUT_RANGE` for none, too many, or a blob that occurs twice */
export function sortChallenges<C extends Challenge>(challenges: readonly C[]): C[] {
  if (challenges.length < 1 || challenges.length > MAX_DOCKET_ENTRIES)
    throw new HoldfastError('INPUT_RANGE', {
      name: 'docket',
      expected: `1 to ${MAX_DOCKET_ENTRIES} challenges`,
      got: challenges.length,
    })
  const sorted = [...challenges].sort((a, b) => compareBytes(a.blobId, b.blobId))
  for (const [at, { blobId }] of sorted.entries()) {
    const before = sorted[at - 1]
    if (before !== undefined && compareBytes(before.blobId, blobId) === 0)
      throw new HoldfastError('INPUT_RANGE', { name: 'docket', expected: 'each blob once', got: 'a blob twice' })
  }
  return sorted
}

/** The docket's bytes, whatever the order of the challenges. @throws as `sortChallenges` */
export function encodeDocket(challenges: readonly Challenge[]): Uint8Array {
  const sorted = sortChallenges(challenges)
  const docket = new Uint8Array(4 + 64 * sorted.length)
  docket.set(u32(sorted.length))
  for (const [at, { blobId, nonce }] of sorted.entries()) {
    assertBytes(blobId, 32, 'blobId')
    assertBytes(nonce, 32, 'nonce')
    docket.set(blobId, 4 + 64 * at)
    docket.set(nonce, 4 + 64 * at + 32)
  }
  return docket
}

/** The challenges of a docket, as views of its bytes. @throws `NET_OVERSIZE`, or `NET_MALFORMED` for a wrong length or order */
export function decodeDocket(docket: Uint8Array): Challenge[] {
  if (docket.length > MAX_DOCKET_BYTES)
    throw new HoldfastError('NET_OVERSIZE', { limit: MAX_DOCKET_BYTES, got: docket.length })
  const count = docket.length < 4 ? 0 : readU32(docket, 0)
  if (count === 0 || docket.length !== 4 + 64 * count)
    throw new HoldfastError('NET_MALFORMED', { what: `a docket of ${docket.length} bytes for ${count} challenges` })
  return Array.from({ length: count }, (_, at) => {
    const from = 4 + 64 * at
    const blobId = docket.subarray(from, from + 32)
    if (at > 0 && compareBytes(docket.subarray(from - 64, from - 32), blobId) >= 0)
      throw new HoldfastError('NET_MALFORMED', { what: `a docket out of order at challenge ${at}` })
    return { blobId, nonce: docket.subarray(from + 32, from + 64) }
  })
}

/** What the chain knows a docket by. 32 bytes. */
export function docketHashOf(docket: Uint8Array): Uint8Array {
  return keccak256(docket)
}

/**
 * The secret behind a bounty: whoever has all answers has it. 32 bytes.
 * @param domain of the market
 * @param answered in any order; taken in docket order
 * @throws as `sortChallenges`
 */
export function claimSecretOf(domain: Domain, answered: readonly AnsweredChallenge[]): Uint8Array {
  const sorted = sortChallenges(answered)
  // the streaming form of base's deriveSecret: a docket of a million would be a message of 96 MB
  const mac = createHmac('sha512', 'holdfast/claim/1')
  mac.update(concat(u64(domain.chainId), fromHex(domain.contract, 20), u32(sorted.length)))
  for (let at = 0; at < sorted.length; at += GROUP) {
    const parts = sorted.slice(at, at + GROUP).flatMap(({ blobId, nonce, answer }) => {
      assertBytes(blobId, 32, 'blobId')
      assertBytes(nonce, 32, 'nonce')
      assertBytes(answer, 32, 'answer')
      return [blobId, nonce, answer]
    })
    mac.update(concat(...parts))
  }
  return uintBytes(1n + (bytesToUint(mac.digest()) % (CURVE_ORDER - 1n)), 32)
}

/** The address under which the bounty stands: of the claim secret. */
export function claimKeyOf(domain: Domain, answered: readonly AnsweredChallenge[]): Address {
  return addressOf(claimSecretOf(domain, answered))
}

/** The answer to a question of a bisection: shows that every blob of the part was read, and gives the claim secret to nobody. 32 bytes. */
export function bisectAnswerOf(domain: Domain, answered: readonly AnsweredChallenge[]): Uint8Array {
  return sha256(utf8('holdfast/bisect/1'), claimSecretOf(domain, answered))
}
