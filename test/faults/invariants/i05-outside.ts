/** I5: nothing is written outside the configured directories. */
import { basename } from 'node:path'
import { expect } from 'chai'
import { filesOutside, type World } from '../world.ts'

/** A get that is killed cannot take away what it was writing beside its target (docs/known-gaps.md). */
const LEFT_BY_A_KILL = /^\.holdfast\.\d+\.\d+\.tmp$/

export async function nothingOutside({ market, own }: World): Promise<string> {
  const found = await filesOutside(market)
  const unexpected = found.filter((path) => !own.has(path) && !LEFT_BY_A_KILL.test(basename(path)))
  expect(unexpected, 'I5: outside the home').to.deep.equal([])
  return `${found.length} paths outside the home, all ours`
}
