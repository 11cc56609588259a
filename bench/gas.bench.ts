/** What the market's calls cost, on an in-process chain with fixed rules: the same code gives the same numbers every time. */
import { CEILINGS, measureGas } from './gas.ts'
import type { Bench, Row } from './report.ts'

/** Blobs of one uploader-steward pair and month, in the two markets of the target. */
const BLOBS_PER_PAIR = { '10 pairs, 1,000 blobs': 100, '1,000 pairs, 1,000,000 blobs': 1000 } as const

export const bench: Bench = {
  title: 'gas of posts, sweeps and dockets',
  run: async () => {
    const gas = await measureGas()
    const row = (label: string, value: number, ceiling: number): Row => ({
      label,
      value,
      unit: 'gas',
      target: `≤ ${ceiling.toLocaleString('en')}`,
      met: value <= ceiling,
    })
    const cycle = Math.max(
      ...Object.entries(gas.docketCycle).flatMap(([blobs, cost]) => (Number(blobs) > 8 ? [cost] : [])),
    )
    return [
      row('post, alone in its call', gas.postAlone, CEILINGS.postAlone),
      row('post, each of 100 in one call', gas.postOf100, CEILINGS.postOf100),
      row('sweep, alone in its call', gas.sweepAlone, CEILINGS.sweepAlone),
      row('sweep, each of 100 in one call', gas.sweepOf100, CEILINGS.sweepOf100),
      { label: 'first sweep ever of an account', value: gas.sweepFirst, unit: 'gas' },
      { label: 'revoke, alone in its call', value: gas.revokeAlone, unit: 'gas' },
      ...Object.entries(gas.docketCycle).map(([blobs, cost]): Row => {
        const label = `post and sweep of one docket of ${Number(blobs).toLocaleString('en')} blobs`
        // a docket of up to 8 stands in the note: its bytes are paid for beside the ceiling
        return Number(blobs) === 8 ? { label, value: cost, unit: 'gas' } : row(label, cost, CEILINGS.docketCycle)
      }),
      ...Object.entries(BLOBS_PER_PAIR).map(([label, blobs]) =>
        row(`a blob and month with one docket a pair and month: ${label}`, cycle / blobs, CEILINGS.docketCycle / blobs),
      ),
    ]
  },
}
