/** Two conversations with a steward about rounds off chain: the offer, with the voucher that ends it, and a voucher that did not arrive. */
import { fromHex } from '../base/bytes.ts'
import { type Address, signDigest } from '../base/curve.ts'
import { asHoldfastError, hasCode } from '../base/errors.ts'
import type { Log } from '../base/ports.ts'
import { type Domain, docketDigest, voucherDigest } from '../base/typed-data.ts'
import type { Bounties } from './bounties.ts'
import type { Ledger } from './ledger.ts'
import type { Policy } from './policy.ts'
import type { RunStep, SignedVoucher, StewardCalls } from './ports.ts'
import type { BountyRecord, PromiseRecord } from './records.ts'

export interface SettleDeps {
  readonly ledger: Ledger
  readonly domain: Domain
  readonly account: Address
  readonly chainSecret: Uint8Array
  readonly policy: Pick<Policy, 'offerPatience'>
  readonly calls: Pick<StewardCalls, 'offer' | 'handVoucher'>
  readonly bounties: Pick<Bounties, 'offers'>
  readonly log: Log
  readonly step: RunStep
  readonly signal: AbortSignal
}

/** What an answer may take: a fixed part, and the reading of its blobs at ten megabytes a second. Milliseconds. */
const ANSWER_MS = 60_000
const READ_BYTES_PER_MS = 10_000

/** Nothing is known of who did not answer: it is asked again until the round's patience is over. */
const isSilence = (cause: unknown) =>
  hasCode(cause, 'NET_UNREACHABLE', 'NET_TIMEOUT', 'NET_CLOSED', 'PEER_BUSY', 'POOL_UNREGISTERED')

/**
 * Offers a round. What comes of it is in the ledger when this ends: the promise, or, for a refusal, the same round on its way to the chain.
 * @throws when the steward was not reached, or did not take the voucher: both are tried again
 */
export async function offerRound(deps: SettleDeps, { id }: BountyRecord): Promise<void> {
  const { ledger, domain, chainSecret, calls, bounties, signal } = deps
  const bounty = ledger.bounties.get(id)
  if (bounty?.phase !== 'offered') return
  const { steward, amount, deadline } = bounty
  const owed = ledger.promises.get(steward)
  if (owed?.toHand) await handPromise(deps, owed)
  const bytes = await ledger.docket(bounty.docketHash)
  if (!bytes) return
  const docketHash = fromHex(bounty.docketHash, 32)
  const signature = signDigest(chainSecret, docketDigest(domain, { steward, docketHash, amount, deadline }))
  const length = bounty.placements.reduce((sum, one) => sum + (ledger.placements.get(one)?.length ?? 0), 0)
  const patienceMs = ANSWER_MS + Math.ceil(length / READ_BYTES_PER_MS)
  let promised: PromiseRecord | undefined
  try {
    await calls.offer(
      steward,
      { docketHash, amount, deadline, signature, bytes, patienceMs },
      async (answer) => {
        promised = await deps.step((step) => bounties.offers.accept(step, id, answer))
        return signed(deps, promised)
      },
      signal,
    )
  } catch (cause) {
    if (promised === undefined && !signal.aborted && !isSilence(cause)) {
      deps.log.warn('offer refused', { steward, code: asHoldfastError(cause).code })
      await deps.step((step) => bounties.offers.refuse(step, id))
    }
    throw cause
  }
  await onTaken(deps, promised)
}

/** Gives the newest voucher to its steward, until that says that it has it. */
export async function handPromise(deps: SettleDeps, { to }: PromiseRecord): Promise<void> {
  const promise = deps.ledger.promises.get(to)
  if (!promise?.toHand) return
  await deps.calls.handVoucher(to, signed(deps, promise), deps.signal)
  await onTaken(deps, promise)
}

async function onTaken(deps: SettleDeps, promise: PromiseRecord | undefined): Promise<void> {
  if (promise) await deps.step((step) => deps.bounties.offers.taken(step, promise.to, promise.cumulative))
}

/** Signing is deterministic: the same promise gives the same bytes, however often. */
function signed(
  { domain, account: from, chainSecret }: SettleDeps,
  { to, cumulative, round }: PromiseRecord,
): SignedVoucher {
  const signature = signDigest(chainSecret, voucherDigest(domain, { from, to, cumulative }))
  return { round: fromHex(round ?? '', 32), from, cumulative, signature }
}
