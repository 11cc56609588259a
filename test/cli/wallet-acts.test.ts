import { expect } from 'chai'
import type { Address } from '../../base/curve.ts'
import { HoldfastError } from '../../base/errors.ts'
import { parseHold, unixTime, wei } from '../../base/units.ts'
import { encodeBond, encodeStake, encodeStakeMulticall } from '../../chain/stake-pool.ts'
import { costOf, planWallet, type WalletAct, type WalletState } from '../../cli/wallet-acts.ts'

const hold = parseHold
const at = (n: number) => `0x${n.toString(16).padStart(40, '0')}` as Address
const CONTRACTS = { market: at(1), token: at(2), stakePool: at(3), mine: at(4) }

function stateOf(change: Partial<WalletState> = {}): WalletState {
  return {
    account: at(9),
    wallet: hold('100'),
    deposited: hold('50'),
    coin: 10n ** 18n,
    holding: { staked: hold('20'), bonded: hold('10'), pending: hold('1'), leaving: wei(0n), held: wei(0n) },
    exits: [],
    allowed: { market: wei(0n), stakePool: wei(0n) },
    minimumStake: hold('1'),
    now: 1_000,
    ...change,
  }
}

const kindsOf = (act: WalletAct, change?: Partial<WalletState>) =>
  planWallet(act, stateOf(change), CONTRACTS).map(({ kind, to }) => `${kind} ${Number(to)}`)

function refusal(act: WalletAct, change?: Partial<WalletState>): HoldfastError {
  try {
    planWallet(act, stateOf(change), CONTRACTS)
  } catch (cause) {
    if (cause instanceof HoldfastError) return cause
    throw cause
  }
  throw new Error('it was not refused')
}

describe('cli/wallet-acts', () => {
  it('allows what is drawn, once', () => {
    const act = { act: 'deposit', amount: hold('100') } as const
    expect(kindsOf(act)).to.deep.equal(['approve 2', 'deposit 1'])
    expect(kindsOf(act, { allowed: { market: hold('100'), stakePool: wei(0n) } })).to.deep.equal(['deposit 1'])
    const stake = { act: 'stake', amount: hold('100'), bonded: false } as const
    expect(kindsOf(stake, { allowed: { market: hold('100'), stakePool: hold('99') } })).to.deep.equal([
      'approve 2',
      'stake 3',
    ])
  })

  it('stakes as a bond in one transaction', () => {
    const amount = hold('5')
    const [, call] = planWallet({ act: 'stake', amount, bonded: true }, stateOf(), CONTRACTS)
    expect(call?.data).to.equal(encodeStakeMulticall([encodeStake(amount), encodeBond(amount)]))
  })

  it('moves all there is and not a wei more, wherever it is', () => {
    const acts = [
      ['deposit', '100', 'the wallet'],
      ['withdraw', '50', 'the market'],
      ['stake', '100', 'the wallet'],
      ['unstake', '20', 'the stake'],
    ] as const
    for (const [name, all, where] of acts) {
      const act = (amount: bigint) => ({ act: name, amount: wei(amount), to: at(7), bonded: false }) as WalletAct
      expect(kindsOf(act(hold(all))), name).to.not.deep.equal([])
      expect(refusal(act(hold(all) + 1n)), name).to.include({ code: 'FUNDS_WALLET', exit: 6 })
      expect(refusal(act(hold(all) + 1n)).message).to.include(where)
      expect(refusal(act(0n)), name).to.have.property('code', 'INPUT_RANGE')
    }
    expect(refusal({ act: 'unstake', amount: hold('11'), bonded: true }).message).to.include('the bond')
  })

  it('leaves the minimum in the stake, or nothing', () => {
    const holding = { ...stateOf().holding, bonded: wei(0n) }
    expect(refusal({ act: 'unstake', amount: hold('19.5'), bonded: false }, { holding })).to.have.property(
      'code',
      'INPUT_RANGE',
    )
    expect(kindsOf({ act: 'unstake', amount: hold('20'), bonded: false }, { holding })).to.deep.equal(['unstake 3'])
    const nothing = { ...holding, staked: wei(0n) }
    expect(refusal({ act: 'stake', amount: hold('0.5'), bonded: false }, { holding: nothing }).message).to.include('1')
  })

  it('draws what has left the stake when its time has come, and says when that is', () => {
    const exit = { amount: hold('5'), ready: unixTime(1_000), bonded: false }
    expect(kindsOf({ act: 'collect' }, { exits: [exit] })).to.deep.equal(['collect 3'])
    const early = refusal({ act: 'collect' }, { exits: [exit], now: 999 })
    expect(early).to.include({ code: 'FUNDS_WALLET' })
    expect(early.message).to.include('1970-01-01T00:16:40')
    expect(refusal({ act: 'collect' })).to.have.property('code', 'FUNDS_WALLET')
  })

  it('lets no more than sixteen parts leave at a time', () => {
    const exits = Array.from({ length: 16 }, () => ({ amount: hold('1'), ready: unixTime(2_000), bonded: false }))
    const act = { act: 'unstake', amount: hold('1'), bonded: false } as const
    expect(refusal(act, { exits })).to.have.property('code', 'INPUT_RANGE')
    expect(kindsOf(act, { exits: exits.slice(1) })).to.deep.equal(['unstake 3'])
  })

  it('draws rewards when there is something that earns', () => {
    expect(kindsOf({ act: 'rewards' })).to.deep.equal(['rewards 3'])
    const holding = { ...stateOf().holding, staked: wei(0n), bonded: wei(0n), pending: wei(0n) }
    expect(refusal({ act: 'rewards' }, { holding })).to.have.property('code', 'FUNDS_WALLET')
  })

  it('counts all transactions of an act, and refuses when the coin does not cover them', () => {
    const calls = planWallet({ act: 'deposit', amount: hold('1') }, stateOf(), CONTRACTS)
    const gas = calls.reduce((sum, call) => sum + call.gas, 0n)
    expect(costOf(calls, { coin: 7n * gas }, 7n)).to.equal(7n * gas)
    expect(() => costOf(calls, { coin: 7n * gas - 1n }, 7n))
      .to.throw(HoldfastError)
      .with.property('code', 'FUNDS_LOW')
  })
})
