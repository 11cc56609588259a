import { expect } from 'chai'
import fc from 'fast-check'
import { compareBytes } from '../../base/bytes.ts'
import { HoldfastError } from '../../base/errors.ts'
import { DAY, GiB, MONTH } from '../../base/units.ts'
import { lossOfLot, newcomerLots, penaltyOf, proRataBond, selectAwards } from '../../pricing/auction.ts'
import { bidHash } from '../../pricing/bids.ts'
import { aBid, aBidder, aSealedBid, someTerms, stewardOf } from './bid-builder.ts'

const bidders = (count: number, changes = {}) => Array.from({ length: count }, (_, i) => aBidder(i + 1, changes))
const bids = (prices: readonly bigint[]) => prices.map((price, i) => aSealedBid(i + 1, price))
const upTo = (count: number) => Array.from({ length: count }, (_, i) => BigInt(100 + i))

describe('pricing/auction', () => {
  it('gives the lots to the lowest bids and pays all of them the first losing one', () => {
    const clearing = selectAwards(bids(upTo(16)), bidders(16), someTerms())
    expect(clearing.price).to.equal(110n)
    expect(clearing.awards.map(({ steward, lot, price }) => [steward, lot, price])).to.deep.equal(
      Array.from({ length: 10 }, (_, i) => [stewardOf(i + 1), i, 110n]),
    )
    expect(clearing.missing).to.deep.equal([])
    expect(clearing.thin).to.equal(false)
    expect(clearing.runnersUp.map(({ steward, price }) => [steward, price])).to.deep.equal([
      ...Array.from({ length: 5 }, (_, i) => [stewardOf(11 + i), BigInt(111 + i)]),
      [stewardOf(16), 1000n],
    ])
  })

  it('pays the reserve with exactly as many bids as lots, and calls competition thin below one and a half', () => {
    const exact = selectAwards(bids(upTo(10)), bidders(10), someTerms())
    expect([exact.price, exact.thin, exact.awards.length]).to.deep.equal([1000n, true, 10])
    expect(selectAwards(bids(upTo(14)), bidders(14), someTerms()).thin).to.equal(true)
    expect(selectAwards(bids(upTo(15)), bidders(15), someTerms()).thin).to.equal(false)
  })

  it('gives out what it can with too few bids, and says which lots are missing', () => {
    const clearing = selectAwards(bids(upTo(7)), bidders(7), someTerms())
    expect(clearing.awards).to.have.length(7)
    expect(clearing.missing).to.deep.equal([7, 8, 9])
    expect(clearing.price).to.equal(1000n)
  })

  it('lets nobody win over the reserve, risk included', () => {
    const clearing = selectAwards(bids([1000n, 1001n]), bidders(2), someTerms())
    expect(clearing.awards.map(({ steward }) => steward)).to.deep.equal([stewardOf(1)])
    expect(clearing.refused).to.deep.equal([{ steward: stewardOf(2), why: 'over-reserve' }])
    // one bid at the reserve, and a risk that rounds up to a single wei: out
    const risky = selectAwards(bids([1000n]), [aBidder(1, { confidence: 999_999 })], someTerms({ loss: 1n }))
    expect(risky.refused[0]?.why).to.equal('over-reserve')
  })

  it('adds the expected loss that no bond covers, in wei, rounded up', () => {
    const terms = someTerms({ loss: 3_000_000_000n, bytes: GiB, term: 3 * MONTH })
    // (1 − 0.9) · 3e9 wei over three GiB-months: 1e8 a month
    expect(penaltyOf(aBid(1, 0n), aBidder(1), terms)).to.equal(100_000_000n)
    expect(penaltyOf(aBid(1, 0n, { bond: 3n }), aBidder(1, { backing: 3n }), terms)).to.equal(0n)
    expect(penaltyOf(aBid(1, 0n, { bond: 1n }), aBidder(1, { backing: 3n }), terms)).to.equal(66_666_667n) // 66 666 666.6…
    expect(penaltyOf(aBid(1, 0n), aBidder(1, { confidence: 1_000_000 }), terms)).to.equal(0n)
  })

  it('counts a bond only as far as stake stands behind it', () => {
    const terms = someTerms({ loss: 10n ** 12n })
    const boast = penaltyOf(aBid(1, 0n, { bond: 10n ** 9n }), aBidder(1, { backing: 0n }), terms)
    expect(boast).to.equal(penaltyOf(aBid(1, 0n), aBidder(1), terms))
  })

  it('prefers the safer steward at equal bids, and pays each the price less its own risk', () => {
    const terms = someTerms({ lots: [0], loss: 3_000n, reserve: 10_000n })
    const all = [
      aBidder(1, { confidence: 500_000 }),
      aBidder(2, { confidence: 800_000 }),
      aBidder(3, { confidence: 990_000 }),
    ]
    const clearing = selectAwards(bids([100n, 100n, 100n]), all, terms)
    expect(clearing.awards).to.deep.equal([
      { steward: stewardOf(3), bid: 100n, penalty: 10n, score: 110n, lot: 0, price: 290n },
    ])
    expect(clearing.price).to.equal(300n) // 100 + 0.2 · 3000 / 3 months
  })

  it('decides between equal scores by the hash of the bid', () => {
    const clearing = selectAwards(bids([100n, 100n, 100n]), bidders(3), someTerms({ lots: [0, 1] }))
    const byHash = [1, 2, 3].map((n) => aBid(n, 100n)).sort((a, b) => compareBytes(bidHash(a), bidHash(b)))
    expect(clearing.awards.map(({ steward }) => steward)).to.deep.equal(
      byHash.slice(0, 2).map(({ steward }) => steward),
    )
  })

  it('gives one network no more than its share, and its next bid sets no price', () => {
    const rack = Array.from({ length: 16 }, (_, i) => aBidder(i + 1, i < 8 ? { cluster: 'rack' } : {}))
    const clearing = selectAwards(bids(upTo(16)), rack, someTerms({ perCluster: 3 }))
    expect(clearing.awards.filter(({ steward }) => Number(steward) <= 8)).to.have.length(3)
    expect(clearing.awards).to.have.length(10)
    expect(clearing.refused.filter(({ why }) => why === 'cluster')).to.have.length(5)
    expect(clearing.price).to.equal(115n)
  })

  it('gives newcomers one lot once there are enough others, and as many as they win before', () => {
    const young = (from: number, count: number) =>
      Array.from({ length: count }, (_, i) => aBidder(i + 1, { age: i + 1 >= from ? DAY : 60 * DAY }))
    const grown = selectAwards(bids([...upTo(10), 1n, 2n, 3n]), young(11, 13), someTerms({ newcomers: 1 }))
    expect(grown.awards.filter(({ steward }) => Number(steward) > 10)).to.have.length(1)
    expect(grown.refused.filter(({ why }) => why === 'newcomer')).to.have.length(2)
    const early = selectAwards(bids([...upTo(10), 1n, 2n, 3n]), young(10, 13), someTerms({ newcomers: 1 }))
    expect(early.awards.filter(({ steward }) => Number(steward) > 9)).to.have.length(3)
  })

  it('refuses by name: strangers, second bids, broken seals, dear reading, no room, holders', () => {
    const good = aSealedBid(1, 100n)
    const sealed = [
      good,
      aSealedBid(1, 99n),
      aSealedBid(99, 1n),
      { ...aSealedBid(2, 100n), bid: aBid(2, 1n) },
      { steward: stewardOf(3), commit: new Uint8Array(32) },
      aSealedBid(4, 1n, { egressPrice: 51n }),
      aSealedBid(5, 1n, { capacity: GiB - 1 }),
      aSealedBid(6, 1n),
    ]
    const clearing = selectAwards(
      sealed,
      bidders(6),
      someTerms({ egressPrice: 50n, holders: [{ steward: stewardOf(6) }] }),
    )
    expect(clearing.awards.map(({ steward }) => steward)).to.deep.equal([stewardOf(1)])
    expect(clearing.refused.map(({ why }) => why)).to.deep.equal([
      'second-bid',
      'not-invited',
      'wrong-reveal',
      'withdrawn',
      'egress-price',
      'no-room',
      'holds-a-lot',
    ])
  })

  it('counts the lots a put has given out before for the spread', () => {
    const all = bidders(3, { cluster: 'rack' })
    const holders = [8, 9].map((n) => ({ steward: stewardOf(n), cluster: 'rack' }))
    expect(selectAwards(bids(upTo(3)), all, someTerms({ perCluster: 3, holders })).awards).to.have.length(1)
  })

  it('prices the loss of a lot by what rebuilding it takes', () => {
    expect(lossOfLot({ bytes: 2 * GiB, k: 3, egressPrice: 10n, reserve: 5n })).to.equal(70n)
    expect(lossOfLot({ bytes: 1, k: 3, egressPrice: 10n, reserve: 5n })).to.equal(1n)
  })

  it('refuses by name: late bids, prices of nothing or less, absurd numbers, too small a bond', () => {
    const huge = 1n << 96n
    const sealed = [
      { ...aSealedBid(1, 100n), late: true },
      { ...aSealedBid(2, 1n), bid: aBid(2, 0n) },
      { ...aSealedBid(3, 1n), bid: aBid(3, -1n) },
      { ...aSealedBid(4, 1n), bid: aBid(4, huge) },
      { ...aSealedBid(5, 1n), bid: aBid(5, 1n, { egressPrice: -1n }) },
      { ...aSealedBid(6, 1n), bid: aBid(6, 1n, { bond: 1n << 64n }) },
      { ...aSealedBid(7, 1n), bid: aBid(7, 1n, { egressFree: Number.NaN }) },
      { ...aSealedBid(8, 1n), bid: aBid(8, 1n, { capacity: -1 }) },
      aSealedBid(9, 100n, { bond: 6n }),
      aSealedBid(10, 100n, { bond: 7n }),
      aSealedBid(11, 100n, { bond: 8n }),
    ]
    const known = bidders(11).map((bidder, i) => ({ ...bidder, backing: i === 10 ? 6n : 7n }))
    const { refused, awards } = selectAwards(sealed, known, someTerms({ bond: 7n }))
    expect(refused.map(({ why }) => why)).to.deep.equal([
      'late',
      'not-positive',
      'not-positive',
      'absurd',
      'absurd',
      'absurd',
      'absurd',
      'absurd',
      'bond-short',
      'bond-short', // eight are offered, and six stand there
    ])
    expect(awards.map(({ steward }) => steward)).to.deep.equal([stewardOf(10)])
  })

  it('lets newcomers have a lot only while they hold at most one in a hundred of an uploader\u2019s bytes', () => {
    expect(newcomerLots({ placed: 0, withNewcomers: 0, total: 10, lot: 1 })).to.equal(0)
    expect(newcomerLots({ placed: 90, withNewcomers: 0, total: 10, lot: 1 })).to.equal(1)
    expect(newcomerLots({ placed: 89, withNewcomers: 0, total: 10, lot: 1 })).to.equal(0)
    expect(newcomerLots({ placed: 190, withNewcomers: 1, total: 10, lot: 1 })).to.equal(1)
    expect(newcomerLots({ placed: 189, withNewcomers: 1, total: 10, lot: 1 })).to.equal(0)
  })

  it('counts one stake behind all lots pro rata, and never more of it than there is', () => {
    expect(proRataBond(100n, { lot: 1n, inventory: 0n })).to.equal(100n)
    expect(proRataBond(100n, { lot: 1n, inventory: 3n })).to.equal(25n)
    expect(proRataBond(100n, { lot: 1n, inventory: 2n })).to.equal(33n)
    expect(proRataBond(0n, { lot: 1n, inventory: 0n })).to.equal(0n)
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: 10n ** 18n }),
        fc.array(fc.bigInt({ min: 1n, max: 10n ** 12n }), { minLength: 1 }),
        (stake, rents) => {
          const all = rents.reduce((sum, rent) => sum + rent, 0n)
          const bonds = rents.map((lot) => proRataBond(stake, { lot, inventory: all - lot }))
          expect(bonds.reduce((sum, bond) => sum + bond, 0n) <= stake).to.equal(true)
        },
      ),
    )
  })

  it('refuses terms that make no sense', () => {
    for (const bad of [
      { bytes: 0 },
      { bytes: 2 ** 53 },
      { term: 0 },
      { term: 2 ** 32 },
      { k: 11 },
      { n: 257 },
      { lots: [0, 0] },
      { lots: [10] },
      { lots: [-1] },
      { reserve: -1n },
      { reserve: 1n << 96n },
      { loss: -1n },
      { loss: 1n << 128n },
    ])
      expect(() => selectAwards([], [], someTerms(bad)), Object.keys(bad)[0]).to.throw(HoldfastError)
  })

  const anAuction = fc
    .array(
      fc.record({
        price: fc.bigInt({ min: 1n, max: 1500n }),
        confidence: fc.integer({ min: 0, max: 1_000_000 }),
        cluster: fc.constantFrom('a', 'b', 'c', 'd', undefined),
        days: fc.nat(90),
      }),
      { maxLength: 30 },
    )
    .map((all) => ({
      sealed: bids(all.map(({ price }) => price)),
      known: all.map(({ confidence, cluster, days }, i) =>
        aBidder(i + 1, { confidence, age: days * DAY, ...(cluster ? { cluster } : {}) }),
      ),
    }))

  it('never pays a winner below its bid nor above the reserve, whoever bids', () => {
    fc.assert(
      fc.property(anAuction, ({ sealed, known }) => {
        const terms = someTerms({ perCluster: 3, newcomers: 1, loss: 2000n })
        const { awards, missing, price, runnersUp, refused, scores } = selectAwards(sealed, known, terms)
        expect(price <= terms.reserve).to.equal(true)
        for (const award of [...awards, ...runnersUp])
          expect(award.price >= award.bid && award.price <= terms.reserve).to.equal(true)
        for (const award of awards) expect(award.score <= price).to.equal(true)
        expect(new Set(awards.map(({ steward }) => steward)).size).to.equal(awards.length)
        expect(awards.length + missing.length).to.equal(10)
        const ofCluster = new Map<string, number>()
        for (const { steward } of awards) {
          const cluster = known.find((bidder) => bidder.steward === steward)?.cluster
          if (cluster) ofCluster.set(cluster, (ofCluster.get(cluster) ?? 0) + 1)
        }
        for (const count of ofCluster.values()) expect(count).to.be.at.most(3)
        expect(scores.length + refused.filter(({ why }) => why === 'over-reserve').length).to.equal(sealed.length)
      }),
    )
  })

  it('gains nobody anything to bid other than its own cost', () => {
    fc.assert(
      fc.property(
        fc.array(fc.bigInt({ min: 1n, max: 900n }), { minLength: 11, maxLength: 16 }),
        fc.nat(15),
        fc.bigInt({ min: 1n, max: 1000n }),
        (costs, who, lie) => {
          const me = who % costs.length
          const gain = (prices: readonly bigint[]) => {
            const won = selectAwards(bids(prices), bidders(prices.length), someTerms()).awards.find(
              ({ steward }) => steward === stewardOf(me + 1),
            )
            return won ? won.price - (costs[me] as bigint) : 0n
          }
          expect(gain(costs.with(me, lie)) <= gain(costs)).to.equal(true)
        },
      ),
    )
  })

  it('gives the same clearing whatever the order of the bids', () => {
    fc.assert(
      fc.property(anAuction, fc.nat(), ({ sealed, known }, turn) => {
        const at = turn % (sealed.length + 1)
        const turned = [...sealed.slice(at), ...sealed.slice(0, at)]
        const [one, other] = [sealed, turned].map((all) =>
          selectAwards(all, known, someTerms({ perCluster: 3, loss: 500n })),
        )
        expect(other?.awards).to.deep.equal(one?.awards)
        expect(other?.price).to.equal(one?.price)
      }),
    )
  })
})
