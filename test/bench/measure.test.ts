import { expect } from 'chai'
import { compare, median, type Pair, seededBytes, summarise } from '../../bench/measure.ts'
import { formatTable, type Result, shape } from '../../bench/report.ts'

const aPair = (ratio: number, kept = true): Pair => ({
  reference: 2,
  ours: 2 * ratio,
  ratio,
  calibration: [1, 1],
  kept,
})

describe('bench/measure', () => {
  it('takes the median of the ratios, and leaves spoiled pairs out but counts them', () => {
    const result = summarise([aPair(1.1), aPair(9, false), aPair(0.9), aPair(1)])
    expect(result.ratio).to.deep.equal({ median: 1, low: 0.9, high: 1.1 })
    expect(result.discarded).to.equal(1)
    expect(result.ours).to.equal(2)
  })

  it('gives no result when the machine was too unsteady', () => {
    expect(() => summarise([aPair(1, false)])).to.throw('too unsteady')
  })

  it('alternates, after one unmeasured turn of each', async () => {
    const order: string[] = []
    const turn = (name: string) => async () => {
      order.push(name)
      return 1
    }
    const { pairs } = await compare(turn('r'), turn('o'), { pairs: 1, most: 2 }).catch(() => ({ pairs: [] }))
    expect(order.join('')).to.match(/^(ro){2,3}$/)
    expect(pairs.length).to.be.within(0, 2)
  })

  it('finds the middle of even and odd numbers of values', () => {
    expect(median([3, 1, 2])).to.equal(2)
    expect(median([4, 1, 2, 3])).to.equal(2.5)
  })

  it('makes the same incompressible bytes from the same seed', () => {
    expect(seededBytes(100, 'a')).to.deep.equal(seededBytes(200, 'a').subarray(0, 100))
    expect(seededBytes(100, 'a')).to.not.deep.equal(seededBytes(100, 'b'))
  })
})

describe('bench/report', () => {
  it('keeps a missed target in the table, as missed', () => {
    const before = {
      at: '2026-11-20T00:00:00Z',
      commit: 'abc',
      cpu: 'x',
      cores: 2,
      cpuFlags: [],
      memoryBytes: 1,
      kernel: 'k',
      node: 'v24',
      openssl: '3',
      load: 0.5,
      stealTicks: 1,
    }
    const result: Result = {
      schema: 1,
      name: 'speed',
      title: 'speed',
      environment: { before, after: before },
      seconds: 3,
      rows: [
        {
          label: 'slow',
          value: 0.5,
          unit: 'GB',
          target: '≥ 1',
          met: false,
          against: 'light',
          comparison: summarise([aPair(0.5)]),
        },
      ],
    }
    expect(formatTable([result])).to.contain(
      '| speed | slow | 0.5 GB | light: 2 | 0.5 (0.5–0.5), 0 | ≥ 1 | **missed** |',
    )
  })

  it('shows three digits that mean something', () => {
    expect(shape(0.123456)).to.equal('0.123')
    expect(shape(98_000)).to.equal('98,000')
    expect(shape(30572.11)).to.equal('30600')
  })
})
