import { expect } from 'chai'
import fc from 'fast-check'
import { type Address, addressOf } from '../../base/curve.ts'
import { countVotes, drawPanel, falseConviction, neededOf, PANEL_POLICY } from '../../pool/panel.ts'
import { word } from './report-builder.ts'

const monitors = (count: number, clusterOf: (i: number) => string | undefined = () => undefined) =>
  Array.from({ length: count }, (_, i) => ({ id: idOf(i), cluster: clusterOf(i) }))
const idOf = (i: number): Address => `0x${(i + 1).toString(16).padStart(40, '0')}`
const seed = (block: string) => ({ block: word(block), accused: addressOf(word('accused')) })

describe('pool/panel', () => {
  it('draws 31 of other clusters, one of each, and nobody who is excluded or shares a cluster with one', () => {
    const all = monitors(200, (i) => (i % 2 === 0 ? `net ${i % 50}` : undefined))
    const { seats, independent, binds, needed } = drawPanel(all, new Set([idOf(1), 'net 0']), seed('block'))
    expect(seats).to.have.length(31)
    expect({ independent, binds, needed }).to.deep.equal({ independent: 24 + 99, binds: true, needed: 21 })
    expect(new Set(seats.map(({ id, cluster }) => cluster ?? id)).size).to.equal(31)
    expect(seats.some(({ id, cluster }) => id === idOf(1) || cluster === 'net 0')).to.equal(false)
  })

  it('draws by block and report alone: the same for everyone, another for another block, and nobody more often than others', () => {
    const all = monitors(100)
    const drawn = drawPanel(all, new Set(), seed('one')).seats
    expect(drawPanel([...all].reverse(), new Set(), seed('one')).seats).to.deep.equal(drawn)
    expect(drawPanel(all, new Set(), seed('two')).seats).to.not.deep.equal(drawn)
    const times = new Map<string, number>()
    for (let i = 0; i < 1_000; i++)
      for (const { id } of drawPanel(all, new Set(), seed(`block ${i}`)).seats) times.set(id, (times.get(id) ?? 0) + 1)
    // binomial(1000, 0.31): five standard deviations are 73
    for (const { id } of all) expect(times.get(id) ?? 0, id).to.be.within(310 - 73, 310 + 73)
  })

  it('binds from seven independent monitors on, below it only advises, and always needs more than two thirds', () => {
    expect(drawPanel(monitors(6), new Set(), seed('b'))).to.include({ binds: false, independent: 6 })
    expect(drawPanel(monitors(7), new Set(), seed('b'))).to.include({ binds: true, independent: 7, needed: 5 })
    expect(
      drawPanel(
        monitors(60, () => 'one network'),
        new Set(),
        seed('b'),
      ),
    ).to.include({ binds: false, independent: 1 })
    for (let seats = 1; seats <= 31; seats++) expect(neededOf(seats) * 3, `${seats} seats`).to.be.greaterThan(2 * seats)
    expect(neededOf(31)).to.equal(21)
  })

  it('counts each drawn monitor once; a stranger, a second vote and silence convict nobody', () => {
    const draw = drawPanel(monitors(31), new Set(), seed('b'))
    const yes = (ids: readonly Address[]) => ids.map((voter) => ({ voter, vote: 1 as const }))
    const ids = draw.seats.map(({ id }) => id)
    expect(countVotes(draw, yes(ids.slice(0, 21))).outcome).to.equal('convicted')
    expect(countVotes(draw, yes(ids.slice(0, 20))).outcome).to.equal('not-convicted')
    const stuffed = yes([...ids.slice(0, 20), ids[0] as Address, addressOf(word('stranger'))])
    expect(countVotes(draw, stuffed)).to.deep.equal({
      outcome: 'not-convicted',
      class: 'panel',
      count: { drawn: 31, voted: 19, convicting: 19 },
    })
    expect(countVotes(draw, []).outcome).to.equal('not-convicted')
    expect(countVotes(drawPanel([], new Set(), seed('b')), []).outcome).to.equal('not-convicted')
  })

  it('with 20 % lying monitors convicts an honest agent less than once in ten million, however many monitors there are', () => {
    for (const count of [7, 10, 15, 20, 25, 30, 31, 35, 50, 75, 100, 155, 200, 500, 1_000, 5_000, 100_000])
      expect(falseConviction(count, Math.floor(count / 5)), `${count} monitors`).to.be.lessThan(1e-7)
    expect(falseConviction(100_000, 20_000)).to.be.within(1e-8, 1.2e-8) // the binomial limit: the bound is not met by accident
    expect(falseConviction(1_000, 500)).to.be.greaterThan(1e-3) // and half of them lying do convict
  })

  it('agrees with drawing and counting: simulated panels convict as often as the formula says', () => {
    const count = 40
    const liars = 24
    const runs = 4_000
    let convicted = 0
    for (let run = 0; run < runs; run++) {
      const draw = drawPanel(monitors(count), new Set(), seed(`run ${run}`))
      const votes = draw.seats.map(({ id }) => ({ voter: id, vote: Number(BigInt(id) <= BigInt(liars)) as 0 | 1 }))
      if (countVotes(draw, votes).outcome === 'convicted') convicted++
    }
    const chance = falseConviction(count, liars)
    const deviation = Math.sqrt(chance * (1 - chance) * runs)
    expect(convicted).to.be.within(chance * runs - 5 * deviation, chance * runs + 5 * deviation)
  }).timeout(60_000)

  it('is worth nothing to corner by clusters: monitors of one owner are one voice', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 0, max: 200 }), (honest, sybils) => {
        const all = [
          ...monitors(honest),
          ...monitors(sybils, () => 'sybil').map((one, i) => ({ ...one, id: idOf(1_000 + i) })),
        ]
        const { seats } = drawPanel(all, new Set(), seed('b'), PANEL_POLICY)
        expect(seats.filter(({ cluster }) => cluster === 'sybil').length).to.be.at.most(1)
      }),
      { numRuns: 100 },
    )
  })
})
