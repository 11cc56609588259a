import { expect } from 'chai'
import { toHex } from '../../base/bytes.ts'
import type { HoldfastError } from '../../base/errors.ts'
import { formatCap, locatorOf } from '../../blob/cap.ts'
import { findObject } from '../../cli/find-object.ts'

const cap = new Uint8Array(32).fill(7)
const objects = [
  { id: toHex(locatorOf(cap)), name: 'a.txt' },
  { id: 'aaaaaaaa11'.padEnd(64, '0'), name: 'b.txt' },
  { id: 'aaaaaaaa22'.padEnd(64, '0'), name: 'b.txt' },
]
const failure = (text: string) => {
  try {
    findObject(text, objects)
  } catch (cause) {
    return (cause as HoldfastError).code
  }
  return undefined
}

describe('cli/find-object', () => {
  it('finds an object by id, unique prefix of 8, name and capability', () => {
    for (const text of [objects[0]?.id ?? '', (objects[0]?.id ?? '').slice(0, 8), 'a.txt', formatCap(cap)])
      expect(findObject(text, objects)).to.equal(objects[0])
    expect(findObject('AAAAAAAA11', objects)).to.equal(objects[1])
  })

  it('refuses what is unknown, ambiguous, too short or a damaged capability, each by its code', () => {
    expect(failure('c.txt')).to.equal('OBJECT_UNKNOWN')
    expect(failure('aaaaaaaa')).to.equal('OBJECT_AMBIGUOUS')
    expect(failure('b.txt')).to.equal('OBJECT_AMBIGUOUS')
    expect(failure('aaaaaaa')).to.equal('INPUT_FORMAT')
    expect(failure('bbbbbbb')).to.equal('OBJECT_UNKNOWN')
    expect(failure(formatCap(cap).slice(0, -1))).to.equal('INPUT_CAP')
  })

  it('says how many digits it needs, and which objects an ambiguous prefix or name fits', () => {
    expect(() => findObject('aaaaaaa', objects)).to.throw('id: expected at least 8 digits of it, got 7 (aaaaaaa)')
    expect(() => findObject('aaaaaaaa', objects)).to.throw('fits 2 objects: aaaaaaaa1 b.txt, aaaaaaaa2 b.txt')
    expect(() => findObject('b.txt', objects)).to.throw('fits 2 objects: aaaaaaaa1 b.txt, aaaaaaaa2 b.txt')
  })
})
