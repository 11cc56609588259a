import { expect } from 'chai'
import type { Change } from '../../base/ports.ts'
import { createFaultPoint, withFaultPoints } from '../../cli/faults.ts'
import { memoryJournal } from '../chain/memory-journal.ts'
import { rejection, silent } from '../chain/ports.ts'

const asked = { HOLDFAST_FAULT: 'here:2:error', HOLDFAST_TESTING: '1' }

describe('cli/faults', () => {
  it('does nothing in a normal start: not asked, not testing, or on any chain that is not the dev chain', () => {
    expect(createFaultPoint({ environment: {} }, 31_337, silent)).to.equal(undefined)
    expect(createFaultPoint({ environment: { HOLDFAST_TESTING: '1' } }, 31_337, silent)).to.equal(undefined)
    expect(createFaultPoint({ environment: { ...asked, HOLDFAST_TESTING: '0' } }, 31_337, silent)).to.equal(undefined)
    expect(createFaultPoint({ environment: { HOLDFAST_FAULT: asked.HOLDFAST_FAULT } }, 31_337, silent)).to.equal(
      undefined,
    )
    expect(createFaultPoint({ environment: asked }, 1, silent)).to.equal(undefined)
  })

  it('acts on the n-th visit of its site, once, and refuses what it cannot read', () => {
    const fault = createFaultPoint({ environment: asked }, 31_337, silent)
    fault?.('here')
    fault?.('there')
    expect(() => fault?.('here')).to.throw('fault injected at here')
    fault?.('here')
    const environment = { ...asked, HOLDFAST_FAULT: 'here' }
    expect(() => createFaultPoint({ environment }, 31_337, silent)).to.throw('site:n:kill|stop|error')
  })

  it('stands before and after each commit of a journal', async () => {
    const seen: string[] = []
    const bare = memoryJournal()
    const journal = withFaultPoints(bare, 'ledger', (site) => {
      seen.push(site)
      if (seen.length === 3) throw new Error('stopped')
    })
    const change: Change = { key: 'a', value: Uint8Array.of(1) }
    await journal.commit([change])
    expect(seen).to.deep.equal(['ledger.commit', 'ledger.committed'])
    expect(await rejection(journal.commit([{ ...change, key: 'b' }]))).to.have.property('message', 'stopped')
    expect(await journal.get('a')).to.deep.equal(change.value)
    expect(await journal.get('b')).to.equal(undefined)
    expect(withFaultPoints(bare, 'ledger', undefined)).to.equal(bare)
  })
})
