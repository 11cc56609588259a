import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { ERRORS, EXIT } from '../../base/errors.ts'
import { generateDocs } from '../../scripts/generate-docs.ts'
import { complaintAboutRemedy } from './commands-in-text.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

describe('docs/reference', () => {
  for (const { path, text } of generateDocs())
    it(`${path} says what the code says (else: npm run gen)`, () => {
      expect(readFileSync(`${ROOT}/${path}`, 'utf8')).to.equal(text)
    })

  it('has every code, and no other', () => {
    const page = readFileSync(`${ROOT}/docs/reference/errors.md`, 'utf8')
    const told = [...page.matchAll(/^### (\w+)$/gm)].map((match) => match[1])
    expect(told.toSorted()).to.deep.equal(Object.keys(ERRORS).toSorted())
  })
})

describe('the vocabulary of errors', () => {
  const entries = Object.entries(ERRORS)

  it('gives every code a sentence, a reason, a remedy and an exit code of the table', () => {
    for (const [code, { say, why, fix, exit }] of entries) {
      for (const text of [say, why, fix]) expect(text.trim(), code).to.have.length.above(3)
      expect(Object.values(EXIT), code).to.include(exit)
    }
  })

  it('uses no number twice', () => {
    expect(new Set(entries.map(([, { wire }]) => wire)).size).to.equal(entries.length)
  })

  it('names only commands and options that exist', () => {
    const complaints = entries.flatMap(([code, { fix }]) => {
      const complaint = complaintAboutRemedy(fix)
      return complaint === undefined ? [] : [`${code}: ${complaint}`]
    })
    expect(complaints).to.deep.equal([])
  })

  it('would notice a remedy that names something else', () => {
    expect(complaintAboutRemedy('holdfast mend {object}')).to.contain('no command mend')
    expect(complaintAboutRemedy('holdfast config')).to.contain('needs one of')
    expect(complaintAboutRemedy('see holdfast stat {id} --parts')).to.contain('no option --parts')
    expect(complaintAboutRemedy('give --more')).to.contain('no command has --more')
    expect(complaintAboutRemedy('holdfast up starts a local chain; else check --rpc')).to.equal(undefined)
  })
})
