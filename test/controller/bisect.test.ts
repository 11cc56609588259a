import { expect } from 'chai'
import fc from 'fast-check'
import { bisect } from '../../controller/bisect.ts'

/** Asks over numbers below `size`, of which `lost` are gone, and counts the questions. */
async function ask(size: number, lost: ReadonlySet<number>) {
  let questions = 0
  const found = await bisect(
    Array.from({ length: size }, (_, i) => i),
    async (part) => {
      questions++
      return part.every((item) => !lost.has(item))
    },
  )
  return { ...found, questions }
}

describe('controller/bisect', () => {
  it('finds exactly what is lost, with a logarithm of questions for each, and never more than two for each blob', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 300 }),
        fc.array(fc.nat(299), { maxLength: 20 }),
        async (size, gone) => {
          const lost = new Set(gone.filter((item) => item < size))
          const found = await ask(size, lost)
          expect(found.lost.sort((a, b) => a - b)).to.deep.equal([...lost].sort((a, b) => a - b))
          expect(found.held.length + found.lost.length).to.equal(size)
          expect(found.questions).to.be.at.most(Math.min(1 + lost.size * 2 * Math.ceil(Math.log2(size)), 2 * size - 1))
        },
      ),
      { numRuns: 200 },
    )
  })

  it('asks one question over a docket that is whole, and 41 at most for one lost blob in a million', async () => {
    expect((await ask(1000, new Set())).questions).to.equal(1)
    const { questions, lost } = await ask(2 ** 20, new Set([777_777]))
    expect(lost).to.deep.equal([777_777])
    expect(questions).to.be.within(21, 41)
  })

  it('gives up no blob without a question about it alone', async () => {
    const alone = new Set<number>()
    const { lost } = await bisect([0, 1, 2, 3, 4, 5, 6], async (part) => {
      if (part.length === 1) alone.add(part[0] as number)
      return part.length === 1 // grumbles at every question but the last
    })
    expect(lost).to.deep.equal([])
    expect(alone.size).to.equal(7)
  })

  it('keeps what was learnt when the steward goes away in the middle', async () => {
    const outcome = { held: [] as number[], lost: [] as number[] }
    let questions = 0
    const failure = await bisect(
      [0, 1, 2, 3, 4, 5, 6, 7],
      async (part) => {
        if (++questions > 4) throw new Error('gone')
        return !part.includes(5)
      },
      outcome,
    ).catch((cause: Error) => cause.message)
    expect(failure).to.equal('gone')
    expect(outcome.held.length).to.be.at.least(4)
    expect(outcome.lost).to.deep.equal([])
  })
})
