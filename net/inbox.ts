/**
 * Inbox: the bytes of one stream that arrived and were not read yet. It stops the sender when it holds enough: memory per
 * stream is `HIGH` here plus at most one yamux window below it.
 */

/** Above this many unread bytes the stream is paused. */
const HIGH = 1024 * 1024
/** Below this many it is resumed. */
const LOW = 256 * 1024

/** The two calls an inbox makes on the stream that feeds it. */
export interface Faucet {
  pause(): void
  resume(): void
}

/** One reader at a time; chunks are kept as they came, without a copy, until they are taken. */
export class Inbox {
  readonly #faucet: Faucet
  #chunks: Uint8Array[] = []
  #next = 0
  #offset = 0
  #size = 0
  #isPaused = false
  #isEnded = false
  #wake: (() => void) | undefined

  constructor(faucet: Faucet) {
    this.#faucet = faucet
  }

  /** Unread bytes. */
  get size(): number {
    return this.#size
  }

  /** Nothing more will arrive (what arrived can still be read). */
  get isEnded(): boolean {
    return this.#isEnded
  }

  /** Something to read, or to know. */
  get isReadable(): boolean {
    return this.#size > 0 || this.#isEnded
  }

  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return
    this.#chunks.push(chunk)
    this.#size += chunk.length
    if (this.#size > HIGH && !this.#isPaused) {
      this.#isPaused = true
      this.#faucet.pause()
    }
    this.#wake?.()
  }

  end(): void {
    this.#isEnded = true
    this.#wake?.()
  }

  /** Forgets what is unread: after a failure nobody will read it. */
  clear(): void {
    this.#chunks = []
    this.#next = 0
    this.#offset = 0
    this.#size = 0
  }

  /** Resolves when `isReadable`, or after `ms` with false. The timer is the only thing that holds the process. */
  readable(ms: number): Promise<boolean> {
    if (this.isReadable) return Promise.resolve(true)
    return new Promise((resolve) => {
      const done = (answer: boolean) => {
        clearTimeout(timer)
        this.#wake = undefined
        resolve(answer)
      }
      const timer = setTimeout(() => done(false), Math.max(0, ms))
      this.#wake = () => done(true)
    })
  }

  /** The first `length` unread bytes, which stay unread; undefined when there are fewer. */
  peek(length: number): Uint8Array | undefined {
    if (length > this.#size) return undefined
    const found = new Uint8Array(length)
    let offset = this.#offset
    for (let at = 0, next = this.#next; at < length; next++) {
      const part = (this.#chunks[next] as Uint8Array).subarray(offset, offset + length - at)
      found.set(part, at)
      at += part.length
      offset = 0
    }
    return found
  }

  /** Copies up to `limit` unread bytes into `target` at `at`. Returns how many. */
  take(target: Uint8Array, at: number, limit: number): number {
    const wanted = Math.min(limit, this.#size)
    let taken = 0
    while (taken < wanted) {
      const chunk = this.#chunks[this.#next] as Uint8Array
      const part = chunk.subarray(this.#offset, this.#offset + wanted - taken)
      target.set(part, at + taken)
      taken += part.length
      this.#offset += part.length
      if (this.#offset === chunk.length) {
        this.#chunks[this.#next++] = EMPTY // lets go of the memory before the array is compacted
        this.#offset = 0
      }
    }
    this.#size -= taken
    if (this.#next === this.#chunks.length) {
      this.#chunks = []
      this.#next = 0
    } else if (this.#next > 4096) {
      this.#chunks = this.#chunks.slice(this.#next)
      this.#next = 0
    }
    if (this.#isPaused && this.#size < LOW) {
      this.#isPaused = false
      this.#faucet.resume()
    }
    return taken
  }
}

const EMPTY = new Uint8Array(0)
