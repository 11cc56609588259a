/**
 * A checkpoint of the local view of the registrar: members, policy and period as they were at the end of one block, in one file with that block's number
 * and hash. It is a cache: whoever deletes it loses the time of a replay and nothing else. What is damaged, of another registrar or of another version
 * is thrown away; whether its block is still the chain's, the reader asks before it believes the rest.
 */
import { concat, equalBytes, fromHex, toHex, utf8 } from '../base/bytes.ts'
import type { Address } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import { sha256 } from '../base/hash.ts'
import type { Block } from './chain-data.ts'
import type { Member, Terms } from './registry-members.ts'

/** Raised with every change of what a checkpoint, or a member in it, means. */
const FORM = 'holdfast/registry/1'

/** Whose view it is. */
export interface CheckpointOf {
  readonly chainId: number
  readonly registrar: Address
  /** Block of the registrar's deployment. */
  readonly from: number
}

export interface Checkpoint {
  readonly at: Pick<Block, 'number' | 'hash'>
  readonly members: ReadonlyMap<Address, Member>
  readonly terms: Terms
}

/** Where one checkpoint lies: whole or not there, also after a power cut. */
export interface CheckpointStore {
  read(): Promise<Uint8Array | undefined>
  write(checkpoint: Uint8Array): Promise<void>
}

/** SHA-256 of the rest, then JSON. */
export function encodeCheckpoint(of: CheckpointOf, { at, members, terms }: Checkpoint): Uint8Array {
  const kept = [...members.values()].map((member) => ({ ...member, publicKey: toHex(member.publicKey) }))
  const { number, hash } = at
  const body = utf8(JSON.stringify({ form: FORM, ...of, at: { number, hash }, terms, members: kept }))
  return concat(sha256(body), body)
}

/** @throws `LEDGER_CORRUPT` for one that is damaged or not of this registrar; the caller replays instead */
export function decodeCheckpoint(of: CheckpointOf, bytes: Uint8Array): Checkpoint {
  const body = bytes.subarray(32)
  if (bytes.length < 32 || !equalBytes(sha256(body), bytes.subarray(0, 32))) throw useless('it is damaged')
  const { form, chainId, registrar, from, at, terms, members } = JSON.parse(new TextDecoder().decode(body)) as {
    readonly form: string
    readonly members: readonly (Omit<Member, 'publicKey'> & { readonly publicKey: string })[]
  } & CheckpointOf &
    Omit<Checkpoint, 'members'>
  if (form !== FORM) throw useless('it is of another version')
  if (chainId !== of.chainId || registrar !== of.registrar || from !== of.from) throw useless('it is of another pool')
  return {
    at,
    terms,
    members: new Map(members.map((one) => [one.id, revived({ ...one, publicKey: fromHex(one.publicKey, 64) })])),
  }
}

/** JSON leaves out what is undefined. */
function revived(member: Omit<Member, 'manager' | 'index'> & Partial<Pick<Member, 'manager' | 'index'>>): Member {
  return { ...member, manager: member.manager, index: member.index }
}

function useless(what: string): HoldfastError {
  return new HoldfastError('LEDGER_CORRUPT', { key: `checkpoint of the registrar: ${what}` })
}
