/**
 * A plain TCP socket as a stream that a wire can run on: the same frames, without encryption and without a muxer, so one socket is one
 * stream. Written bytes count as gone when the system has them: nothing is copied here, and their owner may use the memory again.
 */
import type { Socket } from 'node:net'
import type { RawStream } from './wire.ts'

type Listener = (event: never) => void

/** Takes the socket over, which must be new or paused: a wire has to be put on it in the same turn. @param protocol for messages */
export function streamOf(socket: Socket, protocol: string): RawStream {
  return new SocketStream(socket, protocol)
}

class SocketStream implements RawStream {
  readonly protocol: string
  /** Nothing is kept here: what arrives is handed on at once. */
  readonly readBufferLength = 0
  readableEnded = false
  readonly #socket: Socket
  readonly #listeners = new Map<string, Set<Listener>>()
  #pending = 0
  #failure: Error | undefined

  constructor(socket: Socket, protocol: string) {
    this.#socket = socket
    this.protocol = protocol
    socket.setNoDelay(true)
    socket.on('data', (data: Buffer) => this.#emit('message', { data }))
    socket.on('end', () => {
      this.readableEnded = true
      this.#emit('end', {})
    })
    socket.on('error', (cause) => {
      this.#failure ??= cause
    })
    socket.on('close', () => this.#emit('close', this.#failure === undefined ? {} : { error: this.#failure }))
  }

  get status(): string {
    return this.#socket.destroyed || this.#socket.writableEnded ? 'closed' : 'open'
  }

  get writableNeedsDrain(): boolean {
    return this.#pending > 0 && !this.#socket.destroyed
  }

  send(data: Uint8Array): boolean {
    if (this.status !== 'open') throw new Error('the socket is closed')
    this.#pending++
    this.#socket.write(data, () => {
      // also called with the error of a socket that broke: then 'close' tells the rest
      if (--this.#pending === 0) this.#emit('drain', {})
    })
    return this.#pending === 0
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  close(options: { signal?: AbortSignal } = {}): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = () => reject(options.signal?.reason)
      options.signal?.addEventListener('abort', onAbort, { once: true })
      this.#socket.once('close', () => (this.#failure === undefined ? resolve() : reject(this.#failure)))
      this.#socket.end(() => resolve())
    })
  }

  abort(error: Error): void {
    this.#failure ??= error
    this.#socket.destroy()
  }

  addEventListener(type: string, listener: Listener): void {
    const listeners = this.#listeners.get(type) ?? new Set()
    this.#listeners.set(type, listeners.add(listener))
  }

  removeEventListener(type: string, listener: Listener): void {
    this.#listeners.get(type)?.delete(listener)
  }

  #emit(type: string, event: object): void {
    for (const listener of [...(this.#listeners.get(type) ?? [])]) listener(event as never)
  }
}
