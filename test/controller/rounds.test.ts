import { expect } from 'chai'
import type { Round, RoundPhase } from '../../controller/placement-state.ts'
import { applyRoundFact, type RoundFact } from '../../controller/rounds.ts'

const NOW = 5000
const aRound = (phase: RoundPhase, final = false): Round => ({
  n: 0,
  docket: 'aa',
  row: 0,
  retry: false,
  due: 3600,
  deadline: 280_800,
  from: 0,
  cut: 3600,
  openedAt: 3600,
  phase,
  final,
  at: 3600,
})

const fact = (kind: string) => ({ kind, docket: 'aa', at: 4000 }) as unknown as RoundFact
/** `phase` or `phase!` when final. */
const after = (from: string, kind: string): string => {
  const round = applyRoundFact(aRound(from.replace('!', '') as RoundPhase, from.endsWith('!')), fact(kind), NOW)
  return `${round.phase}${round.final ? '!' : ''}`
}

const FROM = ['opening', 'posted', 'posted!', 'swept', 'swept!', 'revoked', 'revoked!', 'failed']
/** One row a fact, one column a phase, in the order of FROM; a dash: nothing changes. */
const TABLE: Readonly<Record<string, string>> = {
  posted: 'posted  -        -        -        -        -        -        posted',
  'posted-final': 'posted! posted!  -        -        -        -        -        -',
  unposted: '-       opening  opening  opening  opening  opening  opening  -',
  'post-failed': 'failed  -        -        -        -        -        -        -',
  swept: 'swept   swept    swept    -        -        swept    -        swept',
  'swept-final': 'swept!  swept!   swept!   swept!   -        swept!   -        swept!',
  unswept: '-       -        -        posted   posted   -        -        -',
  revoked: 'revoked revoked  revoked  revoked  -        -        -        revoked',
  'revoked-final': 'revoked! revoked! revoked! revoked! -       revoked! -        revoked!',
  unrevoked: '-       -        -        -        -        posted   posted   -',
  'revoke-failed': '-       -        -        -        -        -        -        -',
}

describe('controller/rounds', () => {
  for (const [kind, row] of Object.entries(TABLE))
    it(`${kind}: moves a round where the chain says it is, and what is final only by its undoing`, () => {
      const expected = row.split(/\s+/)
      expect(expected).to.have.length(FROM.length)
      for (const [i, from] of FROM.entries())
        expect(after(from, kind), `${kind} after ${from}`).to.equal(expected[i] === '-' ? from : expected[i])
    })

  it('remembers that a docket was withheld as long as its revoke stands, and of the first word on it', () => {
    const withheld = { kind: 'revoked-final', docket: 'aa', withheld: true } as const
    const round = applyRoundFact(aRound('revoked'), withheld, NOW)
    expect(round).to.deep.include({ phase: 'revoked', final: true, withheld: true })
    expect(applyRoundFact(round, withheld, NOW)).to.deep.equal(round)
    expect(applyRoundFact(round, fact('unrevoked'), NOW)).to.not.have.property('withheld')
    expect(applyRoundFact(aRound('revoked', true), withheld, NOW)).to.not.have.property('withheld')
  })

  it('remembers the block of a sweep, not the moment it became final', () => {
    const swept = applyRoundFact(aRound('posted'), { kind: 'swept', docket: 'aa', at: 4000 }, NOW)
    expect(applyRoundFact(swept, { kind: 'swept-final', docket: 'aa' }, NOW)).to.deep.include({ at: 4000, final: true })
  })

  it('changes nothing when told the same twice', () => {
    for (const kind of Object.keys(TABLE))
      for (const from of FROM) {
        const once = applyRoundFact(aRound(from.replace('!', '') as RoundPhase, from.endsWith('!')), fact(kind), NOW)
        expect(applyRoundFact(once, fact(kind), NOW), `${kind} after ${from}`).to.deep.equal(once)
      }
  })

  it('does not wait for a post its sender gave up, in whichever order it hears of it', () => {
    const failed = fact('post-failed')
    const unposted = fact('unposted')
    const one = applyRoundFact(applyRoundFact(aRound('posted'), failed, NOW), unposted, NOW)
    const other = applyRoundFact(applyRoundFact(aRound('posted'), unposted, NOW), failed, NOW)
    expect(one).to.deep.equal(other)
    expect(one.phase).to.equal('failed')
  })

  it('asks a released docket again over the same row, or not at all when the blob is lost', () => {
    const released = { kind: 'released', docket: 'aa', at: 4000 } as const
    const again = applyRoundFact(
      aRound('revoked'),
      { ...released, lost: false, again: { docket: 'bb', deadline: 100_000 } },
      NOW,
    )
    expect(again).to.deep.include({
      docket: 'bb',
      phase: 'opening',
      row: 0,
      cut: 3600,
      deadline: 280_800,
      openedAt: NOW,
    })
    expect(applyRoundFact(aRound('revoked'), { ...released, lost: true }, NOW)).to.deep.include({
      phase: 'revoked',
      final: true,
    })
    expect(applyRoundFact(aRound('posted'), { ...released, lost: false }, NOW).phase).to.equal('failed')
    expect(applyRoundFact(aRound('swept', true), { ...released, lost: true }, NOW).phase).to.equal('swept')
  })
})
