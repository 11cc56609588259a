/**
 * Wire: one stream to one peer. Frames are a u32 length and canonical CBOR; raw ranges follow where the protocol says so.
 * Every read has a cap that is checked before anything is allocated, and a deadline; every write waits for the peer to keep up.
 * docs/spec/wire.md, section 2.
 */
import { concat, readU32, u32 } from '../base/bytes.ts'
import { type CborValue, decodeCbor, encodeCbor } from '../base/codec.ts'
import type { Address } from '../base/curve.ts'
import { asHoldfastError, HoldfastError } from '../base/errors.ts'
import type { Clock } from '../base/ports.ts'
import { Inbox } from './inbox.ts'
import { encodeError, errorOf } from './peer-error.ts'

/** Bytes handed over at once, in both directions. performance.md: larger chunks cost memory and gain nothing. */
export const CHUNK = 256 * 1024

/** Deadlines of a stream. Milliseconds, and bytes per second. */
export interface WireLimits {
  /** Longest silence while something is awaited. */
  readonly idleMs: number
  /** Longest time for one frame, from the start of waiting to its last byte. */
  readonly messageMs: number
  /** A raw range may take `idleMs` plus its length at this pace, waiting time only: our own slowness is not the peer's fault. */
  readonly minBytesPerSecond: number
  /** How long the peer has to close its side after we closed ours. */
  readonly lingerMs: number
}

export const WIRE_LIMITS: WireLimits = {
  idleMs: 30_000,
  messageMs: 30_000,
  minBytesPerSecond: 16 * 1024,
  lingerMs: 3_000,
}

/** What can be sent as raw bytes. The memory must stay unchanged until `sendBytes` resolves. */
export type ByteSource = Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>

/** Overrides for one receive. */
export interface ReceiveOptions {
  /** Instead of the limits' `messageMs` and `idleMs`, where the protocol waits for people or windows. Milliseconds. */
  readonly within?: number
}

/** One stream. Methods are called one at a time in each direction. Every failure closes it for good. */
export interface Wire {
  readonly protocol: string
  /** Actor id of the peer key at the other end. */
  readonly remote: Address
  /** Aborted when the stream is over, whoever ended it: nothing that is said will be heard. The reason is a `HoldfastError`. */
  readonly gone: AbortSignal
  /** Sends one frame. */
  send(value: CborValue): Promise<void>
  /** Sends raw bytes, no faster than the peer takes them. @throws the peer's error, when it refuses in the middle. */
  sendBytes(source: ByteSource): Promise<void>
  /** One frame. @throws `NET_OVERSIZE` over `maxBytes`, `NET_TIMEOUT`, `NET_CLOSED`, `NET_MALFORMED`, or the error the peer sent in its place. */
  receive(maxBytes: number, options?: ReceiveOptions): Promise<CborValue>
  /** One frame, or undefined when the peer closed its side between two frames. */
  receiveOrEnd(maxBytes: number, options?: ReceiveOptions): Promise<CborValue | undefined>
  /** The peer closes its side and says nothing more. @throws the error it sent instead; `NET_PROTOCOL` for anything else. */
  receiveEnd(options?: ReceiveOptions): Promise<void>
  /** Exactly `length` raw bytes in chunks of at most `CHUNK`; each chunk belongs to the reader. */
  receiveBytes(length: number): AsyncIterable<Uint8Array>
  /** Fills `target` with raw bytes: one copy. */
  receiveInto(target: Uint8Array): Promise<void>
  /** Flushes and closes our side; the rest closes by itself. Safe to call twice. */
  close(): Promise<void>
  /** Tells the peer the code (nothing else) when that is still possible, and ends the stream. */
  abort(cause: unknown): void
}

/** What a wire needs of a libp2p stream. */
export interface RawStream {
  readonly protocol: string
  readonly status: string
  readonly readableEnded: boolean
  readonly readBufferLength: number
  writableNeedsDrain: boolean
  send(data: Uint8Array): boolean
  pause(): void
  resume(): void
  close(options?: { signal?: AbortSignal }): Promise<void>
  abort(error: Error): void
  addEventListener(type: string, listener: (event: never) => void): void
  removeEventListener(type: string, listener: (event: never) => void): void
}

/** What surrounds a wire. */
export interface WireContext {
  readonly remote: Address
  readonly limits: WireLimits
  readonly clock: Clock
  /** Aborting it ends the stream with the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

/** A wire over a negotiated stream. Takes the stream over: nobody else may read it. */
export function openWire(stream: RawStream, context: WireContext): Wire {
  return new StreamWire(stream, context)
}

/** Parts of a message are plain or lists (`Uint8ArrayList`) of the pieces that came off the socket. */
type MessageEvent = { readonly data: Uint8Array | Iterable<Uint8Array> }

class StreamWire implements Wire {
  readonly protocol: string
  readonly remote: Address
  readonly #stream: RawStream
  readonly #limits: WireLimits
  readonly #clock: Clock
  readonly #inbox: Inbox
  readonly #detach: () => void
  readonly #gone = new AbortController()
  /** The first one: it explains all that follow. */
  #failure: HoldfastError | undefined
  #isClosing = false
  /** In the middle of a raw range: an error frame would be taken for its bytes. */
  #isRaw = false
  /** Ends a wait for the stream to drain. */
  #nudge: ((news: 'drained' | 'spoke' | 'lost') => void) | undefined

  constructor(stream: RawStream, context: WireContext) {
    this.#stream = stream
    this.protocol = stream.protocol
    this.remote = context.remote
    this.#limits = context.limits
    this.#clock = context.clock
    this.#inbox = new Inbox({
      pause: () => quietly(() => stream.pause()),
      resume: () => quietly(() => stream.resume()),
    })
    const onAbort = () => this.#fail(abortReason(context.signal), false)
    this.#detach = () => context.signal?.removeEventListener('abort', onAbort)
    stream.addEventListener('message', (event: MessageEvent) => this.#onMessage(event))
    stream.addEventListener('drain', () => this.#nudge?.('drained'))
    stream.addEventListener('end', () => this.#inbox.end())
    stream.addEventListener('close', (event: { readonly error?: Error }) => this.#onClose(event.error))
    context.signal?.addEventListener('abort', onAbort)
    if ((stream.readableEnded && stream.readBufferLength === 0) || stream.status !== 'open') this.#inbox.end()
    if (context.signal?.aborted === true) onAbort()
  }

  get gone(): AbortSignal {
    return this.#gone.signal
  }

  async send(value: CborValue): Promise<void> {
    const body = encodeCbor(value)
    await this.#write(concat(u32(body.length), body), false)
  }

  async sendBytes(source: ByteSource): Promise<void> {
    this.#isRaw = true
    for await (const part of source instanceof Uint8Array ? [source] : source)
      for (let at = 0; at < part.length; at += CHUNK) await this.#write(part.subarray(at, at + CHUNK), true)
    this.#isRaw = false
  }

  async receive(maxBytes: number, options: ReceiveOptions = {}): Promise<CborValue> {
    const value = await this.receiveOrEnd(maxBytes, options)
    if (value === undefined) throw this.#fail(new HoldfastError('NET_CLOSED', { what: this.remote }), false)
    return value
  }

  async receiveOrEnd(maxBytes: number, options: ReceiveOptions = {}): Promise<CborValue | undefined> {
    const totalMs = options.within ?? this.#limits.messageMs
    const patience = { totalMs, idleMs: options.within ?? this.#limits.idleMs, waitedMs: 0 }
    const head = new Uint8Array(4)
    if (!(await this.#fill(head, patience, true))) return undefined
    const length = readU32(head, 0)
    if (length > maxBytes) throw this.#fail(new HoldfastError('NET_OVERSIZE', { limit: maxBytes, got: length }), true)
    const body = new Uint8Array(length)
    await this.#fill(body, patience, false)
    let value: CborValue
    try {
      value = decodeCbor(body, maxBytes)
    } catch (cause) {
      throw this.#fail(asHoldfastError(cause), true)
    }
    const told = errorOf(value, this.remote)
    if (told === undefined) return value
    this.#fail(told, false)
    throw told
  }

  async receiveEnd(options: ReceiveOptions = {}): Promise<void> {
    const value = await this.receiveOrEnd(MAX_ERROR, options)
    if (value !== undefined)
      throw this.#fail(new HoldfastError('NET_PROTOCOL', { what: `${this.protocol}: a message` }), true)
  }

  async *receiveBytes(length: number): AsyncIterable<Uint8Array> {
    const patience = this.#rawPatience(length)
    for (let at = 0; at < length; at += CHUNK) {
      const chunk = new Uint8Array(Buffer.allocUnsafeSlow(Math.min(CHUNK, length - at)).buffer)
      await this.#fill(chunk, patience, false)
      yield chunk
    }
  }

  async receiveInto(target: Uint8Array): Promise<void> {
    await this.#fill(target, this.#rawPatience(target.length), false)
  }

  async close(): Promise<void> {
    if (this.#isClosing || this.#failure !== undefined) return
    this.#isClosing = true
    try {
      await this.#stream.close({ signal: AbortSignal.timeout(this.#limits.idleMs) })
    } catch (cause) {
      throw this.#fail(new HoldfastError('NET_CLOSED', { what: this.remote }, { cause }), false)
    }
    this.#linger()
  }

  abort(cause: unknown): void {
    this.#fail(asHoldfastError(cause), true)
  }

  #onMessage(event: MessageEvent): void {
    if (this.#failure !== undefined) return // nobody will read it
    if (event.data instanceof Uint8Array) this.#inbox.push(event.data)
    else for (const part of event.data) this.#inbox.push(part)
    // Bytes that protocol negotiation read ahead are put back after 'end', which is not emitted again.
    if (this.#stream.readableEnded && this.#stream.readBufferLength === 0) this.#inbox.end()
    this.#nudge?.('spoke')
  }

  #onClose(cause: Error | undefined): void {
    this.#detach()
    if (cause !== undefined) this.#failure ??= new HoldfastError('NET_CLOSED', { what: this.remote }, { cause })
    this.#inbox.end()
    this.#nudge?.('lost')
    this.#gone.abort(this.#failure ?? new HoldfastError('NET_CLOSED', { what: this.remote }))
  }

  /** Ends the stream for good. `isTold`: the peer hears the number, unless it is in the middle of raw bytes. Returns the first failure. */
  #fail(error: HoldfastError, isTold: boolean): HoldfastError {
    if (this.#failure !== undefined) return this.#failure
    this.#failure = error
    this.#inbox.end()
    this.#nudge?.('lost')
    this.#gone.abort(error)
    if (!isTold || this.#isRaw || this.#isClosing || this.#stream.status !== 'open') this.#reset(error)
    else this.#tell(error)
    return error
  }

  #tell(error: HoldfastError): void {
    this.#isClosing = true
    const body = encodeCbor(encodeError(error))
    quietly(() => this.#stream.send(concat(u32(body.length), body)))
    this.#stream.close({ signal: AbortSignal.timeout(this.#limits.lingerMs) }).then(
      () => this.#linger(),
      () => this.#reset(error),
    )
  }

  #reset(error: Error): void {
    this.#detach()
    quietly(() => this.#stream.abort(error))
  }

  /** Half-closed streams count against the peer's quota: after a while the whole stream goes. */
  #linger(): void {
    this.#detach()
    if (this.#stream.readableEnded || this.#stream.status !== 'open') return
    const timer = setTimeout(() => this.#reset(new Error('not closed by the other side')), this.#limits.lingerMs)
    timer.unref()
    this.#stream.addEventListener('close', () => clearTimeout(timer))
    this.#stream.addEventListener('end', () => clearTimeout(timer))
  }

  /**
   * Hands bytes to the stream and waits until it takes more. In a raw range the peer may refuse, which ends it. It may also answer already:
   * it can have the last bytes before we hear that they are gone.
   */
  async #write(bytes: Uint8Array, isRaw: boolean): Promise<void> {
    if (this.#failure !== undefined) return this.#explainLoss()
    try {
      this.#stream.send(bytes)
    } catch (cause) {
      this.#failure ??= new HoldfastError('NET_CLOSED', { what: this.remote }, { cause })
      return this.#explainLoss()
    }
    while (this.#stream.writableNeedsDrain) {
      const news = isRaw && this.#isRefused() ? 'spoke' : await this.#drained(isRaw)
      if (news === 'late')
        throw this.#fail(
          new HoldfastError('NET_TIMEOUT', { what: this.remote, limit: `${this.#limits.idleMs} ms` }),
          false,
        )
      if (news !== 'drained') return this.#explainLoss()
    }
  }

  /** libp2p's own `onDrain()` resolves at once from its second call on, so the event is awaited here. */
  #drained(isRaw: boolean): Promise<'drained' | 'late' | 'spoke' | 'lost'> {
    return new Promise((resolve) => {
      const done = (news: 'drained' | 'late' | 'spoke' | 'lost') => {
        if (news === 'spoke' && !(isRaw && this.#isRefused())) return
        clearTimeout(timer)
        this.#nudge = undefined
        resolve(news)
      }
      const timer = setTimeout(() => done('late'), this.#limits.idleMs)
      this.#nudge = done
    })
  }

  /** An error frame is the next thing to read. */
  #isRefused(): boolean {
    const head = this.#inbox.peek(4)
    if (head === undefined) return false
    const length = readU32(head, 0)
    const frame = length <= MAX_ERROR ? this.#inbox.peek(4 + length) : undefined
    if (frame === undefined) return false
    try {
      return errorOf(decodeCbor(frame.subarray(4), MAX_ERROR), this.remote) !== undefined
    } catch {
      return false // no frame at all: whoever reads it says so
    }
  }

  /** The stream broke, or the peer refused, while we were sending: its error frame, if there is one, is the better explanation. */
  async #explainLoss(): Promise<never> {
    if (this.#isRefused()) await this.receiveOrEnd(MAX_ERROR)
    throw this.#fail(new HoldfastError('NET_CLOSED', { what: this.remote }), false)
  }

  #rawPatience(length: number): Patience {
    return {
      totalMs: this.#limits.idleMs + (length / this.#limits.minBytesPerSecond) * 1000,
      idleMs: this.#limits.idleMs,
      waitedMs: 0,
    }
  }

  /** Fills `target`, waiting no longer than `patience` allows. False: the stream ended before its first byte, and that is allowed. */
  async #fill(target: Uint8Array, patience: Patience, mayEnd: boolean): Promise<boolean> {
    let at = 0
    while (at < target.length) {
      if (this.#inbox.size > 0) {
        at += this.#inbox.take(target, at, target.length - at)
        continue
      }
      if (this.#failure !== undefined) throw this.#failure
      if (this.#inbox.isEnded) {
        if (mayEnd && at === 0) return false
        throw this.#fail(new HoldfastError('NET_CLOSED', { what: this.remote }), false)
      }
      const limit = Math.min(patience.idleMs, patience.totalMs - patience.waitedMs)
      const since = this.#clock.monotonic()
      const isReadable = await this.#inbox.readable(limit)
      patience.waitedMs += this.#clock.monotonic() - since
      if (!isReadable)
        throw this.#fail(
          new HoldfastError('NET_TIMEOUT', { what: this.remote, limit: `${Math.round(limit)} ms` }),
          true,
        )
    }
    return true
  }
}

/** Calls into a stream that may just have closed: its 'close' event tells why. */
function quietly(act: () => void): void {
  try {
    act()
  } catch {
    // told by the event
  }
}

/** Cap of an error frame: the map, the key and a number. */
const MAX_ERROR = 32

interface Patience {
  readonly totalMs: number
  readonly idleMs: number
  waitedMs: number
}

function abortReason(signal: AbortSignal | undefined): HoldfastError {
  const reason: unknown = signal?.reason
  return reason instanceof HoldfastError ? reason : new HoldfastError('INTERRUPTED', {}, { cause: reason })
}
