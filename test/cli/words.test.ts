import { expect } from 'chai'
import { parseHold } from '../../base/units.ts'
import { shortHold } from '../../cli/words.ts'

describe('cli/words', () => {
  it('gives people four digits of an amount, and at least two decimals', () => {
    const short = (text: string) => shortHold(parseHold(text))
    expect(short('0.005175781250000001')).to.equal('0.005175')
    expect(short('0.000000008304129')).to.equal('0.000000008304')
    expect(short('12.479999')).to.equal('12.47')
    expect(short('1000.129')).to.equal('1000.12')
    expect(short('1000')).to.equal('1000')
    expect(short('0')).to.equal('0')
    expect(shortHold(7n)).to.equal('0.000000000000000007')
  })

  it('rounds up what somebody will have to pay', () => {
    expect(shortHold(parseHold('0.005175000000000001'), 'up')).to.equal('0.005176')
    expect(shortHold(parseHold('0.005175'), 'up')).to.equal('0.005175')
    expect(shortHold(parseHold('9.999999'), 'up')).to.equal('10')
  })
})
