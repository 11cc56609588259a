/** Who plays in the demo: how many shares, and which steward cheats with which program. */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The steward that keeps hash states instead of bytes, and its program. */
export const CHEAT = 5
const ROOT = fileURLToPath(new URL('../..', import.meta.url))
/** Of the hostile cast; a copy without tests has no cheat, and the demo says nothing of one. */
export const CHEAT_PROGRAM = join(ROOT, 'test', 'cast', 'midstate-steward.ts')
/** The default code: any 3 of 10. */
export const [NEED, TOTAL] = [3, 10]
