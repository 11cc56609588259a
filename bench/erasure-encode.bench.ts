/** Making the seven secondary shares of 3-of-10. */
import { erasureRows } from './erasure-rows.ts'
import type { Bench } from './report.ts'

export const bench: Bench = {
  title: 'erasure coding, 3 of 10, seven secondary shares',
  run: () => erasureRows('encode', { rate: 1.5, factor: 4 }),
}
