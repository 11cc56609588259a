import { expect } from 'chai'
import { HoldfastError } from '../../base/errors.ts'
import { unixTime } from '../../base/units.ts'
import { assertObservation, dayOf, type Observation, observationHash, withinWindow } from '../../pool/observation.ts'
import { READER, seen } from './pattern-deeds.ts'

describe('pool/observation', () => {
  it('each field changes the hash, and texts cannot be moved from one field into the next', () => {
    const one = seen('probe-ok', 1)
    const others: Observation[] = [
      { ...one, at: unixTime(one.at + 1) },
      { ...one, accused: READER },
      { ...one, accuser: READER },
      { ...one, kind: 'swept' },
      { ...one, weight: 0 },
      { ...one, cluster: 'a' },
      { ...one, accuserCluster: 'a' },
      { ...one, cluster: 'ab', accuserCluster: 'c' },
      { ...one, cluster: 'a', accuserCluster: 'bc' },
      { ...one, blobId: '00'.repeat(32) },
    ]
    expect(new Set([one, ...others].map(observationHash)).size).to.equal(others.length + 1)
    expect(observationHash({ ...one })).to.equal(observationHash(one))
  })

  it('refuses a kind, a weight, a time, an address, a blob or a cluster that is none', () => {
    const one = seen('probe-ok', 1)
    assertObservation(one)
    const wrong: readonly object[] = [
      { kind: 'gossip' },
      { weight: 2 },
      { at: -1 },
      { at: Number.NaN },
      { accused: '0x12' },
      { blobId: 'abc' },
      { cluster: 'x'.repeat(101) },
    ]
    for (const change of wrong)
      expect(() => assertObservation({ ...one, ...change } as Observation), JSON.stringify(change)).to.throw(
        HoldfastError,
      )
  })

  it('a window holds what lies after its beginning and not after now', () => {
    const now = seen('probe-ok', 0).at
    const all = [0, 29.9, 30, -1].map((ago) => seen('probe-ok', ago))
    expect(withinWindow(all, now, 30 * 86_400)).to.deep.equal(all.slice(0, 2))
    expect(dayOf(now)).to.equal(1000)
  })
})
