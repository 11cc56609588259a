/** What a put tells while it runs, for the one line of progress (interface.md §7). */
import type { Address } from '../base/curve.ts'
import type { HoldfastError } from '../base/errors.ts'
import type { Award } from './put-book.ts'

export type PutProgress =
  | { readonly kind: 'phase'; readonly phase: 'auction' | 'sending' | 'manifest' | 'finishing' }
  | { readonly kind: 'award'; readonly award: Award }
  /** Bytes of blobs that went out, those of earlier runs included, and all there are. */
  | { readonly kind: 'bytes'; readonly sent: number; readonly total: number }
  /** A segment is done: `held` of `of` shares have a steward. */
  | { readonly kind: 'segment'; readonly segment: number; readonly held: number; readonly of: number }
  /** A steward is tried again. */
  | { readonly kind: 'retry'; readonly lot: number; readonly steward: Address; readonly why: HoldfastError }
  /** A steward's lot went to the runner-up, or, without `by`, to nobody. */
  | {
      readonly kind: 'replaced'
      readonly lot: number
      readonly failed: Address
      readonly by?: Address
      readonly why: HoldfastError
    }
