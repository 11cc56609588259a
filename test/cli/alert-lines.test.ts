import { expect } from 'chai'
import { alertLines } from '../../cli/alert-lines.ts'

const STEWARD = `0x${'ab'.repeat(20)}`
const OTHER = `0x${'cd'.repeat(20)}`

describe('cli/alert-lines', () => {
  it('makes one line of what a steward missed on one day, however many blobs', () => {
    const missed = Array.from({ length: 40 }, (_, i) => `2027-01-05T09:${10 + i}:00Z missed ${i} ${STEWARD}`)
    const lines = alertLines([
      `2027-01-04T09:00:00Z missed 0 ${STEWARD}`,
      ...missed,
      `2027-01-05T10:00:00Z missed 7 ${OTHER}`,
      `2027-01-05T11:00:00Z mia 3 ${STEWARD}`,
    ])
    expect(lines).to.deep.equal([
      '! 2027-01-04  steward 0xabababab: checks missed, 1 placement',
      '! 2027-01-05  steward 0xabababab: checks missed, 40 placements',
      '! 2027-01-05  steward 0xcdcdcdcd: checks missed, 1 placement',
      '! 2027-01-05  steward 0xabababab: given up as missing (MIA), 1 placement',
    ])
  })

  it('shows the newest ten, says how many it leaves out, and an unknown code as it is', () => {
    const lines = alertLines(Array.from({ length: 12 }, (_, i) => `2027-01-${10 + i}T09:00:00Z new-code x`))
    expect(lines).to.have.length(11)
    expect(lines[0]).to.equal('! 2 earlier lines: --json has every alert')
    expect(lines.at(-1)).to.equal('! 2027-01-21: new-code, 1 case')
  })
})
