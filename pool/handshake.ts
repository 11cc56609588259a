/**
 * The handshake (P13, protocol.md §7): who is at the other end, now, in this pool. The channel already proves a key; the handshake
 * binds it to the pool, the moment and both ids, so that nothing recorded, relayed or reflected passes.
 */
import { equalBytes } from '../base/bytes.ts'
import { type Address, addressOf, recoverSigner, signDigest, ZERO_ADDRESS } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import type { Clock, Log, Rng } from '../base/ports.ts'
import { type Domain, type Hello, helloDigest, poolIdOf, welcomeDigest } from '../base/typed-data.ts'
import { MINUTE } from '../base/units.ts'
import { only } from '../net/messages/fields.ts'
import {
  decodeHandshake,
  encodeHandshake,
  type HandshakeMessage,
  MAX_HANDSHAKE_BYTES,
} from '../net/messages/handshake.ts'
import type { Gate, Peer } from '../net/node.ts'
import type { PlainGate } from '../net/plain-host.ts'
import type { Wire } from '../net/wire.ts'
import type { MemberView, RegistryView } from './registry-view.ts'

/** Version of the handshake. */
export const HANDSHAKE_VERSION = 1
/** Clocks further apart are refused, and warned of. Seconds. protocol.md §7. */
export const MAX_OFFSET = 10 * MINUTE
export const WARN_OFFSET = 2 * MINUTE
/** The view of the registrar is refreshed for an unknown peer at most so often. Milliseconds. */
const REFRESH_MS = 1_000

export interface GateOptions {
  /** Undefined: an anonymous client, which can dial and cannot be dialled. */
  readonly identity: { readonly secret: Uint8Array } | undefined
  /** Own roles (bits); 0 for uploaders and clients. */
  readonly roles: number
  readonly registry: RegistryView
  /** The contract is the registrar. */
  readonly domain: Domain
  readonly poolId?: Uint8Array
  readonly clock: Clock
  readonly rng: Rng
  readonly log: Log
}

/** The gate of a node of this pool, for its encrypted connections and its plain ones. */
export function createGate(options: GateOptions): Gate & PlainGate {
  const { identity, registry, domain, clock, rng, log } = options
  const me = identity === undefined ? undefined : { secret: identity.secret, id: addressOf(identity.secret) }
  const pool = options.poolId ?? poolIdOf(domain)
  let refreshedAt = Number.NEGATIVE_INFINITY

  function checkTime(time: number, peer: Address): void {
    const offset = time - clock.now()
    if (Math.abs(offset) > MAX_OFFSET) throw new HoldfastError('PEER_CLOCK', { offset, peer })
    if (Math.abs(offset) > WARN_OFFSET) log.warn('pool.clock', { peer, offset })
  }

  async function memberOf(id: Address): Promise<MemberView> {
    if (registry.member(id) === undefined && clock.monotonic() - refreshedAt > REFRESH_MS) {
      refreshedAt = clock.monotonic()
      await registry.refresh?.()
    }
    return assertStanding(registry, id)
  }

  /** The side that dialled: everything up to its last message. */
  async function greet(wire: Wire, remote: Address): Promise<Peer> {
    const connectionId = rng.bytes(32)
    await send(wire, { kind: 'hi', connectionId, from: me?.id })
    const hello = only(await receive(wire), 'hello')
    if (!equalBytes(hello.connectionId, connectionId)) refuse('an answer to another connection')
    if (hello.from !== remote) refuse(`${hello.from} relayed by ${remote}`)
    if (hello.to !== (me?.id ?? ZERO_ADDRESS)) refuse(`an answer to ${hello.to}`)
    if (!equalBytes(hello.pool, pool)) refuse('another pool')
    if (hello.version !== HANDSHAKE_VERSION) refuse(`version ${hello.version}`)
    checkTime(hello.time, remote)
    const digest = helloDigest(domain, hello)
    if (recoverSigner(digest, hello.signature) !== hello.from) refuse('a wrong signature')
    const member = await memberOf(hello.from)
    if (me !== undefined) {
      const welcome = { hello: digest, time: clock.now(), from: me.id, to: hello.from }
      await send(wire, {
        kind: 'welcome',
        ...welcome,
        signature: signDigest(me.secret, welcomeDigest(domain, welcome)),
      })
    }
    return { id: hello.from, channel: remote, roles: member.roles, says: hello.roles }
  }

  async function outbound(wire: Wire, remote: Address): Promise<Peer> {
    const peer = await greet(wire, remote)
    await wire.receiveEnd() // the other side closes when it is satisfied, or says why not
    return peer
  }

  /** @param channel actor id of the channel's key; undefined on a plain endpoint, where a `from` is as good as its signature */
  async function meet(wire: Wire, channel: Address | undefined): Promise<Peer> {
    if (me === undefined) throw new HoldfastError('PEER_HANDSHAKE', { what: 'a node without id was dialled' })
    const hi = only(await receive(wire), 'hi')
    if (hi.from !== undefined && channel !== undefined && hi.from !== channel)
      refuse(`${hi.from} relayed by ${channel}`)
    const hello: Hello = {
      connectionId: hi.connectionId,
      nonce: rng.bytes(32),
      time: clock.now(),
      from: me.id,
      to: hi.from ?? ZERO_ADDRESS,
      pool,
      roles: options.roles,
      version: HANDSHAKE_VERSION,
    }
    const digest = helloDigest(domain, hello)
    await send(wire, { kind: 'hello', ...hello, signature: signDigest(me.secret, digest) })
    if (hi.from === undefined) return { id: undefined, channel: channel ?? ZERO_ADDRESS, roles: 0 }
    const welcome = only(await receive(wire), 'welcome')
    if (!equalBytes(welcome.hello, digest)) refuse('an answer to another hello')
    if (welcome.from !== hi.from || welcome.to !== me.id) refuse('an answer between others')
    checkTime(welcome.time, hi.from)
    if (recoverSigner(welcomeDigest(domain, welcome), welcome.signature) !== welcome.from) refuse('a wrong signature')
    const member = await memberOf(welcome.from)
    return { id: welcome.from, channel: welcome.from, roles: member.roles }
  }

  return {
    outbound,
    inbound: (wire, remote) => meet(wire, remote),
    greet,
    admit: (wire) => meet(wire, undefined),
    permit: (peer) => {
      if (peer.id !== undefined) assertStanding(registry, peer.id)
    },
  }
}

/** The member, when it is registered and in good standing now. @throws `POOL_UNREGISTERED`, `PEER_STANDING` */
export function assertStanding(registry: RegistryView, id: Address): MemberView {
  const member = registry.member(id)
  if (member === undefined) throw new HoldfastError('POOL_UNREGISTERED', { peer: id })
  if (!registry.inGoodStanding(id)) throw new HoldfastError('PEER_STANDING', { peer: id, standing: member.standing })
  return member
}

async function send(wire: Wire, message: HandshakeMessage): Promise<void> {
  await wire.send(encodeHandshake(message))
}

async function receive(wire: Wire): Promise<HandshakeMessage> {
  return decodeHandshake(await wire.receive(MAX_HANDSHAKE_BYTES))
}

function refuse(what: string): never {
  throw new HoldfastError('PEER_HANDSHAKE', { what })
}
