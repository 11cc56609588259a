/** A steward's answer and claim key from a blob in memory, against the one hash over the bytes that cannot be saved. */
import { createHmac } from 'node:crypto'
import { sha256 } from '../base/hash.ts'
import type { Domain } from '../base/typed-data.ts'
import { MiB } from '../base/units.ts'
import { answerOf } from '../blob/challenge.ts'
import { claimKeyOf } from '../blob/docket.ts'
import { blobIdOf } from '../blob/whiten.ts'
import { compare, seededBytes, timed } from './measure.ts'
import type { Bench } from './report.ts'

const LENGTH = 35 * MiB
const REPEATS = 12
const DOMAIN: Domain = { chainId: 31337, contract: `0x${'11'.repeat(20)}` }

export const bench: Bench = {
  title: 'claim key from a share of 35 MiB in memory',
  run: async () => {
    const blob = seededBytes(LENGTH)
    const blobId = blobIdOf(blob)
    const nonces = Array.from({ length: REPEATS }, (_, index) => sha256(Uint8Array.of(index)))
    const rate = async (work: (nonce: Uint8Array) => unknown) => {
      const { cpuSeconds } = await timed(() => nonces.forEach(work))
      return (REPEATS * LENGTH) / cpuSeconds / 1e9
    }
    const comparison = await compare(
      () => rate((nonce) => createHmac('sha256', nonce).update(blob).digest()),
      () => rate((nonce) => claimKeyOf(DOMAIN, [{ blobId, nonce, answer: answerOf(DOMAIN, blobId, blob, nonce) }])),
    )
    return [
      {
        label: 'nonce to claim key',
        value: comparison.ours,
        unit: 'GB per CPU-s',
        against: 'raw HMAC-SHA256 of the same bytes',
        comparison,
        target: '≥ 0.95',
        met: comparison.ratio.median >= 0.95,
      },
    ]
  },
}
