import { expect } from 'chai'
import { GiB, MONTH } from '../../base/units.ts'
import type { Advert, AuctionRules, CommitEntry } from '../../net/messages/bid.ts'
import { biddersOf, type PublishedAuction, publishedClearing, sealedOf, termsOf } from '../../pool/clearing.ts'
import { encodeEvidence } from '../../pool/evidence-form.ts'
import { NEWCOMER_AGE, selectAwards } from '../../pricing/auction.ts'
import { recomputeClearing } from '../../pricing/recompute.ts'
import { aSealedBid, stewardOf } from '../pricing/bid-builder.ts'

const advert: Advert = {
  chainId: 31337,
  market: stewardOf(900),
  uploader: stewardOf(901),
  id: new Uint8Array(32),
  lots: [{ count: 10, bytes: GiB, blobs: 1 }],
  k: 3,
  n: 10,
  term: 3 * MONTH,
  reserve: 1000n,
  commitMs: 1000,
  revealMs: 1000,
  egressPrice: 10n,
  egressFree: 2 * GiB,
  grace: 0,
  perCluster: 3,
  newcomers: 1,
  signature: new Uint8Array(65),
}
const rules: AuctionRules = { lots: [2, 5], reserve: 900n, newcomers: 1, held: [7, 0] }
const entry = (n: number, changes: Partial<CommitEntry> = {}): CommitEntry => ({
  steward: stewardOf(n),
  commit: aSealedBid(n, BigInt(100 + n)).commit,
  confidence: 1_000_000,
  cluster: 0,
  newcomer: 0,
  backing: 0n,
  ...changes,
})
const reveal = (n: number, lot?: number) => {
  const { bid, salt } = aSealedBid(n, BigInt(100 + n)) as Required<ReturnType<typeof aSealedBid>>
  return { bid, salt, ...(lot === undefined ? {} : { lot }) }
}

/** What an honest uploader publishes when it asked these; all of them revealed. */
function anAuction(entries: readonly CommitEntry[]): PublishedAuction {
  const reveals = entries.map(({ steward }) => reveal(Number(steward)))
  const { price, awards } = selectAwards(sealedOf(entries, reveals), biddersOf(entries), termsOf(advert, rules))
  const lots = new Map(awards.map((award) => [award.steward, award.lot]))
  return {
    advert,
    rules,
    entries,
    price,
    reveals: reveals.map((one) => ({
      ...one,
      ...(lots.has(one.bid.steward) ? { lot: lots.get(one.bid.steward) as number } : {}),
    })),
  }
}

describe('pool/clearing', () => {
  it('reads terms from advert and rules, and bidders from what was published of them', () => {
    const terms = termsOf(advert, rules)
    expect(terms).to.deep.include({
      lots: [2, 5],
      k: 3,
      n: 10,
      bytes: GiB,
      reserve: 900n,
      loss: 930n,
      perCluster: 3,
      newcomers: 1,
    })
    expect(terms.holders?.map(({ cluster }) => cluster)).to.deep.equal(['cluster 7', undefined])
    const [grown, young] = biddersOf([entry(1, { cluster: 7, backing: 5n }), entry(2, { newcomer: 1 })])
    expect(grown).to.deep.equal({
      steward: stewardOf(1),
      confidence: 1_000_000,
      age: NEWCOMER_AGE,
      backing: 5n,
      cluster: 'cluster 7',
    })
    expect(young?.age).to.equal(0)
  })

  it('clears to the same on both sides, spread rules included', () => {
    const entries = [entry(1, { cluster: 7 }), entry(2, { cluster: 7 }), entry(3, { cluster: 7 }), entry(4), entry(5)]
    const auction = anAuction(entries)
    expect(recomputeClearing(publishedClearing(auction)).faults).to.deep.equal([])
    // one of cluster 7 holds a lot already, so two more may
    expect(auction.reveals.filter(({ lot }) => lot !== undefined).map(({ bid }) => Number(bid.steward))).to.deep.equal([
      1, 2,
    ])
    expect(auction.price).to.equal(104n)
  })

  it('shows a wrong price, and a lot for a bid that was not revealed', () => {
    const auction = anAuction([entry(1), entry(2), entry(3), entry(4)])
    const dear = recomputeClearing(publishedClearing({ ...auction, price: auction.price + 1n }))
    expect(dear.faults.map(({ kind }) => kind)).to.deep.equal(['price'])
    const reveals = [reveal(1, 2), reveal(3), reveal(4), reveal(9, 5)]
    const { faults } = recomputeClearing(publishedClearing({ ...auction, reveals }))
    expect(faults.map(({ kind }) => kind)).to.deep.equal(['price', 'award', 'stranger'])
  })

  it('fits the evidence of 200 bidders into a report', () => {
    const entries = Array.from({ length: 200 }, (_, i) => entry(i + 1))
    const { advert, rules, reveals, price } = anAuction(entries)
    const outcome = { root: new Uint8Array(32), price, reveals, signature: new Uint8Array(65) }
    expect(encodeEvidence('wrong-clearing', { advert, rules, commits: entries, outcome }).length).to.be.above(0)
  })
})
