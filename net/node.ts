/**
 * NetNode: one libp2p node. TLS (then Noise), yamux, TCP; nothing of libp2p's own protocols runs on it. The first exchange on every
 * connection is the handshake, run by the side that dialled; whatever else comes first ends the connection.
 */
import { generateKeyPair, privateKeyFromRaw } from '@libp2p/crypto/keys'
import { multiaddr } from '@multiformats/multiaddr'
import type { Libp2p } from 'libp2p'
import { assertBytes } from '../base/bytes.ts'
import { type Address, addressOfPublicKey } from '../base/curve.ts'
import { asHoldfastError, HoldfastError, hasCode } from '../base/errors.ts'
import type { Clock, Log } from '../base/ports.ts'
import { createHost } from './libp2p-host.ts'
import { NET_LIMITS, type NetLimits } from './limits.ts'
import { openWire, type RawStream, type Wire, type WireLimits } from './wire.ts'

/** First on every connection (protocol.md §7). */
export const HANDSHAKE_PROTOCOL = '/holdfast/handshake/1'

/** Who is at the other end, as the gate found. */
export interface Peer {
  /** Undefined: a client that stays anonymous. */
  readonly id: Address | undefined
  /** Actor id of the channel's peer key; equals `id` where there is one. Zero for an anonymous client on a plain endpoint, which has no key. */
  readonly channel: Address
  /** Bit set of pool roles (protocol.md §7) the registry confirms; 0 for uploaders and clients. */
  readonly roles: number
  /** Bit set of pool roles it says that it serves; known of peers that were dialled. */
  readonly says?: number
}

/** Decides who passes. A rejection refuses the connection; the peer is told the code. */
export interface Gate {
  outbound(wire: Wire, remote: Address): Promise<Peer>
  inbound(wire: Wire, remote: Address): Promise<Peer>
  /** Asked again for every stream of a connection that passed, in both directions: standing may have changed. @throws to refuse it. */
  permit?(peer: Peer, protocol: string): void
}

export interface NetOptions {
  /** secp256k1 secret of the actor. Undefined: a key made for this node alone. */
  readonly secret?: Uint8Array | undefined
  /** Multiaddrs, `/ip4/127.0.0.7/tcp/0`; none for a pure client. */
  readonly listen: readonly string[]
  readonly gate: Gate
  readonly limits?: Partial<Omit<NetLimits, 'wire'>> & { readonly wire?: Partial<WireLimits> }
  readonly log: Log
  readonly clock: Clock
}

/** Whom to open a stream to. */
export interface Target {
  /** Multiaddrs, tried in order; with or without `/p2p/…`. */
  readonly addresses: readonly string[]
  /** The peer key must have this actor id. */
  readonly id?: Address
}

export type WireHandler = (wire: Wire, peer: Peer) => Promise<void>

export interface NetNode {
  /** Actor id of the node's own peer key. */
  readonly actor: Address
  /** Where it listens, with the real port and `/p2p/…`. */
  addresses(): string[]
  /**
   * Serves a protocol. The wire is closed when the handler resolves; when it rejects the peer is told the code.
   * @param options.maxStreams at the same time on one connection
   */
  handle(protocol: string, handler: WireHandler, options: { readonly maxStreams: number }): Promise<void>
  /**
   * A stream to a peer that passed the gate; dials when there is no connection.
   * @param options.signal ends the wire, too, as long as it lives
   * @throws `NET_UNREACHABLE`, `PEER_HANDSHAKE` (another key answers), or what the gate or the peer refused with
   */
  open(target: Target, protocol: string, options?: { readonly signal?: AbortSignal }): Promise<Wire>
  /** Peers with a connection that passed. */
  peers(): Peer[]
  /** A number that changes whenever the connection to this peer key is a new one; undefined when there is none. */
  session(channel: Address): number | undefined
  /** Closes all connections to a peer key. */
  disconnect(channel: Address): Promise<void>
  /** Ends all streams and connections. Safe to call twice. */
  stop(): Promise<void>
}

type Connection = Awaited<ReturnType<Libp2p['dial']>>
type Stream = Awaited<ReturnType<Connection['newStream']>>

/** What is known of one connection. */
interface Link {
  readonly connection: Connection
  readonly channel: Address
  readonly serial: number
  /** Settles when the handshake is over; undefined until it began. */
  passing: Promise<Peer> | undefined
  peer: Peer | undefined
  /** Monotonic milliseconds. */
  usedAt: number
  streams: number
}

/** Starts a node. */
export async function openNode(options: NetOptions): Promise<NetNode> {
  const limits: NetLimits = { ...NET_LIMITS, ...options.limits, wire: { ...NET_LIMITS.wire, ...options.limits?.wire } }
  if (options.secret !== undefined) assertBytes(options.secret, 32, 'secret')
  const privateKey =
    options.secret === undefined ? await generateKeyPair('secp256k1') : privateKeyFromRaw(options.secret)
  const libp2p = await createHost(privateKey, options.listen, limits)
  const node = new Node(libp2p, addressOfPublicKey(privateKey.publicKey.raw), { ...options, limits })
  await node.start()
  return node
}

class Node implements NetNode {
  readonly actor: Address
  readonly #libp2p: Libp2p
  readonly #listen: readonly string[]
  readonly #gate: Gate
  readonly #limits: NetLimits
  readonly #log: Log
  readonly #clock: Clock
  readonly #links = new Map<string, Link>()
  readonly #dials = new Map<string, Promise<Link>>()
  readonly #streams = new Map<Address, number>()
  readonly #stopping = new AbortController()
  #serial = 0
  #reaper: NodeJS.Timeout | undefined

  constructor(libp2p: Libp2p, actor: Address, options: NetOptions & { readonly limits: NetLimits }) {
    this.actor = actor
    this.#libp2p = libp2p
    this.#listen = options.listen
    this.#gate = options.gate
    this.#limits = options.limits
    this.#log = options.log
    this.#clock = options.clock
  }

  async start(): Promise<void> {
    this.#libp2p.addEventListener('connection:open', (event) => this.#onOpen(event.detail))
    this.#libp2p.addEventListener('connection:close', (event) => this.#onClose(event.detail))
    await this.#libp2p.handle(HANDSHAKE_PROTOCOL, (stream, connection) => this.#admit(stream, connection), {
      maxInboundStreams: 2,
    })
    try {
      await this.#libp2p.start()
    } catch (cause) {
      await this.#libp2p.stop()
      throw new HoldfastError('NET_UNREACHABLE', { what: `its own address ${this.#listen.join(', ')}` }, { cause })
    }
    this.#reaper = setInterval(() => this.#reap(), 30_000)
    this.#reaper.unref()
  }

  addresses(): string[] {
    return this.#libp2p.getMultiaddrs().map(String)
  }

  async handle(protocol: string, handler: WireHandler, options: { readonly maxStreams: number }): Promise<void> {
    await this.#libp2p.handle(protocol, (stream, connection) => this.#serve(stream, connection, handler), {
      maxInboundStreams: options.maxStreams,
    })
  }

  async open(target: Target, protocol: string, options: { readonly signal?: AbortSignal } = {}): Promise<Wire> {
    options.signal?.throwIfAborted()
    this.#stopping.signal.throwIfAborted()
    const known = this.#passed(target.id)
    if (known !== undefined) {
      try {
        return await this.#openOn(known, protocol, options.signal)
      } catch (cause) {
        // A connection can be dead without knowing it: it gets one chance, then a new one is dialled.
        if (!hasCode(cause, 'NET_UNREACHABLE') || target.addresses.length === 0) throw cause
        known.connection.abort(new Error('no stream could be opened'))
      }
    }
    return this.#openOn(await this.#reach(target, options.signal), protocol, options.signal)
  }

  peers(): Peer[] {
    const peers = new Map<Address, Peer>()
    for (const link of this.#links.values()) if (link.peer !== undefined) peers.set(link.channel, link.peer)
    return [...peers.values()]
  }

  session(channel: Address): number | undefined {
    return this.#passed(channel)?.serial
  }

  async disconnect(channel: Address): Promise<void> {
    const links = [...this.#links.values()].filter((link) => link.channel === channel)
    await Promise.all(links.map((link) => this.#drop(link)))
  }

  async stop(): Promise<void> {
    if (this.#stopping.signal.aborted) return
    clearInterval(this.#reaper)
    this.#stopping.abort(new HoldfastError('INTERRUPTED'))
    await Promise.all([...this.#links.values()].map((link) => this.#drop(link)))
    await this.#libp2p.stop()
  }

  #onOpen(connection: Connection): void {
    const key = connection.remotePeer.publicKey
    if (key?.type !== 'secp256k1') {
      connection.abort(new Error('only secp256k1 peers are actors'))
      return
    }
    const link: Link = {
      connection,
      channel: addressOfPublicKey(key.raw),
      serial: ++this.#serial,
      passing: undefined,
      peer: undefined,
      usedAt: this.#clock.monotonic(),
      streams: 0,
    }
    this.#links.set(connection.id, link)
    if (connection.direction === 'outbound') return
    const timer = setTimeout(() => {
      if (link.peer === undefined) connection.abort(new Error('no handshake in time'))
    }, this.#limits.gateMs)
    timer.unref()
    connection.addEventListener('close', () => clearTimeout(timer))
  }

  #onClose(connection: Connection): void {
    const channel = this.#links.get(connection.id)?.channel
    this.#links.delete(connection.id)
    for (const link of this.#links.values()) if (link.channel === channel) return
    // libp2p would remember every client's one-time key for ever.
    this.#libp2p.peerStore
      .delete(connection.remotePeer)
      .catch((cause) => this.#log.debug('net.forget', { cause: String(cause) }))
  }

  /** The handshake, as the side that was dialled. Once per connection. */
  #admit(stream: Stream, connection: Connection): void {
    const link = this.#links.get(connection.id)
    if (link === undefined || link.passing !== undefined || connection.direction !== 'inbound') {
      connection.abort(new Error('a handshake out of turn'))
      return
    }
    const wire = this.#wire(stream, link, undefined)
    link.passing = this.#gate.inbound(wire, link.channel)
    link.passing
      .then(
        async (peer) => {
          link.peer = peer
          await wire.close()
        },
        (cause) => {
          this.#log.debug('net.refused', { peer: link.channel, code: asHoldfastError(cause).code })
          wire.abort(cause)
          setTimeout(() => connection.abort(new Error('refused')), this.#limits.wire.lingerMs).unref()
        },
      )
      .catch((cause) => this.#log.debug('net.handshake', { peer: link.channel, code: asHoldfastError(cause).code }))
  }

  async #serve(stream: Stream, connection: Connection, handler: WireHandler): Promise<void> {
    const link = this.#links.get(connection.id)
    if (link?.passing === undefined) {
      // Nothing is served before the handshake; and whoever tries is not talked to.
      connection.abort(new Error('no handshake'))
      return
    }
    const wire = this.#wire(stream, link, this.#stopping.signal)
    const open = (this.#streams.get(link.channel) ?? 0) + 1
    this.#streams.set(link.channel, open)
    try {
      const peer = await link.passing
      if (open > this.#limits.streamsPerPeer) throw new HoldfastError('PEER_BUSY', { what: `${open} streams` })
      this.#gate.permit?.(peer, stream.protocol)
      await handler(wire, peer)
      await wire.close()
    } catch (cause) {
      const error = asHoldfastError(cause)
      wire.abort(error)
      const data = { protocol: stream.protocol, peer: link.channel, code: error.code, what: error.message }
      if (error.code === 'INTERNAL') this.#log.error('net.handler', { ...data, stack: causeOf(error) })
      else this.#log.debug('net.handler', data)
    } finally {
      const left = (this.#streams.get(link.channel) ?? 1) - 1
      if (left === 0) this.#streams.delete(link.channel)
      else this.#streams.set(link.channel, left)
    }
  }

  #wire(stream: Stream, link: Link, signal: AbortSignal | undefined): Wire {
    link.streams++
    link.usedAt = this.#clock.monotonic()
    stream.addEventListener('close', () => {
      link.streams--
      link.usedAt = this.#clock.monotonic()
    })
    return openWire(stream as unknown as RawStream, {
      remote: link.channel,
      limits: this.#limits.wire,
      clock: this.#clock,
      signal,
    })
  }

  #passed(channel: Address | undefined): Link | undefined {
    if (channel === undefined) return undefined
    for (const link of this.#links.values())
      if (link.channel === channel && link.peer !== undefined && link.connection.status === 'open') return link
    return undefined
  }

  async #openOn(link: Link, protocol: string, signal: AbortSignal | undefined): Promise<Wire> {
    if (link.peer !== undefined) this.#gate.permit?.(link.peer, protocol)
    const signals = [this.#stopping.signal, ...(signal === undefined ? [] : [signal])]
    try {
      const limit = AbortSignal.any([...signals, AbortSignal.timeout(this.#limits.dialMs)])
      const stream = await link.connection.newStream(protocol, { signal: limit, maxOutboundStreams: 4096 })
      return this.#wire(stream, link, AbortSignal.any(signals))
    } catch (cause) {
      throw this.#dialError(cause, `${link.channel} (${protocol})`, signal)
    }
  }

  /** A connection that passed the gate. Calls for the same target share one dial. */
  async #reach(target: Target, signal: AbortSignal | undefined): Promise<Link> {
    const key = `${target.id ?? ''} ${target.addresses.join(' ')}`
    let dial = this.#dials.get(key)
    if (dial === undefined) {
      // Not bound to the caller's signal: others may have joined. It has its own limits.
      dial = this.#dial(target).finally(() => this.#dials.delete(key))
      this.#dials.set(key, dial)
    }
    if (signal === undefined) return dial
    return new Promise((resolve, reject) => {
      const onAbort = () => reject(this.#dialError(signal.reason, 'the peer', signal))
      signal.addEventListener('abort', onAbort, { once: true })
      dial.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
    })
  }

  async #dial(target: Target): Promise<Link> {
    const name = target.id ?? target.addresses[0] ?? 'a peer without address'
    let failure: HoldfastError = new HoldfastError('NET_UNREACHABLE', { what: name })
    for (const address of target.addresses.slice(0, 8)) {
      try {
        const limit = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(this.#limits.dialMs)])
        const connection = await this.#libp2p.dial(multiaddr(address), { signal: limit, force: true })
        const link = this.#links.get(connection.id)
        if (link === undefined) throw new HoldfastError('NET_UNREACHABLE', { what: name })
        if (target.id !== undefined && link.channel !== target.id) {
          connection.abort(new Error('another key'))
          throw new HoldfastError('PEER_HANDSHAKE', { what: `${link.channel} answers in place of ${target.id}` })
        }
        link.passing ??= this.#greet(link)
        link.peer = await link.passing
        return link
      } catch (cause) {
        failure = this.#dialError(cause, name, undefined)
      }
    }
    throw failure
  }

  /** The handshake, as the side that dialled. */
  async #greet(link: Link): Promise<Peer> {
    const signal = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(this.#limits.gateMs)])
    try {
      const wire = this.#wire(await link.connection.newStream(HANDSHAKE_PROTOCOL, { signal }), link, signal)
      const peer = await this.#gate.outbound(wire, link.channel)
      await wire.close()
      return peer
    } catch (cause) {
      link.connection.abort(asHoldfastError(cause))
      throw cause
    }
  }

  #dialError(cause: unknown, what: string, signal: AbortSignal | undefined): HoldfastError {
    if (signal?.aborted === true)
      return signal.reason instanceof HoldfastError ? signal.reason : new HoldfastError('INTERRUPTED', {}, { cause })
    if (this.#stopping.signal.aborted) return new HoldfastError('INTERRUPTED', {}, { cause })
    return cause instanceof HoldfastError ? cause : new HoldfastError('NET_UNREACHABLE', { what }, { cause })
  }

  async #drop(link: Link): Promise<void> {
    try {
      await link.connection.close({ signal: AbortSignal.timeout(500) })
    } catch (cause) {
      link.connection.abort(asHoldfastError(cause))
    }
  }

  #reap(): void {
    const before = this.#clock.monotonic() - this.#limits.unusedMs
    for (const link of this.#links.values()) if (link.streams === 0 && link.usedAt < before) void this.#drop(link)
  }
}

function causeOf(error: Error): string {
  return error.cause instanceof Error ? (error.cause.stack ?? error.cause.message) : error.message
}
