/**
 * The plain endpoint: an unencrypted TCP port with the frames of a wire (docs/spec/wire.md §12). The handshake there says who was there and
 * authorises nothing by itself; whoever listens in or sits in between sees and changes what it likes. So nothing is said here but what anybody
 * may know: ciphertext, under one-time ids that were agreed on elsewhere. One socket, one handshake, one request.
 */
import { connect, createServer, type Server, type Socket } from 'node:net'
import { type Address, ZERO_ADDRESS } from '../base/curve.ts'
import { asHoldfastError, HoldfastError } from '../base/errors.ts'
import type { Clock, Log } from '../base/ports.ts'
import type { Peer, WireHandler } from './node.ts'
import { formatPlainAddress, parsePlainAddress, reachableAddresses } from './plain-address.ts'
import { streamOf } from './socket-stream.ts'
import { openWire, WIRE_LIMITS, type Wire, type WireLimits } from './wire.ts'

/** What errors and logs call the conversation on a plain socket; nothing is negotiated there. */
export const BULK_PROTOCOL = '/holdfast/bulk/1'

/** Who passes on a plain endpoint. No key belongs to the channel: ids rest on signatures alone. */
export interface PlainGate {
  /** The side that dialled and wants `to`; the wire stays open for its request. @throws to refuse */
  greet(wire: Wire, to: Address): Promise<Peer>
  /** The side that was dialled. @throws to refuse; the peer is told the code */
  admit(wire: Wire): Promise<Peer>
}

/** Bounds of a plain endpoint. docs/spec/wire.md, section 12. */
export interface PlainLimits {
  readonly connections: number
  readonly connectionsPerHost: number
  /** New connections a second from one host. */
  readonly connectionsPerSecond: number
  /** From the connection to the passed handshake. Milliseconds. */
  readonly gateMs: number
  /** To reach one address. Milliseconds: short, as there is always the encrypted way. */
  readonly dialMs: number
  readonly wire: WireLimits
}

export const PLAIN_LIMITS: PlainLimits = {
  connections: 256,
  connectionsPerHost: 32,
  connectionsPerSecond: 100,
  gateMs: 5_000,
  dialMs: 3_000,
  wire: WIRE_LIMITS,
}

/** Addresses of one member that are tried. */
const MAX_ADDRESSES = 4

export interface PlainHostOptions {
  /** Multiaddrs, `/ip4/127.0.0.7/tcp/0`. */
  readonly listen: readonly string[]
  readonly gate: PlainGate
  /** One request of a peer that passed. The wire is closed when it resolves; when it rejects the peer is told the code. */
  readonly handler: WireHandler
  readonly limits?: Partial<PlainLimits>
  readonly clock: Clock
  readonly log: Log
}

export interface PlainHost {
  /** Where it listens, with the real ports. */
  addresses(): string[]
  /** Ends all connections. Safe to call twice. */
  stop(): Promise<void>
}

/** Listens. @throws `INPUT_FORMAT`, `NET_UNREACHABLE` when an address cannot be listened on */
export async function openPlainHost(options: PlainHostOptions): Promise<PlainHost> {
  const host = new Host({ ...options, limits: { ...PLAIN_LIMITS, ...options.limits } })
  try {
    for (const text of options.listen) await host.listen(text)
  } catch (cause) {
    await host.stop()
    throw cause
  }
  return host
}

class Host implements PlainHost {
  readonly #options: PlainHostOptions & { readonly limits: PlainLimits }
  readonly #servers: { readonly server: Server; readonly text: string }[] = []
  readonly #sockets = new Map<Socket, string>()
  readonly #stopping = new AbortController()
  /** New connections by host, in the second that began then. Monotonic milliseconds. */
  #second = { from: Number.NEGATIVE_INFINITY, counts: new Map<string, number>() }

  constructor(options: PlainHostOptions & { readonly limits: PlainLimits }) {
    this.#options = options
  }

  async listen(text: string): Promise<void> {
    const { host, port } = parsePlainAddress(text)
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => this.#accept(socket))
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause) =>
        reject(new HoldfastError('NET_UNREACHABLE', { what: `its own address ${text}` }, { cause })),
      )
      server.listen({ host, port, backlog: 128 }, resolve)
    })
    server.on('error', (cause) => this.#options.log.warn('plain.server', { address: text, message: cause.message }))
    this.#servers.push({ server, text })
  }

  addresses(): string[] {
    return this.#servers.flatMap(({ server, text }) => {
      const bound = server.address()
      if (bound === null || typeof bound === 'string') return []
      return reachableAddresses({ ...parsePlainAddress(text), port: bound.port }).map(formatPlainAddress)
    })
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new HoldfastError('INTERRUPTED'))
    for (const socket of this.#sockets.keys()) socket.destroy()
    await Promise.all(this.#servers.map(({ server }) => new Promise((resolve) => server.close(resolve))))
  }

  #accept(socket: Socket): void {
    const from = socket.remoteAddress ?? ''
    if (this.#stopping.signal.aborted || !this.#hasRoom(from)) {
      socket.destroy()
      return
    }
    this.#sockets.set(socket, from)
    socket.once('close', () => this.#sockets.delete(socket))
    this.#serve(socket).catch((cause: unknown) =>
      this.#options.log.error('plain.handler', { message: asHoldfastError(cause).message }),
    )
  }

  #hasRoom(from: string): boolean {
    const { clock, limits } = this.#options
    const now = clock.monotonic()
    if (now - this.#second.from >= 1_000) this.#second = { from: now, counts: new Map() }
    const fresh = (this.#second.counts.get(from) ?? 0) + 1
    this.#second.counts.set(from, fresh)
    let alike = 0
    for (const host of this.#sockets.values()) if (host === from) alike++
    return (
      fresh <= limits.connectionsPerSecond &&
      this.#sockets.size < limits.connections &&
      alike < limits.connectionsPerHost
    )
  }

  async #serve(socket: Socket): Promise<void> {
    const { gate, handler, limits, clock, log } = this.#options
    const wire = openWire(streamOf(socket, BULK_PROTOCOL), {
      remote: ZERO_ADDRESS,
      limits: limits.wire,
      clock,
      signal: this.#stopping.signal,
    })
    socket.resume()
    const late = setTimeout(() => wire.abort(new HoldfastError('NET_TIMEOUT', WAIT(limits.gateMs))), limits.gateMs)
    try {
      const peer = await gate.admit(wire)
      clearTimeout(late)
      await handler(wire, peer)
      await wire.close()
    } catch (cause) {
      const { code, message } = asHoldfastError(cause)
      log.debug('plain.refused', { code, what: message })
      wire.abort(cause)
    } finally {
      clearTimeout(late)
    }
  }
}

const WAIT = (ms: number) => ({ what: 'the handshake', limit: `${ms} ms` })

export interface PlainDial {
  /** Multiaddrs, tried in order. */
  readonly addresses: readonly string[]
  /** Who must answer, as far as a signature can say. */
  readonly to: Address
  readonly gate: PlainGate
  readonly limits?: Partial<PlainLimits>
  readonly clock: Clock
  readonly signal?: AbortSignal
}

/** A wire to a member's plain endpoint, past the handshake. @throws `NET_UNREACHABLE`, `PEER_HANDSHAKE`, or what the gate or the peer refused with */
export async function dialPlain(dial: PlainDial): Promise<Wire> {
  const limits = { ...PLAIN_LIMITS, ...dial.limits }
  let failure: unknown = new HoldfastError('NET_UNREACHABLE', { what: `the plain endpoint of ${dial.to}` })
  for (const text of dial.addresses.slice(0, MAX_ADDRESSES)) {
    dial.signal?.throwIfAborted()
    try {
      return await greetAt(text, dial, limits)
    } catch (cause) {
      failure = cause
    }
  }
  dial.signal?.throwIfAborted()
  throw failure
}

async function greetAt(text: string, { to, gate, clock, signal }: PlainDial, limits: PlainLimits): Promise<Wire> {
  const socket = await connected(text, limits.dialMs, signal)
  const context = { remote: to, limits: limits.wire, clock, ...(signal === undefined ? {} : { signal }) }
  const wire = openWire(streamOf(socket, BULK_PROTOCOL), context)
  const late = setTimeout(() => wire.abort(new HoldfastError('NET_TIMEOUT', WAIT(limits.gateMs))), limits.gateMs)
  try {
    await gate.greet(wire, to)
    return wire
  } catch (cause) {
    wire.abort(cause)
    throw cause
  } finally {
    clearTimeout(late)
  }
}

function connected(text: string, ms: number, signal: AbortSignal | undefined): Promise<Socket> {
  const { host, port } = parsePlainAddress(text)
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, allowHalfOpen: true })
    const fail = (cause?: unknown) => {
      done()
      socket.destroy()
      reject(new HoldfastError('NET_UNREACHABLE', { what: text }, { cause }))
    }
    const onAbort = () => fail(signal?.reason)
    const timer = setTimeout(fail, ms)
    const done = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
      socket.removeListener('error', fail)
    }
    socket.once('error', fail)
    signal?.addEventListener('abort', onAbort, { once: true })
    socket.once('connect', () => {
      done()
      resolve(socket)
    })
  })
}
