import { expect } from 'chai'
import { fromHex } from '../../base/bytes.ts'
import { DAY } from '../../base/units.ts'
import { nonceOf } from '../../blob/challenge.ts'
import { docketHashOf, encodeDocket } from '../../blob/docket.ts'
import { type PostedDocket, recognise } from '../../controller/adopt.ts'
import { POLICY } from '../../controller/policy.ts'
import { deadlineOf } from '../../controller/schedule.ts'
import { aPlacement, START, stewardOf } from './placement-builder.ts'

const nonceKey = new Uint8Array(32).fill(4)
const deps = { nonceKey, policy: POLICY }
const due = START + DAY
const challenge = (blobId: string, row: number) => {
  const id = fromHex(blobId, 32)
  return { blobId: id, nonce: nonceOf(nonceKey, id, row) }
}
const aPost = (docket: Uint8Array, change: Partial<PostedDocket> = {}): PostedDocket => ({
  steward: stewardOf(1),
  claimKey: stewardOf(9),
  amount: 10n ** 12n,
  deadline: deadlineOf(due),
  docketHash: docketHashOf(docket),
  note: new Uint8Array(),
  at: due + 60,
  ...change,
})

describe('controller/adopt', () => {
  const one = aPlacement({ n: 1 })
  const two = aPlacement({ n: 2 })
  const docket = encodeDocket([challenge(one.blobId, 0), challenge(two.blobId, 0)])

  it('reads from a note which row each blob was asked, also rows it has no answers for', () => {
    const note = encodeDocket([challenge(one.blobId, 11), challenge('ff'.repeat(32), 0)])
    expect(recognise(aPost(note, { note }), [one, two], deps)).to.deep.equal({
      due,
      asked: [{ placement: one.id, row: 11 }],
      docket: note,
      isWhole: false, // it asks for a blob that nobody here knows
    })
  })

  it('finds a docket that is known by its hash alone, and its bytes for a steward that lacks them', () => {
    const found = recognise(aPost(docket), [two, one], deps)
    expect(found?.docket).to.deep.equal(docket)
    expect(found?.asked.map(({ placement }) => placement)).to.have.members([one.id, two.id])
  })

  it('finds it also when it was mined hours after it was due', () => {
    expect(recognise(aPost(docket, { at: due + 2.5 * 3600 }), [one, two], deps)?.asked).to.have.length(2)
  })

  it('takes the placements that were due for asked when the docket has blobs it never heard of', () => {
    const larger = encodeDocket([challenge(one.blobId, 0), challenge(two.blobId, 0), challenge('ff'.repeat(32), 0)])
    const found = recognise(aPost(larger), [one, two], deps)
    expect(found?.asked).to.have.length(2)
    expect(found?.docket, 'its bytes are not known').to.equal(undefined)
  })

  it('claims nothing when too little is paid for them, or nothing was due', () => {
    const other = encodeDocket([challenge('ff'.repeat(32), 0)])
    expect(recognise(aPost(other, { amount: 1n }), [one, two], deps)).to.equal(undefined)
    expect(recognise(aPost(other, { at: START + 3600, deadline: deadlineOf(START) }), [one, two], deps)).to.equal(
      undefined,
    )
  })
})
