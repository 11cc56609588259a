/**
 * Reading a docket: every blob on it once, a few at a time, each checked against its id in the reading that answers for it. What is lost
 * does not stop the others: a release names all lost blobs of its docket. What cannot be read now stops them, as it is tried again anyway.
 */
import { toHex } from '../base/bytes.ts'
import type { Address } from '../base/curve.ts'
import { asHoldfastError, HoldfastError, hasCode } from '../base/errors.ts'
import type { Clock } from '../base/ports.ts'
import type { AnsweredChallenge, Challenge } from '../blob/docket.ts'
import type { Book } from './book.ts'
import type { Damage } from './damage.ts'
import type { Answer } from './ports.ts'

/** Blobs read at the same time: a disk likes a queue, memory does not. */
const READERS = 4
/** Longest reading of a blob: a fixed part, and its length at a megabyte a second. Milliseconds. */
const READ_MS = 60_000
const READ_BYTES_PER_MS = 1000

export interface ReadingDeps {
  readonly book: Book
  readonly answer: Answer
  readonly damage: Pick<Damage, 'confirm'>
  readonly clock: Clock
  /** The daemon ends: so does all reading. */
  readonly signal: AbortSignal
}

/** What came of a docket. */
export interface DocketReading {
  /** In docket order; only when nothing is lost or unread. */
  readonly answered: readonly AnsweredChallenge[]
  /** Ids of blobs that are lost, hex. */
  readonly lost: ReadonlySet<string>
  /** Blobs that could not be read now, hex, and why. */
  readonly unread: ReadonlyMap<string, HoldfastError>
  /** Blobs that were read and are whole. */
  readonly whole: number
}

export function createReading({ book, answer, damage, clock, signal }: ReadingDeps) {
  /**
   * @param isThorough goes on after a blob that cannot be read
   * @param turn awaited before each blob; what it throws ends the reading
   * @throws the signal's reason
   */
  async function readDocket(
    challenges: readonly Challenge[],
    poster: Address,
    isThorough: boolean,
    turn?: () => Promise<void>,
  ): Promise<DocketReading> {
    const answered: AnsweredChallenge[] = new Array(challenges.length)
    const lost = new Set<string>()
    const unread = new Map<string, HoldfastError>()
    let [next, whole] = [0, 0]
    const readOn = async () => {
      while (next < challenges.length && (isThorough || unread.size === 0)) {
        signal.throwIfAborted()
        const at = next++
        const challenge = challenges[at] as Challenge
        await turn?.()
        const blob = toHex(challenge.blobId)
        const read = await readOne(challenge, poster)
        if (read instanceof Uint8Array) {
          answered[at] = { ...challenge, answer: read }
          whole++
        } else if (read === 'lost') lost.add(blob)
        else unread.set(blob, read)
      }
    }
    await Promise.all(Array.from({ length: Math.min(READERS, challenges.length) }, readOn))
    return { answered, lost, unread, whole }
  }

  /** The answer, or what is in its way. */
  async function readOne(challenge: Challenge, poster: Address): Promise<Uint8Array | 'lost' | HoldfastError> {
    const { blobId, nonce } = challenge
    const blob = toHex(blobId)
    const held = book.livingOf(blob, poster)?.held
    if (!held || held.lost) return 'lost' // the poster was right to ask for what it placed here
    try {
      const [answered] = await inTime(answer({ blobId, length: held.length }, [nonce]), held.length)
      return answered as Uint8Array
    } catch (cause) {
      signal.throwIfAborted()
      if (!hasCode(cause, 'BLOB_CORRUPT', 'BLOB_UNKNOWN')) return asHoldfastError(cause)
      const finding = await untilStopped(damage.confirm(blob, 'answer'))
      return finding.kind === 'lost' || finding.kind === 'free' ? 'lost' : cause
    }
  }

  /** A disk that hangs must not keep a bounty from being tried again. @throws `STORE_UNUSABLE` */
  async function inTime<Value>(value: Promise<Value>, length: number): Promise<Value> {
    const over = new AbortController()
    const ms = READ_MS + Math.ceil(length / READ_BYTES_PER_MS)
    const late = clock.sleep(ms, over.signal).then(() => {
      throw new HoldfastError('STORE_UNUSABLE', { path: 'the volume', what: `a blob was not read within ${ms} ms` })
    })
    try {
      return await untilStopped(Promise.race([value, late]))
    } finally {
      late.catch(() => undefined) // nobody waits for it any more
      over.abort()
    }
  }

  /** A disk that hangs must not keep the daemon from ending. */
  function untilStopped<Value>(value: Promise<Value>): Promise<Value> {
    return new Promise((resolve, reject) => {
      const onStop = () => reject(signal.reason)
      if (signal.aborted) onStop()
      signal.addEventListener('abort', onStop)
      value.then(resolve, reject).finally(() => signal.removeEventListener('abort', onStop))
    })
  }

  return readDocket
}
