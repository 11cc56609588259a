/** What the chain tells of a market's life: every figure the demo prints is computed from its events and balances, not from what daemons say. */
import { toHex } from '../../base/bytes.ts'
import type { Address } from '../../base/curve.ts'
import { DAY, unixTime, WEI_PER_GWEI } from '../../base/units.ts'
import { decodeDocket } from '../../blob/docket.ts'
import type { Deployment } from '../../chain/deployment.ts'
import { decodeMarketLog, type MarketEvent, openMarket } from '../../chain/market.ts'
import type { Chain } from '../../chain/rpc.ts'

/** A bounty from its post to its end. Amounts in gwei, times in chain seconds. */
export interface BountyStory {
  readonly id: string
  readonly steward: Address
  readonly poster: Address
  readonly amount: bigint
  readonly postedAt: number
  readonly deadline: number
  /** Blobs it asked for, hex; none where the docket was too large for the note. */
  readonly blobs: readonly string[]
  readonly end?: 'swept' | 'revoked'
  readonly endedAt?: number
}

/** The whole of it. */
export interface ChainStory {
  readonly bounties: readonly BountyStory[]
  readonly events: readonly MarketEvent[]
}

/** All events of the market since its creation. */
export async function readStory(chain: Chain, deployment: Deployment): Promise<ChainStory> {
  const { address, block } = deployment.contracts.market
  const head = await chain.head()
  const logs = await chain.logs({ address, topics: [] }, block, head)
  const times = new Map<number, number>()
  for (const { blockNumber, blockTime } of logs)
    if (blockTime === undefined && !times.has(blockNumber))
      times.set(blockNumber, (await chain.block(blockNumber))?.timestamp ?? 0)
  const events = logs.flatMap(
    (log) => decodeMarketLog(log, log.blockTime ?? unixTime(times.get(log.blockNumber) ?? 0)) ?? [],
  )
  return { bounties: pairUp(events), events }
}

/** Pure: posts with what became of them, in order. An id may be posted again after its end. */
export function pairUp(events: readonly MarketEvent[]): readonly BountyStory[] {
  const open = new Map<string, BountyStory>()
  const done: BountyStory[] = []
  for (const event of events) {
    if (event.kind === 'posted') {
      const { steward, poster, amount, deadline, note, blockTime } = event
      const blobs = note.length === 0 ? [] : decodeDocket(note).map(({ blobId }) => toHex(blobId))
      open.set(toHex(event.id), { id: toHex(event.id), steward, poster, amount, postedAt: blockTime, deadline, blobs })
    } else if (event.kind === 'swept' || event.kind === 'revoked') {
      const id = toHex(event.id)
      const story = open.get(id)
      if (story === undefined) throw new Error(`bounty ${id} was ${event.kind} without being open`)
      open.delete(id)
      done.push({ ...story, end: event.kind, endedAt: event.blockTime })
    }
  }
  return [...done, ...open.values()].sort((a, b) => a.postedAt - b.postedAt)
}

/** Days between the rounds of each steward: the first from `start`, then from post to post. Pure. */
export function gapsOf(
  bounties: readonly BountyStory[],
  stewards: readonly Address[],
  start: number,
): readonly (readonly number[])[] {
  return stewards.map((steward) => {
    const moments = [
      start,
      ...new Set(bounties.filter((bounty) => bounty.steward === steward).map(({ postedAt }) => postedAt)),
    ]
    return moments.slice(1).map((moment, at) => (moment - (moments[at] ?? start)) / DAY)
  })
}

/** The least and the largest gap of each rung. Pure. */
export function rungsOf(
  gaps: readonly (readonly number[])[],
): readonly { readonly least: number; readonly most: number; readonly count: number }[] {
  const length = Math.max(0, ...gaps.map((list) => list.length))
  return Array.from({ length }, (_, rung) => {
    const values = gaps.flatMap((list) => (list[rung] === undefined ? [] : [list[rung]]))
    return { least: Math.min(...values), most: Math.max(...values), count: values.length }
  })
}

/** Both sides of the market's books, in wei of HOLD. */
export interface Books {
  readonly deposits: bigint
  readonly withdrawals: bigint
  readonly advertFees: bigint
  /** Of all accounts that ever had one. */
  readonly balances: bigint
  readonly open: bigint
  /** Tokens that the market's contract holds. */
  readonly held: bigint
}

/** From events and from reads of the contracts: two sources that must agree. */
export async function readBooks(
  chain: Chain,
  deployment: Deployment,
  { events, bounties }: ChainStory,
): Promise<Books> {
  const { market, token } = deployment.contracts
  const contract = openMarket(chain, { market: market.address, token: token.address })
  const accounts = new Set<Address>()
  let [deposits, withdrawals, advertFees] = [0n, 0n, 0n]
  for (const event of events) {
    if (event.kind === 'deposited') {
      deposits += event.amount
      accounts.add(event.account)
    }
    if (event.kind === 'withdrawn') withdrawals += event.amount
    if (event.kind === 'advertised') advertFees += event.fee * WEI_PER_GWEI
    if (event.kind === 'posted') accounts.add(event.poster)
    if (event.kind === 'swept') accounts.add(event.payee)
  }
  const balances = await Promise.all([...accounts].map((account) => contract.balanceOf(account)))
  const open = await Promise.all(
    bounties
      .filter(({ end }) => end === undefined)
      .map(async ({ id }) => (await contract.bounty(Buffer.from(id, 'hex')))?.amount ?? 0n),
  )
  const sum = (amounts: readonly bigint[]) => amounts.reduce((total, amount) => total + amount, 0n)
  return {
    deposits,
    withdrawals,
    advertFees,
    balances: sum(balances),
    open: sum(open) * WEI_PER_GWEI,
    held: await contract.tokenBalance(market.address),
  }
}

/** Σ deposits − Σ withdrawals − Σ advert fees = Σ balances + Σ open = what the contract holds. Pure. */
export function isConserved({ deposits, withdrawals, advertFees, balances, open, held }: Books): boolean {
  const left = deposits - withdrawals - advertFees
  return left === balances + open && left === held
}

/** Gwei that a steward swept. Pure. */
export function earnedBy(bounties: readonly BountyStory[], steward: Address): bigint {
  return bounties.reduce(
    (sum, bounty) => (bounty.steward === steward && bounty.end === 'swept' ? sum + bounty.amount : sum),
    0n,
  )
}
