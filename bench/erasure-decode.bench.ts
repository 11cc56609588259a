/** The worst case of reading: all three primary shares lost. */
import { erasureRows } from './erasure-rows.ts'
import type { Bench } from './report.ts'

export const bench: Bench = {
  title: 'erasure decoding, 3 of 10, three primaries lost',
  run: () => erasureRows('decode', { rate: 4, factor: 4 }),
}
