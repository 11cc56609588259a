/**
 * What can be done with the money of an account, as calls of the contracts: pure. Between the wallet (tokens of its own) and the market (its
 * deposit), and between the wallet and the stake pool. Every refusal that can be known before anything is sent is made here.
 */
import type { Address } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import { formatHold, formatTime, type Wei } from '../base/units.ts'
import type { Hex } from '../chain/chain-data.ts'
import { encodeApprove, encodeDeposit, encodeWithdraw } from '../chain/market.ts'
import { encodeSolve } from '../chain/mine.ts'
import {
  type Exit,
  encodeBond,
  encodeClaim,
  encodeStake,
  encodeStakeMulticall,
  encodeUnbond,
  encodeUnstake,
  encodeWithdrawStake,
  type Holding,
} from '../chain/stake-pool.ts'

/** An act of `holdfast wallet`. Amounts in wei of HOLD. */
export type WalletAct =
  | { readonly act: 'deposit'; readonly amount: Wei }
  | { readonly act: 'withdraw'; readonly amount: Wei; readonly to: Address }
  | { readonly act: 'stake'; readonly amount: Wei; readonly bonded: boolean }
  | { readonly act: 'unstake'; readonly amount: Wei; readonly bonded: boolean }
  /** Draws what has finished leaving the stake pool. */
  | { readonly act: 'collect' }
  /** Draws all rewards. */
  | { readonly act: 'rewards' }
  | { readonly act: 'mine'; readonly nonce: bigint }

/** What an account has, and where. Wei; coin in wei of the chain's own. */
export interface WalletState {
  readonly account: Address
  /** Tokens of its own. */
  readonly wallet: Wei
  /** In the market: what it may spend and withdraw. */
  readonly deposited: Wei
  readonly coin: bigint
  readonly holding: Holding
  readonly exits: readonly Exit[]
  /** What it allowed the market and the stake pool to draw. */
  readonly allowed: { readonly market: Wei; readonly stakePool: Wei }
  /** Least stake. */
  readonly minimumStake: Wei
  /** Chain time. */
  readonly now: number
}

export interface WalletContracts {
  readonly market: Address
  readonly token: Address
  readonly stakePool: Address
  readonly mine: Address
}

/** One transaction. */
export interface WalletCall {
  /** Names it among the calls of one act. */
  readonly kind: string
  readonly to: Address
  readonly data: Hex
  /** It never takes more. */
  readonly gas: bigint
}

/** Gas that a call never exceeds; what is not used is not paid. */
const GAS = {
  approve: 60_000n,
  deposit: 80_000n,
  withdraw: 80_000n,
  stake: 300_000n,
  unstake: 250_000n,
  collect: 250_000n,
  rewards: 200_000n,
  mine: 250_000n,
} as const

/** More exits than these have to be collected first. contracts/libraries/Stakes.sol. */
const MOST_EXITS = 16

/**
 * The transactions of an act, in order.
 * @throws `FUNDS_WALLET` when there is too little where it is taken from; `INPUT_RANGE` for an amount the contracts refuse
 */
export function planWallet(act: WalletAct, state: WalletState, contracts: WalletContracts): readonly WalletCall[] {
  const { account, holding } = state
  const { market, token, stakePool, mine } = contracts
  const call = (kind: keyof typeof GAS, to: Address, data: Hex): WalletCall => ({ kind, to, data, gas: GAS[kind] })
  const allowing = (spender: Address, allowed: Wei, amount: Wei): readonly WalletCall[] =>
    allowed >= amount ? [] : [call('approve', token, encodeApprove(spender, amount))]
  switch (act.act) {
    case 'deposit':
      assertAmount(act.amount)
      assertThere('the wallet', state.wallet, act.amount)
      return [...allowing(market, state.allowed.market, act.amount), call('deposit', market, encodeDeposit(act.amount))]
    case 'withdraw':
      assertAmount(act.amount)
      assertThere('the market', state.deposited, act.amount)
      return [call('withdraw', market, encodeWithdraw(act.amount, act.to))]
    case 'stake': {
      assertAmount(act.amount)
      assertThere('the wallet', state.wallet, act.amount)
      assertMinimum(holding.staked + holding.bonded + act.amount, state)
      const calls = [encodeStake(act.amount), ...(act.bonded ? [encodeBond(act.amount)] : [])]
      const data = calls.length === 1 ? (calls[0] as Hex) : encodeStakeMulticall(calls)
      return [...allowing(stakePool, state.allowed.stakePool, act.amount), call('stake', stakePool, data)]
    }
    case 'unstake': {
      assertAmount(act.amount)
      assertThere(act.bonded ? 'the bond' : 'the stake', act.bonded ? holding.bonded : holding.staked, act.amount)
      const left = holding.staked + holding.bonded - act.amount
      if (left !== 0n) assertMinimum(left, state)
      if (state.exits.length >= MOST_EXITS)
        throw new HoldfastError('INPUT_RANGE', {
          name: 'parts that leave the stake',
          expected: `fewer than ${MOST_EXITS}: draw what is ready first, with holdfast wallet unstake`,
          got: state.exits.length,
        })
      const encode = act.bonded ? encodeUnbond : encodeUnstake
      return [call('unstake', stakePool, encode(act.amount))]
    }
    case 'collect': {
      const ready = state.exits.filter((exit) => exit.ready <= state.now && exit.amount > 0n)
      if (ready.length === 0) {
        const next = Math.min(...state.exits.map((exit) => exit.ready))
        const when = Number.isFinite(next) ? ` before ${formatTime(next)}` : ''
        throw new HoldfastError('FUNDS_WALLET', { where: `what leaves the stake${when}`, have: '0', need: 'some' })
      }
      return [call('collect', stakePool, encodeWithdrawStake(account))]
    }
    case 'rewards':
      if (holding.pending === 0n && holding.staked + holding.bonded === 0n)
        throw new HoldfastError('FUNDS_WALLET', { where: 'the rewards', have: '0', need: 'some' })
      return [call('rewards', stakePool, encodeClaim(account))]
    case 'mine':
      return [call('mine', mine, encodeSolve(account, act.nonce))]
  }
}

/** What the transactions cost at most. Wei of the chain's coin. @throws `FUNDS_LOW` when that is more than there is */
export function costOf(calls: readonly WalletCall[], { coin }: Pick<WalletState, 'coin'>, gasPrice: bigint): bigint {
  const cost = calls.reduce((sum, { gas }) => sum + gas * gasPrice, 0n)
  if (coin < cost)
    throw new HoldfastError('FUNDS_LOW', {
      unit: "of the chain's coin",
      have: formatHold(coin),
      need: formatHold(cost),
    })
  return cost
}

function assertAmount(amount: Wei): void {
  if (amount <= 0n) throw new HoldfastError('INPUT_RANGE', { name: 'AMOUNT', expected: 'more than 0', got: amount })
}

function assertThere(where: string, have: Wei, need: Wei): void {
  if (have < need) throw new HoldfastError('FUNDS_WALLET', { where, have: formatHold(have), need: formatHold(need) })
}

function assertMinimum(left: bigint, { minimumStake }: Pick<WalletState, 'minimumStake'>): void {
  if (left < minimumStake)
    throw new HoldfastError('INPUT_RANGE', {
      name: 'what is staked',
      expected: `${formatHold(minimumStake)} HOLD or more, or nothing`,
      got: formatHold(left),
    })
}
