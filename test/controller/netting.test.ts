import { expect } from 'chai'
import fc from 'fast-check'
import type { Address } from '../../base/curve.ts'
import { gwei, unixTime } from '../../base/units.ts'
import { type NettingTerms, type OpenPromise, planNetting, signersOf } from '../../controller/netting.ts'

const at = (n: number) => `0x${n.toString(16).padStart(40, '0')}` as Address
const promise = (from: number, to: number, cumulative: bigint, redeemed = 0n): OpenPromise => ({
  from: at(from),
  to: at(to),
  cumulative: gwei(cumulative),
  redeemed: gwei(redeemed),
})
const terms = (balances: Readonly<Record<number, bigint>>): NettingTerms => ({
  signers: new Map(Object.entries(balances).map(([n, balance]) => [at(Number(n)), gwei(balance)])),
  salt: new Uint8Array(32),
  expires: unixTime(1_800_000_000),
})

const anyPromise = fc
  .record({
    from: fc.integer({ min: 1, max: 6 }),
    to: fc.integer({ min: 1, max: 6 }),
    redeemed: fc.bigInt({ min: 0n, max: 100n }),
    more: fc.bigInt({ min: 0n, max: 1_000n }),
  })
  .map(({ from, to, redeemed, more }) => promise(from, to, redeemed + more, redeemed))
// as on the chain: what was redeemed of a pair is one number
const anyPlay = fc.record({
  promises: fc.uniqueArray(anyPromise, { maxLength: 20, selector: ({ from, to }) => `${from}/${to}` }),
  balances: fc.dictionary(fc.constantFrom('1', '2', '3', '4', '5', '6'), fc.bigInt({ min: 0n, max: 2_000n })),
})

describe('controller/netting', () => {
  it('settles a circle without moving anything', () => {
    const ring = [promise(1, 2, 50n), promise(2, 3, 50n), promise(3, 1, 60n, 10n)]
    const statement = planNetting(ring, terms({ 1: 0n, 2: 0n, 3: 0n }))
    expect(statement?.deltas).to.deep.equal([])
    expect(statement?.retired).to.deep.equal([
      { from: at(1), to: at(2), cumulative: 50n },
      { from: at(2), to: at(3), cumulative: 50n },
      { from: at(3), to: at(1), cumulative: 60n },
    ])
    expect(statement && signersOf(statement)).to.deep.equal([at(1), at(2), at(3)])
  })

  it('moves only the difference', () => {
    const statement = planNetting([promise(1, 2, 50n), promise(2, 1, 30n)], terms({ 1: 20n, 2: 0n }))
    expect(statement?.deltas).to.deep.equal([
      { account: at(1), amount: -20n },
      { account: at(2), amount: 20n },
    ])
  })

  it('leaves the promises of and to those who do not sign as they are', () => {
    const promises = [promise(1, 2, 50n), promise(2, 3, 50n), promise(3, 1, 50n)]
    const statement = planNetting(promises, terms({ 1: 100n, 2: 100n }))
    expect(statement?.retired).to.deep.equal([{ from: at(1), to: at(2), cumulative: 50n }])
    expect(planNetting(promises, terms({ 1: 100n }))).to.equal(undefined)
  })

  it('keeps out what is not covered, the largest first', () => {
    const statement = planNetting([promise(1, 2, 80n), promise(1, 3, 30n)], terms({ 1: 40n, 2: 0n, 3: 0n }))
    expect(statement?.retired).to.deep.equal([{ from: at(1), to: at(3), cumulative: 30n }])
    expect(planNetting([promise(1, 2, 80n)], terms({ 1: 79n, 2: 0n }))).to.equal(undefined)
  })

  it('retires nothing twice: of two vouchers of a pair the higher counts', () => {
    const statement = planNetting([promise(1, 2, 50n), promise(1, 2, 70n)], terms({ 1: 100n, 2: 0n }))
    expect(statement?.retired).to.deep.equal([{ from: at(1), to: at(2), cumulative: 70n }])
    expect(statement?.deltas[0]).to.deep.equal({ account: at(1), amount: -70n })
  })

  it('is always what the contract takes: ascending, conserving, covered, signed by all who lose', () => {
    fc.assert(
      fc.property(anyPlay, ({ promises, balances }) => {
        const { signers, ...rest } = terms(balances)
        const statement = planNetting(promises, { signers, ...rest })
        if (statement === undefined) return
        const { deltas, retired } = statement
        expect(deltas.reduce((sum, { amount }) => sum + amount, 0n)).to.equal(0n)
        for (const [n, { account }] of deltas.entries())
          if (n > 0) expect((deltas[n - 1]?.account as string) < account).to.equal(true)
        for (const { account, amount } of deltas)
          if (amount < 0n) expect(-amount <= (signers.get(account) ?? -1n), account).to.equal(true)
        for (const signer of signersOf(statement)) expect(signers.has(signer), signer).to.equal(true)
        for (const it of retired)
          expect(
            promises.some(
              ({ from, to, cumulative }) => from === it.from && to === it.to && cumulative === it.cumulative,
            ),
          ).to.equal(true)
      }),
    )
  })

  it('leaves everybody as well off as its vouchers would, paid in full', () => {
    fc.assert(
      fc.property(anyPlay, ({ promises, balances }) => {
        const statement = planNetting(promises, terms(balances))
        if (statement === undefined) return
        const worth = new Map<string, bigint>()
        const move = (account: string, amount: bigint) => worth.set(account, (worth.get(account) ?? 0n) + amount)
        for (const { account, amount } of statement.deltas) move(account, amount)
        for (const it of statement.retired) {
          const known = promises.find(({ from, to }) => from === it.from && to === it.to) as OpenPromise
          move(it.from, known.cumulative - known.redeemed)
          move(it.to, known.redeemed - known.cumulative)
        }
        for (const [account, change] of worth) expect(change, account).to.equal(0n)
      }),
    )
  })

  it('gives the same statement whatever the order of the promises', () => {
    fc.assert(
      fc.property(anyPlay, ({ promises, balances }) => {
        expect(planNetting(promises.toReversed(), terms(balances))).to.deep.equal(
          planNetting(promises, terms(balances)),
        )
      }),
    )
  })
})
