/** The table of the cast speaks of programs and tests that exist, and of every program there is. */
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { MEMBERS, type Member } from './members.ts'
import { show } from './show.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const members: readonly Member[] = MEMBERS

/** What a member's tests are missing; undefined when all is there. */
function complaintAbout({ name, program, shownBy }: Member): string | undefined {
  const files = readdirSync(`${ROOT}/test/cast`)
  if (!files.includes(program)) return `${name}: no program test/cast/${program}`
  const tests = shownBy.map(([file, test]) => ({ file, test, text: readFileSync(`${ROOT}/${file}`, 'utf8') }))
  for (const { file, test, text } of tests) if (!text.includes(test)) return `${name}: no test "${test}" in ${file}`
  const calls = [`show('${name}'`, 'show(name']
  return tests.some(
    ({ text }) => calls.some((call) => text.includes(call)) && text.includes(name.split(',')[0] as string),
  )
    ? undefined
    : `${name}: no test hands what it measured to show`
}

describe('cast: the table', () => {
  for (const member of members)
    it(`${member.name}: its program is there, and a test measures it`, () => {
      expect(complaintAbout(member)).to.equal(undefined)
    })

  it('would notice a program, a test or a measurement that is not there', () => {
    const [member] = members as [Member]
    expect(complaintAbout({ ...member, program: 'honest-steward.ts' })).to.contain('no program')
    expect(complaintAbout({ ...member, shownBy: [['test/market/cast.test.ts', 'pays them double']] })).to.contain(
      'no test',
    )
    expect(complaintAbout({ ...member, shownBy: [['test/market/year.ci.test.ts', 'sweeps every bounty']] })).to.contain(
      'no test hands',
    )
  })

  it('has every program that can be run', () => {
    const programs = readdirSync(`${ROOT}/test/cast`).filter(
      (file) =>
        file.endsWith('.ts') &&
        !file.endsWith('.test.ts') &&
        /^\/\*\*\n \* [A-Z]\w+: /.test(readFileSync(`${ROOT}/test/cast/${file}`, 'utf8')),
    )
    expect(programs.length).to.be.at.least(10)
    expect(programs.filter((file) => !members.some(({ program }) => program === file))).to.deep.equal([])
  })

  it('fails a member that gains more, loses its victim more, or is no poorer than its peer', () => {
    expect(() => show('ForgetfulSteward', { gain: 1, peer: 100 })).to.throw('what it ends with')
    expect(() => show('ForgetfulSteward', { gain: 0, peer: 100, loss: 1 })).to.throw('what its victim loses')
    expect(() => show('ForgetfulSteward', { gain: 0, peer: 99 })).to.throw('an honest peer')
    expect(() => show('FrontRunner', { gain: -63_000, peer: -63_000 })).to.throw('honest peer')
  })
})
