import { expect } from 'chai'
import { createRateMeter, formatSpan } from '../../cli/rate-meter.ts'

describe('cli/rate-meter', () => {
  it('estimates from the last minute of real bytes, and not before five seconds', () => {
    let now = 0
    const meter = createRateMeter({ monotonic: () => now })
    for (; now <= 4_000; now += 500) meter.note(now)
    expect(meter.read(4_000, 100_000).etaSeconds).to.equal(undefined)
    for (; now <= 120_000; now += 500) meter.note(Math.min(now, 60_000) + Math.max(0, now - 60_000) * 2)
    now -= 500
    const { rate, etaSeconds } = meter.read(180_000, 200_000)
    expect(rate).to.be.closeTo(2_000, 30)
    expect(etaSeconds).to.equal(10)
  })

  it('tells a stall from slowness', () => {
    let now = 0
    const meter = createRateMeter({ monotonic: () => now })
    meter.note(0)
    now = 1_000
    meter.note(500)
    now = 21_000
    meter.note(500)
    expect(meter.read(500, 1_000).stalledSeconds).to.equal(20)
  })

  it('writes spans as people read them', () => {
    expect([768, 59, 7_205].map(formatSpan)).to.deep.equal(['12:48', '0:59', '2:00:05'])
  })
})
