/**
 * Finding holders through the pool: the indexes, what a ledger knows (hints), and as a last resort every registered repository as a guess:
 * whoever holds a blob serves it to the right token, announced or not.
 */
import { toHex } from '../base/bytes.ts'
import type { Address } from '../base/curve.ts'
import { asHoldfastError } from '../base/errors.ts'
import type { Log, Rng } from '../base/ports.ts'
import type { IndexAnswer, IndexClient } from '../pool/index-client.ts'
import { addressesOf, membersWith, type RegistryView, ROLE } from '../pool/registry-view.ts'
import type { Finder, Holder } from './holders.ts'

/** Repositories guessed at most: a last resort must not become a flood. */
const MAX_GUESSES = 64

/** What a ledger knows of where an object is. */
export interface FinderHints {
  /** Holders by hex of the blob id. Addresses may be empty: the registrar has them. */
  readonly blobs?: ReadonlyMap<string, readonly Address[]>
  readonly copies?: readonly { readonly id: Address; readonly blobId: Uint8Array }[]
}

export interface PoolFinderOptions {
  readonly index: Pick<IndexClient, 'lookup'>
  readonly registry: RegistryView
  readonly rng: Rng
  readonly log: Log
  readonly hints?: FinderHints
}

export function createPoolFinder({ index, registry, rng, log, hints = {} }: PoolFinderOptions): Finder {
  const hinted = (id: Address): Holder[] => {
    const member = registry.member(id)
    return member === undefined || !registry.inGoodStanding(id) ? [] : [{ id, addresses: addressesOf(member) }]
  }

  async function ask(keys: readonly Uint8Array[], signal: AbortSignal): Promise<IndexAnswer['found']> {
    try {
      return (await index.lookup(keys, { signal })).found
    } catch (cause) {
      signal.throwIfAborted()
      log.warn('get.index', { code: asHoldfastError(cause).code })
      return new Map()
    }
  }

  /** Repositories in an order of chance, so that not everybody guesses the same ones first. */
  function repositories(): Holder[] {
    const members = [...membersWith(registry, ROLE.repository)].map((member) => ({
      id: member.id,
      addresses: addressesOf(member),
    }))
    const draws = rng.bytes(4 * members.length)
    const order = new Map(
      members.map((member, at) => [member, new DataView(draws.buffer, draws.byteOffset).getUint32(4 * at)]),
    )
    return members.sort((a, b) => (order.get(a) ?? 0) - (order.get(b) ?? 0)).slice(0, MAX_GUESSES)
  }

  return {
    blobs: async (ids, { widely, signal }) => {
      const found = await ask(ids, signal)
      const guesses = widely ? repositories() : []
      return new Map(
        ids.map((id) => {
          const key = toHex(id)
          const announced = (found.get(key) ?? []).map(({ holder, addresses }) => ({ id: holder, addresses }))
          return [key, unique([...announced, ...(hints.blobs?.get(key) ?? []).flatMap(hinted), ...guesses])]
        }),
      )
    },
    copies: async (locator, { signal }) => {
      const found = (await ask([locator], signal)).get(toHex(locator)) ?? []
      const announced = found.map(({ holder, addresses, blobId }) => ({ id: holder, addresses, blobId }))
      const known = (hints.copies ?? []).flatMap(({ id, blobId }) =>
        hinted(id).map((holder) => ({ ...holder, blobId })),
      )
      return [...announced, ...known]
    },
  }
}

/** Each holder once, as it was named first. */
function unique(holders: readonly Holder[]): Holder[] {
  const byId = new Map<Address, Holder>()
  for (const holder of holders) if (!byId.has(holder.id)) byId.set(holder.id, holder)
  return [...byId.values()]
}
