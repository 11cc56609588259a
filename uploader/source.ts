/** What is read by a put and written by a get. The composition root opens files (store/); here are only the small interfaces this folder needs. */
import { createHash } from 'node:crypto'
import { MiB } from '../base/units.ts'

/** Bytes to be stored: of a known size, readable at any place, as often as needed. */
export interface Source {
  /** Bytes. */
  readonly size: number
  /** For messages. */
  readonly path: string
  /**
   * Exactly `length` bytes from `offset`.
   * @param into where they may go, if not into new memory; at least as long
   * @throws `INPUT_CHANGED` when they are not all there any more
   */
  read(offset: number, length: number, into?: Uint8Array): Promise<Uint8Array>
  /** @throws `INPUT_CHANGED` when it is not what was opened any more */
  assertUnchanged(): Promise<void>
}

/** Where a get writes plaintext, in order; each call awaited before the next. */
export interface Sink {
  /** Resolves once the bytes are out of its hands: their memory is used again. */
  write(bytes: Uint8Array): Promise<void>
}

const STEP = MiB

/** SHA-256 of a whole source: the `contentHash` of its object. One read. */
export async function contentHashOf(source: Source): Promise<Uint8Array> {
  const whole = createHash('sha256')
  const room = new Uint8Array(Math.min(STEP, source.size))
  for (let at = 0; at < source.size; at += STEP)
    whole.update(await source.read(at, Math.min(STEP, source.size - at), room))
  return whole.digest()
}
