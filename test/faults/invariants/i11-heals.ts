/** I11: the system heals: no bounty open, no transaction on its way, every share of every object held and proved. */
import { expect } from 'chai'
import type { ShareLine } from '../../market/market.ts'
import type { World } from '../world.ts'

export async function healed(world: World): Promise<string> {
  const { last } = await world.ok(['controller', 'status'])
  expect((last as unknown as { bounties: { open: number } }).bounties.open, 'I11: open bounties').to.equal(0)
  let shares = 0
  for (const { id } of world.acks.acknowledged('object')) {
    const { lines } = await world.ok(['stat', id, '--shares'])
    for (const line of lines.filter(({ type }) => type === 'share' || type === 'copy') as ShareLine[]) {
      expect(line.state, `I11: ${line.type} ${line.share} of ${id}`).to.equal('held')
      expect(line.checksDone, `I11: checks of ${line.type} ${line.share} of ${id}`).to.be.at.least(1)
      shares++
    }
  }
  return `${shares} shares and copies held and proved, nothing open`
}
