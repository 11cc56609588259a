/**
 * The steward's part in the right to store (P8, P9): it verifies others and remembers what was spent with it; and it asks for rights of its own, on
 * the strength of what it holds, which it passes on to whom its operator says.
 */
import { fromHex, toHex } from '../base/bytes.ts'
import type { Address } from '../base/curve.ts'
import { asHoldfastError, HoldfastError } from '../base/errors.ts'
import type { Change, Journal, Log } from '../base/ports.ts'
import type { Placement } from '../base/typed-data.ts'
import type { NetNode } from '../net/node.ts'
import { assertRight, type Right, type Spent, spendRight, transferRight } from '../pool/grant.ts'
import { type Inventory, inventoryOf } from '../pool/inventory.ts'
import { addressesOf, type RegistryView, ROLE } from '../pool/registry-view.ts'
import type { RightPolicy } from '../pool/right-policy.ts'
import { askForRight, type SignedReceipt } from '../pool/right-requester.ts'
import { verifiersOf } from '../pool/right-verifier.ts'
import { creditOf, type Drawn } from '../pool/sample.ts'
import { LONGEST_TERM } from '../pricing/bidder.ts'
import type { Book, BookBatch } from './book.ts'
import type { StewardConfig } from './config.ts'
import { lastPaymentOf } from './held-placement.ts'
import type { Answer } from './ports.ts'
import { decodeRecord, encodeRecord } from './records.ts'

export interface RightsDeps {
  readonly book: Book
  readonly journal: Journal
  readonly secret: Uint8Array
  readonly steward: Address
  readonly registry: RegistryView
  /** keccak256(chainId, registrar). */
  readonly pool: Uint8Array
  readonly policy: RightPolicy
  readonly answer: Answer
  readonly log: Log
  config(): StewardConfig
  /** Chain time. */
  now(): number
}

/** What is asked for on the operator's behalf. */
export interface RightOrder {
  /** Names it for ever: the same order again gets the grants it got. 64 hex digits. */
  readonly name: string
  /** With each steward. */
  readonly bytes: number
  /** Stewards. */
  readonly want: number
  /** Who stores: the operator's account as an uploader, or a client it sponsors. */
  readonly to: Address
}

/** One steward that takes the blobs, and the right to show it. */
export interface Granted {
  readonly steward: Address
  /** Multiaddrs. */
  readonly addresses: readonly string[]
  readonly right: Right
}

/** A grant we got, from before anything is done with it. */
interface Obtained {
  readonly name: string
  readonly steward: Address
  readonly right: Right
  readonly bytes: number
  /** Until when it may lead to bytes that are kept. */
  readonly until: number
}

const KEYS = {
  spent: (id: string) => `right/spent/${id}`,
  obtained: (id: string) => `right/obtained/${id}`,
} as const
/** What was spent is remembered so long after its grant expired: the offer may be in the middle of its bytes. Seconds. */
const SPENT_LIFE = 86_400
/** Of the quota, at most one part in so many holds what came without money. */
const FREE_PART = 4
const MAX_WANT = 256

/** Reads what was spent and obtained. */
export async function openRights(deps: RightsDeps) {
  const { book, journal, secret, steward, registry, pool, policy, log } = deps
  const spent = new Map<string, Spent>()
  const obtained = new Map<string, Obtained>()
  const load = async <Record>(prefix: string, into: Map<string, Record>) => {
    for await (const [key, value] of journal.list(prefix))
      into.set(key.slice(prefix.length), decodeRecord<Record>(key, value))
  }
  await load(KEYS.spent(''), spent)
  await load(KEYS.obtained(''), obtained)
  let ordering: Promise<unknown> = Promise.resolve()

  /** Whether the offer may come without money. @throws `RIGHT_INVALID`, `STORE_FULL` */
  function check(placement: Placement, right: Right): void {
    const most = assertRight(right, {
      pool,
      audience: steward,
      holder: placement.uploader,
      now: deps.now(),
      isTrusted: (id) => registry.inGoodStanding(id) && ((registry.member(id)?.roles ?? 0) & ROLE.monitor) !== 0,
    })
    const { requester, id } = right.grant
    if (!registry.inGoodStanding(requester))
      throw new HoldfastError('RIGHT_INVALID', { what: `${requester} is in no good standing` })
    spendRight(right, most, spent.get(toHex(id)), placement.length)
    if ((book.bytesFree + placement.length) * FREE_PART > deps.config().quota)
      throw new HoldfastError('STORE_FULL', { what: `a blob of ${placement.length} bytes without rent` })
  }

  /** The same, and the spending, in the batch that books the receipt: no receipt without it, and no blob twice. @throws as `check` */
  function spend(batch: BookBatch, placement: Placement, right: Right): void {
    check(placement, right)
    const id = toHex(right.grant.id)
    const last = right.transfers.at(-1)
    const next = spendRight(right, last?.bytes ?? right.grant.bytes, spent.get(id), placement.length)
    const over = [...spent].filter(([, { expires }]) => expires + SPENT_LIFE < deps.now()).map(([key]) => key)
    batch.also([
      ...over.map((key): Change => ({ key: KEYS.spent(key), value: undefined })),
      { key: KEYS.spent(id), value: encodeRecord(next) },
    ])
    batch.apply.push(() => {
      for (const key of over) spent.delete(key)
      spent.set(id, next)
    })
  }

  /** What we hold that counts as proof: paid for, with a sweep in time. */
  function inventory(): { readonly tree?: Inventory; readonly drawn: readonly Drawn[] } {
    const drawn: Drawn[] = []
    const items = [...book.holdings.values()].flatMap(({ held, versions, advert }) => {
      const { state, lost, price, blobId, length, uploader, end } = held
      const paid = lastPaymentOf(held)
      const isEligible = paid.id !== '' && paid.at >= deps.now() - policy.sweptWithin
      const counts = state === 'held' && !lost && price > 0n && /[^0]/.test(advert) && end > deps.now() && isEligible
      if (!counts || uploader === steward) return []
      drawn.push({ blobId, length, cluster: uploader, uploader, isEligible })
      return [{ blobId: fromHex(blobId, 32), length, digest: fromHex(versions.at(-1) as string, 32) }]
    })
    return items.length === 0 ? { drawn } : { tree: inventoryOf(items), drawn }
  }

  async function receipt(digest: Uint8Array): Promise<SignedReceipt> {
    const name = toHex(digest)
    const id = book.idOfDigest.get(name)
    const holding = id === undefined ? undefined : book.holdings.get(id)
    const found = holding && (await book.receipt(holding.held.id, holding.versions.indexOf(name) + 1))
    if (found === undefined) throw new HoldfastError('LEDGER_CONFLICT', { what: `no receipt ${name} is kept` })
    return found
  }

  /**
   * Asks stewards one after another until enough have granted. What was granted is on disk before anybody learns of it.
   * @throws `RIGHT_UNPROVEN` when nobody grants
   */
  function order(net: Pick<NetNode, 'open'>, wanted: RightOrder, signal?: AbortSignal): Promise<readonly Granted[]> {
    const turn = ordering.then(() => run(net, wanted, signal))
    ordering = turn.catch(() => undefined) // the caller has the failure
    return turn
  }

  async function run(
    net: Pick<NetNode, 'open'>,
    wanted: RightOrder,
    signal?: AbortSignal,
  ): Promise<readonly Granted[]> {
    const { name, bytes, want, to } = wanted
    if (want < 1 || want > MAX_WANT)
      throw new HoldfastError('INPUT_RANGE', { name: 'want', expected: `1 to ${MAX_WANT}`, got: want })
    const granted: Granted[] = []
    const add = (audience: Address, right: Right) => {
      const member = registry.member(audience)
      if (member === undefined || !registry.inGoodStanding(audience)) return
      const passed = transferRight(secret, right, to, bytes)
      granted.push({ steward: audience, addresses: addressesOf(member), right: passed })
    }
    for (const one of obtained.values())
      if (one.name === name && one.bytes === bytes && one.right.grant.expires > deps.now() + 3_600)
        add(one.steward, one.right)
    const { tree, drawn } = inventory()
    const isProof = tree !== undefined && creditOf(drawn, bytes, policy) >= bytes
    let why: HoldfastError | undefined
    for (const verifier of verifiersOf(registry, steward)) {
      if (granted.length >= want) break
      const member = registry.member(verifier)
      if (member === undefined || (member.roles & ROLE.repository) === 0) continue
      if (granted.some((one) => one.steward === verifier)) continue
      try {
        const right = await askForRight(
          net,
          { id: verifier, addresses: addressesOf(member) },
          {
            secret,
            pool,
            verifier,
            audience: verifier,
            bytes,
            ...(isProof ? { inventory: tree } : {}),
            uploaders: new Set(drawn.map(({ uploader }) => uploader)).size,
            used: used(),
            now: deps.now(),
            receipt,
            answer: async (blob, nonce) => (await deps.answer(blob, [nonce]))[0] as Uint8Array,
            ...(signal === undefined ? {} : { signal }),
          },
        )
        await keep({ name, steward: verifier, right, bytes, until: right.grant.expires + LONGEST_TERM })
        add(verifier, right)
      } catch (cause) {
        signal?.throwIfAborted()
        why = asHoldfastError(cause)
        log.info('right.refused', { verifier, code: why.code, message: why.message })
      }
    }
    if (granted.length === 0)
      throw new HoldfastError('RIGHT_UNPROVEN', { what: why?.message ?? 'there is nobody to ask' }, { cause: why })
    return granted
  }

  async function keep(one: Obtained): Promise<void> {
    const id = toHex(one.right.grant.id)
    const over = [...obtained].filter(([, { until }]) => until < deps.now()).map(([key]) => key)
    await journal.commit([
      ...over.map((key): Change => ({ key: KEYS.obtained(key), value: undefined })),
      { key: KEYS.obtained(id), value: encodeRecord(one) },
    ])
    for (const key of over) obtained.delete(key)
    obtained.set(id, one)
  }

  /** Bytes we may store elsewhere by grants that live. */
  function used(): number {
    let bytes = 0
    for (const one of obtained.values()) if (one.until >= deps.now()) bytes += one.bytes
    return bytes
  }

  return { check, spend, order, used, provable: () => inventory().tree?.total ?? 0 }
}

export type Rights = Awaited<ReturnType<typeof openRights>>
