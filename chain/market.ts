/** The market contract: calls to send, values to read, events to follow. Amounts are gwei where they settle, wei where tokens move. */
import { fromHex } from '../base/bytes.ts'
import { type Address, compactSignature, ZERO_ADDRESS } from '../base/curve.ts'
import type { Domain } from '../base/typed-data.ts'
import { type Gwei, gwei, type UnixTime, unixTime, type Wei, wei } from '../base/units.ts'
import { addressTopic, asChainError, decodeLog, decodeResult, encodeCall, MARKET, TOKEN, topicOf } from './abi.ts'
import type { ChainLog, Hex, Topics } from './chain-data.ts'
import type { Chain } from './rpc.ts'

/** One bounty to post. */
export interface Post {
  readonly claimKey: Address
  readonly amount: Gwei
  readonly docketHash: Uint8Array
  /** The docket itself when it has at most 8 entries, else empty. */
  readonly note: Uint8Array
}

/** Claims on bounties of one poster that share a deadline. */
export interface SweepGroup {
  readonly poster: Address
  readonly deadline: UnixTime
  /** True for bounties posted with steward zero. */
  readonly open: boolean
  /** Signatures of Sweep(payee, deadline), 65 bytes each, one per claim key. */
  readonly claims: readonly Uint8Array[]
}

/** A bounty its steward gives back before the time. */
export interface ReleasedBounty {
  readonly claimKey: Address
  readonly steward: Address
  /** Release(id, deadline), 65 bytes. */
  readonly signature: Uint8Array
}

/** A bounty that is open on chain. */
export interface OpenBounty {
  readonly poster: Address
  readonly amount: Gwei
  readonly deadline: UnixTime
}

/** What `from` promised `to` in all since the beginning. protocol.md §5. */
export interface Voucher {
  readonly from: Address
  readonly to: Address
  readonly cumulative: Gwei
}

/** What several accounts owe each other, settled at once. protocol.md §5. */
export interface NetStatement {
  /** Strictly ascending by account, summing to zero. Gwei, negative for who pays. */
  readonly deltas: readonly { readonly account: Address; readonly amount: bigint }[]
  /** Promises that count as kept up to `cumulative`. */
  readonly retired: readonly Voucher[]
  /** 32 bytes. */
  readonly salt: Uint8Array
  /** Last second in which it can be settled. */
  readonly expires: UnixTime
}

/** A party's signature of a statement: 65 bytes, or what its own contract accepts. */
export interface Consent {
  readonly signer: Address
  readonly signature: Uint8Array
}

/** Where and when an event stands. `blockHash` and `logIndex` are its identity. */
export interface EventPlace {
  readonly block: number
  readonly blockHash: Hex
  readonly blockTime: UnixTime
  readonly txHash: Hex
  readonly logIndex: number
}

/** Ids and hashes are 32 bytes. */
export type MarketEvent = EventPlace &
  (
    | {
        readonly kind: 'posted'
        readonly id: Uint8Array
        /** Zero address: open. */
        readonly steward: Address
        readonly poster: Address
        readonly claimKey: Address
        readonly amount: Gwei
        readonly deadline: UnixTime
        readonly docketHash: Uint8Array
        readonly note: Uint8Array
      }
    | { readonly kind: 'swept'; readonly id: Uint8Array; readonly payee: Address; readonly amount: Gwei }
    | { readonly kind: 'missed'; readonly claimKey: Address; readonly payee: Address }
    | { readonly kind: 'revoked'; readonly id: Uint8Array; readonly amount: Gwei }
    | { readonly kind: 'deposited'; readonly account: Address; readonly amount: Wei }
    | { readonly kind: 'withdrawn'; readonly account: Address; readonly to: Address; readonly amount: Wei }
    | {
        readonly kind: 'advertised'
        readonly advert: Uint8Array
        readonly uploader: Address
        readonly value: Gwei
        readonly fee: Gwei
      }
    | {
        readonly kind: 'redeemed'
        readonly from: Address
        readonly to: Address
        /** What moved now, and what the promise paid in all. */
        readonly paid: Gwei
        readonly redeemed: Gwei
      }
    | { readonly kind: 'settled'; readonly digest: Uint8Array }
    /** One balance moved by a statement: gwei, negative for who paid. */
    | { readonly kind: 'netted'; readonly digest: Uint8Array; readonly account: Address; readonly amount: bigint }
    | {
        readonly kind: 'retired'
        readonly digest: Uint8Array
        readonly from: Address
        readonly to: Address
        readonly cumulative: Gwei
      }
    | { readonly kind: 'pointer'; readonly owner: Address; readonly pointer: Uint8Array }
  )

export const encodePost = (steward: Address, deadline: UnixTime, posts: readonly Post[]): Hex =>
  encodeCall(MARKET, 'post', [steward, deadline, posts])

export const encodeSweep = (payee: Address, groups: readonly SweepGroup[]): Hex =>
  encodeCall(MARKET, 'sweep', [
    payee,
    groups.map((group) => ({
      ...group,
      claims: group.claims.map((signature) => {
        const { r, yParityAndS } = compactSignature(signature)
        return { r, vs: yParityAndS }
      }),
    })),
  ])

export const encodeRevoke = (ids: readonly Uint8Array[]): Hex => encodeCall(MARKET, 'revoke', [ids])
export const encodeRevokeReleased = (released: readonly ReleasedBounty[]): Hex =>
  encodeCall(MARKET, 'revokeReleased', [released])
/** @param advert SHA-256 of the signed advert */
export const encodeAdvertise = (advert: Uint8Array, value: Gwei): Hex =>
  encodeCall(MARKET, 'advertise', [advert, value])
export const encodeDeposit = (amount: Wei): Hex => encodeCall(MARKET, 'deposit', [amount])
export const encodeWithdraw = (amount: Wei, to: Address): Hex => encodeCall(MARKET, 'withdraw', [amount, to])
/** Anyone may send it. @param signature of the voucher by its `from` */
export const encodeRedeem = (voucher: Voucher, signature: Uint8Array): Hex =>
  encodeCall(MARKET, 'redeem', [voucher, signature])
/** Anyone may send it, once. @param consents of everyone whose balance falls or whose claim is retired, in any order */
export const encodeSettle = (statement: NetStatement, consents: readonly Consent[]): Hex =>
  encodeCall(MARKET, 'settle', [statement, consents.toSorted((a, b) => (a.signer < b.signer ? -1 : 1))])
/** @param pointer at most 256 bytes */
export const encodePoint = (pointer: Uint8Array): Hex => encodeCall(MARKET, 'point', [pointer])

// The token
export const encodeApprove = (spender: Address, amount: Wei): Hex => encodeCall(TOKEN, 'approve', [spender, amount])
export const encodeTransfer = (to: Address, amount: Wei): Hex => encodeCall(TOKEN, 'transfer', [to, amount])

/** Where the market and its token are. */
export interface MarketAddresses {
  readonly market: Address
  readonly token: Address
}

/** Reads of one market. Each asks the latest block. */
export interface Market extends MarketAddresses {
  /** For the digests of base/typed-data.ts. */
  readonly domain: Domain
  /** What an account may spend or withdraw. Wei. */
  balanceOf(account: Address): Promise<Wei>
  /** Undefined: not open (never posted, swept or revoked). */
  bounty(id: Uint8Array): Promise<OpenBounty | undefined>
  /** Least advert fee. */
  advertFloor(): Promise<Gwei>
  /** Tokens in a wallet. Wei. */
  tokenBalance(account: Address): Promise<Wei>
  /** What the market, or another contract, may draw from a wallet. Wei. */
  allowance(owner: Address, spender?: Address): Promise<Wei>
  /** What the promises of one to another have paid so far. */
  redeemed(from: Address, to: Address): Promise<Gwei>
}

/** @throws (each read) `TX_REVERTED`, `CHAIN_ANSWER`, `CHAIN_UNREACHABLE`. */
export function openMarket(chain: Chain, addresses: MarketAddresses): Market {
  async function read(
    contract: typeof MARKET,
    to: Address,
    name: string,
    values: readonly unknown[],
  ): Promise<readonly unknown[]> {
    let data: Hex
    try {
      data = await chain.call(to, encodeCall(contract, name, values))
    } catch (cause) {
      throw asChainError(cause)
    }
    return decodeResult(contract, name, data)
  }
  const { market, token } = addresses
  const one = async (...args: Parameters<typeof read>) => (await read(...args))[0] as bigint
  return {
    market,
    token,
    domain: { chainId: chain.chainId, contract: market },
    balanceOf: async (account) => wei(await one(MARKET, market, 'balances', [account])),
    async bounty(id) {
      const [poster, amount, deadline] = (await read(MARKET, market, 'bounties', [id])) as [string, bigint, bigint]
      if (poster === ZERO_ADDRESS) return undefined
      return { poster: poster.toLowerCase() as Address, amount: gwei(amount), deadline: unixTime(Number(deadline)) }
    },
    advertFloor: async () => gwei(await one(MARKET, market, 'advertFloor', [])),
    tokenBalance: async (account) => wei(await one(TOKEN, token, 'balanceOf', [account])),
    allowance: async (owner, spender = market) => wei(await one(TOKEN, token, 'allowance', [owner, spender])),
    redeemed: async (from, to) => gwei(await one(MARKET, market, 'redeemed', [from, to])),
  }
}

const POSTED = topicOf(MARKET, 'BountyPosted')
const SWEPT = topicOf(MARKET, 'BountySwept')
const MISSED = topicOf(MARKET, 'SweepMissed')
const REVOKED = topicOf(MARKET, 'BountyRevoked')

/** What concerns a steward: bounties bound to it (and open ones when it hunts those), its sweeps, its missed claims, every revocation, vouchers it was paid. */
export function stewardTopics(steward: Address, options: { readonly withOpen?: boolean } = {}): readonly Topics[] {
  const self = addressTopic(steward)
  return [
    [POSTED, null, options.withOpen ? [self, addressTopic(ZERO_ADDRESS)] : self],
    [[SWEPT, MISSED], null, self],
    [REVOKED],
    [topicOf(MARKET, 'Redeemed'), null, self],
  ]
}

/** What concerns an uploader. Sweeps and revocations name only the bounty, so all of them come and the reader keeps its own. */
export function uploaderTopics(uploader: Address): readonly Topics[] {
  const self = addressTopic(uploader)
  return [
    [POSTED, null, null, self],
    [[SWEPT, REVOKED]],
    [topicOf(MARKET, 'Advertised'), null, self],
    [
      [
        topicOf(MARKET, 'Deposited'),
        topicOf(MARKET, 'Withdrawn'),
        topicOf(MARKET, 'Pointer'),
        topicOf(MARKET, 'Redeemed'),
      ],
      self,
    ],
  ]
}

/** What moves an account past bounties: vouchers it pays or is paid by, statements it is in, promises retired. */
export function accountTopics(account: Address): readonly Topics[] {
  const self = addressTopic(account)
  return [
    [topicOf(MARKET, 'Redeemed'), self],
    [topicOf(MARKET, 'Redeemed'), null, self],
    [topicOf(MARKET, 'Netted'), null, self],
    [topicOf(MARKET, 'PromiseRetired'), null, self],
    [topicOf(MARKET, 'PromiseRetired'), null, null, self],
  ]
}

/** A log of the market as an event; undefined for what is none of ours. @param blockTime when the log itself does not say */
export function decodeMarketLog(
  log: ChainLog,
  blockTime: UnixTime | undefined = log.blockTime,
): MarketEvent | undefined {
  const event = decodeLog(MARKET, log)
  if (!event || blockTime === undefined) return undefined
  const { values } = event
  const place: EventPlace = {
    block: log.blockNumber,
    blockHash: log.blockHash,
    blockTime,
    txHash: log.txHash,
    logIndex: log.logIndex,
  }
  const bytes = (name: string) => fromHex(values[name] as string)
  const address = (name: string) => (values[name] as string).toLowerCase() as Address
  const settled = (name: string) => gwei(values[name] as bigint)
  const tokens = (name: string) => wei(values[name] as bigint)
  switch (event.name) {
    case 'BountyPosted':
      return {
        ...place,
        kind: 'posted',
        id: bytes('id'),
        steward: address('steward'),
        poster: address('poster'),
        claimKey: address('claimKey'),
        amount: settled('amount'),
        deadline: unixTime(Number(values.deadline)),
        docketHash: bytes('docketHash'),
        note: bytes('note'),
      }
    case 'BountySwept':
      return { ...place, kind: 'swept', id: bytes('id'), payee: address('payee'), amount: settled('amount') }
    case 'SweepMissed':
      return { ...place, kind: 'missed', claimKey: address('claimKey'), payee: address('payee') }
    case 'BountyRevoked':
      return { ...place, kind: 'revoked', id: bytes('id'), amount: settled('amount') }
    case 'Deposited':
      return { ...place, kind: 'deposited', account: address('account'), amount: tokens('amount') }
    case 'Withdrawn':
      return { ...place, kind: 'withdrawn', account: address('account'), to: address('to'), amount: tokens('amount') }
    case 'Advertised':
      return {
        ...place,
        kind: 'advertised',
        advert: bytes('advertHash'),
        uploader: address('uploader'),
        value: settled('value'),
        fee: settled('fee'),
      }
    case 'Redeemed':
      return {
        ...place,
        kind: 'redeemed',
        from: address('from'),
        to: address('to'),
        paid: settled('paid'),
        redeemed: settled('redeemed'),
      }
    case 'Settled':
      return { ...place, kind: 'settled', digest: bytes('digest') }
    case 'Netted':
      return {
        ...place,
        kind: 'netted',
        digest: bytes('digest'),
        account: address('account'),
        amount: values['amount'] as bigint,
      }
    case 'PromiseRetired':
      return {
        ...place,
        kind: 'retired',
        digest: bytes('digest'),
        from: address('from'),
        to: address('to'),
        cumulative: settled('cumulative'),
      }
    case 'Pointer':
      return { ...place, kind: 'pointer', owner: address('owner'), pointer: bytes('pointer') }
    default:
      return undefined
  }
}
