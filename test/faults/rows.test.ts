import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { ROWS } from './rows.ts'

const ROOT = new URL('../..', import.meta.url)

describe('test/faults/rows', () => {
  it('names tests that exist, each row once', () => {
    for (const { id, tests } of ROWS)
      for (const { file, title } of tests) {
        const text = readFileSync(fileURLToPath(new URL(file, ROOT)), 'utf8')
        expect(text.includes(title), `${id}: "${title}" in ${file}`).to.equal(true)
      }
    expect(new Set(ROWS.map(({ id }) => id)).size).to.equal(ROWS.length)
  })

  it('says where a test runs as its file name does', () => {
    for (const { id, tests } of ROWS)
      for (const { file, counts } of tests) {
        const first = file.endsWith('.slow.test.ts') ? 2 : file.endsWith('.ci.test.ts') ? 1 : 0
        expect(
          counts.findIndex((count) => count !== '–'),
          `${id}: ${file}`,
        ).to.equal(first)
      }
  })
})
