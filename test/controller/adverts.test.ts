import { expect } from 'chai'
import { HoldfastError } from '../../base/errors.ts'
import { createAdverts } from '../../controller/adverts.ts'
import { realClock } from './memory-market.ts'

describe('controller/adverts', () => {
  it('tells of a refused fee once: the next advert of the same put waits for its own', async () => {
    const adverts = createAdverts(realClock, async () => false)
    adverts.refused('aa', new HoldfastError('TX_REVERTED', { what: 'balance too small' }))
    const first = await adverts.paid('aa', 1_000).catch((cause: unknown) => cause)
    expect(first).to.include({ code: 'TX_REVERTED' })
    const second = adverts.paid('bb', 5_000)
    adverts.seen('bb', true)
    await second
  })

  it('gives up waiting at its limit', async () => {
    const adverts = createAdverts(realClock, async () => false)
    expect(await adverts.paid('cc', 10).catch((cause: unknown) => cause)).to.include({ code: 'TIMED_OUT' })
  })
})
