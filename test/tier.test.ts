import { expect } from 'chai'
import { effort, parseTier } from './effort.ts'
import { showInTurn } from './shown-in-turn.ts'
import { groupFiles, selectFiles } from './tier.ts'
import { addCounts, countOfHardhat, formatCount, isGood, parseCount } from './tier-count.ts'

const none = () => false

describe('test/tier', () => {
  const files = [
    'test/market/year.test.ts',
    'test/market/large.ci.test.ts',
    'test/blob/cap.test.ts',
    'test/blob/long.slow.test.ts',
    'test/cli/put.test.ts',
  ]

  it('keeps long tests out of the quick run', () => {
    expect(selectFiles(files, 'quick', none)).to.deep.equal([
      'test/blob/cap.test.ts',
      'test/cli/put.test.ts',
      'test/market/year.test.ts',
    ])
  })

  it('runs in CI what is meant for it, and again the files whose counts grow', () => {
    const scales = (file: string) => file.includes('blob/')
    expect(selectFiles(files, 'ci', scales)).to.deep.equal(['test/blob/cap.test.ts', 'test/market/large.ci.test.ts'])
    expect(selectFiles(files, 'slow', none)).to.deep.equal(['test/blob/long.slow.test.ts'])
  })

  it('gives files that start processes a mocha of their own, and loses none', () => {
    expect(groupFiles(files, (file) => !file.includes('/blob/'))).to.deep.equal([
      ['test/blob/cap.test.ts', 'test/blob/long.slow.test.ts'],
      ['test/market/year.test.ts'],
      ['test/market/large.ci.test.ts'],
      ['test/cli/put.test.ts'],
    ])
    expect(groupFiles([], none)).to.deep.equal([])
  })

  it('shows what several programs print, each in one piece, in the order in which they began', () => {
    let shown = ''
    const open = showInTurn((text) => {
      shown += text
    })
    const [first, second, third] = [open(), open(), open()]
    first.write('a')
    second.write('b')
    third.write('c')
    expect(shown).to.equal('a')
    second.end()
    third.write('d')
    first.write('e')
    expect(shown).to.equal('ae')
    first.end()
    expect(shown, 'the second is over, the third goes on').to.equal('aebcd')
    third.write('f')
    third.end()
    open().write('g')
    expect(shown).to.equal('aebcdfg')
  })

  it('reads the totals hardhat prints, in colour too', () => {
    const count = { passed: 81, failed: 1, skipped: 2 }
    expect(countOfHardhat('  ✔ test_9 passing()\n\n  81 passing\n  1 failing\n  2 skipped\n')).to.deep.equal(count)
    expect(countOfHardhat('\u001b[32m  81 passing\u001b[39m\n  1 failing (3.2 s)\n  2 skipped')).to.deep.equal(count)
  })

  it('takes no totals for nothing having run, not for success', () => {
    expect(countOfHardhat('Error HHE27: compiler missing')).to.equal(undefined)
    expect(isGood({ passed: 0, failed: 0, skipped: 0 })).to.equal(false)
    expect(isGood({ passed: 5, failed: 1, skipped: 0 })).to.equal(false)
    expect(isGood({ passed: 5, failed: 0, skipped: 3 })).to.equal(true)
  })

  it('adds totals and reads back the line it writes, and no other', () => {
    const sum = addCounts({ passed: 1, failed: 2, skipped: 3 }, { passed: 10, failed: 20, skipped: 30 })
    expect(formatCount(sum)).to.equal('11 passed, 22 failed, 33 skipped')
    expect(parseCount(formatCount(sum))).to.deep.equal(sum)
    expect(parseCount('ok: 11 passed, 22 failed, 33 skipped')).to.equal(undefined)
  })

  it('knows three tiers', () => {
    expect(() => parseTier('fast')).to.throw('quick, ci, slow')
    expect(effort(3)).to.be.oneOf([3, 30, 300])
  })
})
