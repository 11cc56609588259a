import { expect } from 'chai'
import fc from 'fast-check'
import { HoldfastError } from '../../base/errors.ts'
import {
  ceilDiv,
  formatGwei,
  formatHold,
  formatSize,
  formatTime,
  parseDuration,
  parseHold,
  parseSize,
  unixTime,
} from '../../base/units.ts'

describe('base/units', () => {
  it('reads and writes amounts exactly, digit by digit', () => {
    expect(parseHold('0.000000000000000001')).to.equal(1n)
    expect(parseHold('1000')).to.equal(1000n * 10n ** 18n)
    expect(formatHold(412n * 10n ** 15n)).to.equal('0.412')
    expect(formatGwei(-1n)).to.equal('-0.000000001')
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 40n }), (amount) => parseHold(formatHold(amount)) === amount),
    )
  })

  it('refuses amounts that are not decimals', () => {
    for (const text of ['', '-1', '1e3', '0.0000000000000000001', '1.', '.5', 'NaN', '0x1', '1,5'])
      expect(() => parseHold(text), text)
        .to.throw(HoldfastError)
        .with.property('code', 'INPUT_FORMAT')
  })

  it('reads durations and sizes', () => {
    expect([parseDuration('30d'), parseDuration('1y'), parseDuration('90s'), parseDuration('7')]).to.deep.equal([
      2_592_000, 31_536_000, 90, 7,
    ])
    expect([parseSize('500G'), parseSize('64M'), parseSize('12'), parseSize('1GiB')]).to.deep.equal([
      500 * 2 ** 30,
      64 * 2 ** 20,
      12,
      2 ** 30,
    ])
    for (const text of ['', '3 weeks', '-1d', '1.5h']) expect(() => parseDuration(text), text).to.throw(HoldfastError)
    for (const text of ['', '1.5G', '-1', '999999999999T']) expect(() => parseSize(text), text).to.throw(HoldfastError)
  })

  it('shows sizes and times as people write them', () => {
    expect(formatSize(28_991_029_248)).to.equal('27.0 GiB')
    expect(formatSize(999)).to.equal('999 B')
    expect(formatTime(1_800_000_000)).to.equal('2027-01-15T08:00:00Z')
  })

  it('rounds up, and keeps times in a uint32', () => {
    expect([ceilDiv(0n, 3n), ceilDiv(1n, 3n), ceilDiv(3n, 3n), ceilDiv(4n, 3n)]).to.deep.equal([0n, 1n, 1n, 2n])
    expect(() => unixTime(2 ** 32)).to.throw(HoldfastError)
  })
})
