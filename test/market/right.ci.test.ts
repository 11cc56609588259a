/** Who stores for others stores elsewhere without money: real processes, from the command line only. */
import { expect } from 'chai'
import { eventually } from '../net/nodes.ts'
import { hashFile, useMarket } from './market.ts'

describe('market: the right to store', function () {
  this.timeout(400_000)
  const market = useMarket(5)

  it('stores without an advert or rent, gives it back, and has it checked and kept for a month and a half', async () => {
    const { path, sha256 } = await market().file('free', 300_000)
    const before = (await market().ok(['status'])).last
    const stored = await market().put(path, '--right', '--code', '2/4')
    expect(stored).to.deep.include({ bytes: 300_000, blobs: 8 })
    expect((stored['cost'] as { rent: string; advert: string }).rent).to.equal('0')
    expect((stored['cost'] as { rent: string; advert: string }).advert).to.equal('0')
    expect(before['type']).to.equal('summary')

    const out = market().sandbox.path('free-out')
    await market().ok(['get', stored.id, '-o', out])
    expect(await hashFile(out)).to.equal(sha256)

    await market().ok(['devnet', 'advance', '45d'], { timeoutMs: 240_000 })
    const lines = await market().shares(stored.id)
    expect(lines).to.have.length(8)
    expect(lines.every(({ state, checksDone }) => state === 'held' && checksDone > 2)).to.equal(true)
  })

  it('has what is paid for lent to those who may verify it', async () => {
    const { path } = await market().file('paid', 200_000)
    await market().put(path, '--code', '2/4')
    const id = market().ready.stewards[0]?.id as string
    await eventually(async () => {
      const { last } = await market().ok(['steward', 'status', '--id', id])
      return ((last['right'] as { deposits: number } | undefined)?.deposits ?? 0) >= 6
    }, 60_000)
  })

  it('says so when the allowance of a newcomer is used up, and stores nothing', async () => {
    const { path } = await market().file('too-much', 40 * 2 ** 20)
    const failed = await market().run(['put', path, '--right', '--code', '1/2', '--yes'], { timeoutMs: 120_000 })
    expect(failed.code).to.equal(7)
    expect(failed.last).to.include({ type: 'error', code: 'RIGHT_UNPROVEN' })
    expect((await market().ok(['ls'])).lines.filter(({ name }) => name === 'too-much')).to.deep.equal([])
  })
})
