/** I4: a restart needs no manual step: only the same command line was run again, and each daemon was ready within ten seconds. */
import { loadavg } from 'node:os'
import { expect } from 'chai'
import type { World } from '../world.ts'

const READY_SECONDS = 10

/** On a machine with more to do than cores, ten seconds stretch by so much. */
const stretch = () => Math.max(1, loadavg()[0] as number)

export function restartsAlone({
  readyTimes,
  refusals,
  daemons,
}: Pick<World, 'readyTimes' | 'refusals' | 'daemons'>): string {
  const slowest = Math.max(...readyTimes)
  expect(slowest, 'I4: seconds from the slowest start to readiness').to.be.at.most(READY_SECONDS * stretch())
  for (const daemon of daemons) expect(daemon.isRunning, `I4: ${daemon.name} runs`).to.equal(true)
  return `${readyTimes.length} starts, the slowest ready in ${slowest.toFixed(1)} s; ${refusals()} refused the lock first`
}
