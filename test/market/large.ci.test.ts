/** Two gibibytes through a market: same bytes back, and memory that does not grow with the file. */
import { expect } from 'chai'
import { peakMemory, type Running } from '../processes.ts'
import { hashFile, useMarket } from './market.ts'

const GiB = 2 ** 30
const MiB = 2 ** 20
/** Peak memory, reliability.md I7. Measured with 1 GiB on a busy machine: put 332 MiB (356, and once 412, while threads kept their dead blocks), get 314, controller 162. */
const LIMITS = { put: 400 * MiB, get: 400 * MiB, controller: 400 * MiB } as const

/** Highest resident memory of a running command, in bytes. */
async function watch(running: Running): Promise<{ peak: number; code: number | undefined }> {
  let peak = 0
  let ended = false
  const end = running.ended(900_000).finally(() => {
    ended = true
  })
  while (!ended) {
    peak = Math.max(peak, peakMemory(running.pid) ?? 0)
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  return { peak, code: (await end).code }
}

describe('market: two gibibytes', function () {
  this.timeout(1_200_000)
  const market = useMarket(10)

  it('go in and come back bit for bit, in memory that does not grow with the file', async () => {
    const { sandbox, home, ready } = market()
    const { path, sha256 } = await market().file('large', 2 * GiB)
    const put = await watch(sandbox.start(['put', path, '--yes', '--json', '--home', home]))
    expect(put.code, 'put').to.equal(0)
    const out = sandbox.path('large-out')
    const get = await watch(
      sandbox.start(['get', 'large', '-o', out, '--overwrite', 'always', '--json', '--home', home]),
    )
    expect(get.code, 'get').to.equal(0)
    expect(await hashFile(out)).to.equal(sha256)
    const controller = peakMemory(ready.controller.pid) ?? 0
    const figures = { put: put.peak, get: get.peak, controller }
    console.log(
      `        peak memory, MiB: ${JSON.stringify(figures, (_, v) => (typeof v === 'number' ? Math.round(v / 2 ** 20) : v))}`,
    )
    for (const what of ['put', 'get', 'controller'] as const) expect(figures[what], what).to.be.within(1, LIMITS[what])
  })
})
