/** All that the market contract ever said, and the balances it holds: read from the chain itself, by another way than the product's own. */

import { Contract, type EventLog, JsonRpcProvider } from 'ethers'
import { fromHex, toHex } from '../../base/bytes.ts'
import { decodeDocket } from '../../blob/docket.ts'
import { ABI } from '../../chain/bindings/market.ts'
import type { MarketHandle } from './market.ts'

export interface BountyEvent {
  readonly id: string
  readonly steward: string
  readonly amount: bigint
  readonly time: number
  readonly block: number
}

export interface PostedEvent extends BountyEvent {
  readonly poster: string
  readonly docketHash: string
  /** Of a docket of at most eight: what it asks, as (blob id, nonce) in hex. */
  readonly challenges: readonly { readonly blobId: string; readonly nonce: string }[]
}

/** Deposits, withdrawals and balances in wei of HOLD, everything else in gwei. `balances`: of everyone who was ever named. */
export async function marketLogs(market: MarketHandle) {
  const { rpc, contracts } = market.ready
  const provider = new JsonRpcProvider(rpc, undefined, { staticNetwork: true, cacheTimeout: -1 })
  try {
    const contract = new Contract(contracts.market as string, ABI as never, provider)
    const logs = (await contract.queryFilter('*', 0, 'latest')).filter((log): log is EventLog => 'args' in log)
    const blocks = new Map<number, number>()
    for (const number of new Set(logs.map(({ blockNumber }) => blockNumber)))
      blocks.set(number, (await provider.getBlock(number))?.timestamp as number)
    const named = (name: string) => logs.filter(({ eventName }) => eventName === name)
    const sum = (name: string, field: string) =>
      named(name).reduce((total, { args }) => total + (args[field] as bigint), 0n)
    const bounties = (name: string): BountyEvent[] =>
      named(name).map(({ args, blockNumber }) => ({
        id: args.id as string,
        steward: String(args.steward ?? args.payee ?? '').toLowerCase(),
        amount: args.amount as bigint,
        time: blocks.get(blockNumber) as number,
        block: blockNumber,
      }))
    const posted: PostedEvent[] = bounties('BountyPosted').map((bounty, i) => {
      const { docketHash, note, poster } = (named('BountyPosted')[i] as EventLog).args
      const docket = fromHex((note as string).slice(2))
      const challenges = docket.length === 0 ? [] : decodeDocket(docket)
      return {
        ...bounty,
        poster: String(poster).toLowerCase(),
        docketHash: docketHash as string,
        challenges: challenges.map(({ blobId, nonce }) => ({ blobId: toHex(blobId), nonce: toHex(nonce) })),
      }
    })
    const accounts = new Set(
      logs
        .flatMap(({ args }) =>
          ['account', 'poster', 'steward', 'payee', 'uploader', 'from', 'to'].map((field) => args.toObject()[field]),
        )
        .filter((it) => typeof it === 'string'),
    )
    let balances = 0n
    for (const account of accounts) balances += (await contract.getFunction('balances')(account)) as bigint
    return {
      posted,
      swept: bounties('BountySwept'),
      revoked: bounties('BountyRevoked'),
      redeemed: named('Redeemed').map(({ args, transactionHash }) => ({
        from: String(args.from).toLowerCase(),
        to: String(args.to).toLowerCase(),
        paid: args.paid as bigint,
        tx: transactionHash,
      })),
      /** Transactions that posted, swept, took back or redeemed. */
      settling: new Set(
        ['BountyPosted', 'BountySwept', 'BountyRevoked', 'Redeemed'].flatMap((name) =>
          named(name).map(({ transactionHash }) => transactionHash),
        ),
      ).size,
      deposited: sum('Deposited', 'amount'),
      withdrawn: sum('Withdrawn', 'amount'),
      adverts: named('Advertised').map(({ args }) => args.advertHash as string),
      advertFees: sum('Advertised', 'fee'),
      balances,
    }
  } finally {
    provider.destroy()
  }
}
