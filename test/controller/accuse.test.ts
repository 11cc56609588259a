import { expect } from 'chai'
import { troubleOf } from '../../controller/accuse.ts'

describe('controller/accuse', () => {
  it('takes another key in the holder’s place for silence, which convicts nobody, and says nothing of what is nobody’s fault', () => {
    expect(troubleOf('PEER_HANDSHAKE')).to.equal('timeout')
    expect(troubleOf('BLOB_CORRUPT')).to.equal('wrong-bytes')
    expect(troubleOf('INTERRUPTED')).to.equal(undefined)
    expect(troubleOf('PEER_STANDING')).to.equal(undefined)
  })
})
