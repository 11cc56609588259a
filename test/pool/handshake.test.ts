import { expect } from 'chai'
import { type Address, addressOf, signDigest, ZERO_ADDRESS } from '../../base/curve.ts'
import { HoldfastError } from '../../base/errors.ts'
import type { HandshakeMessage } from '../../net/messages/handshake.ts'
import type { Gate } from '../../net/node.ts'
import type { Wire } from '../../net/wire.ts'
import { createGate } from '../../pool/handshake.ts'
import { aLog, aNode, clock, rng, stopNodes, targetOf } from '../net/nodes.ts'
import { aHello, aWelcome, type Hello, hear, say, type Welcome } from './handshake-by-hand.ts'
import { aMember, clockOff, DOMAIN, FakeRegistry, type PoolNode } from './pool-nodes.ts'

const ECHO = '/holdfast/echo/1'

async function serveEcho(member: PoolNode): Promise<PoolNode> {
  await member.node.handle(ECHO, async (wire, peer) => wire.send({ id: peer.id ?? ZERO_ADDRESS, roles: peer.roles }), {
    maxStreams: 8,
  })
  return member
}

async function asks(from: PoolNode, to: PoolNode): Promise<unknown> {
  const wire = await from.node.open(targetOf(to.node), ECHO)
  return wire.receive(200)
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'none',
    (cause) => (cause instanceof HoldfastError ? cause.code : String(cause)),
  )
}

/** A side of the handshake that does as it is told, by hand. */
async function aForger(play: {
  outbound?: (wire: Wire, remote: Address, me: Address, secret: Uint8Array) => Promise<void>
  inbound?: (wire: Wire, remote: Address, me: Address, secret: Uint8Array) => Promise<void>
}): Promise<PoolNode> {
  const secret = rng.bytes(32)
  const id = addressOf(secret)
  const gate: Gate = {
    outbound: async (wire, remote) => {
      await play.outbound?.(wire, remote, id, secret)
      return { id: remote, channel: remote, roles: 0 }
    },
    inbound: async (wire, remote) => {
      await play.inbound?.(wire, remote, id, secret)
      return { id: remote, channel: remote, roles: 0 }
    },
  }
  return { node: await aNode({ secret, gate }), secret, id, log: aLog() }
}

describe('pool/handshake', () => {
  let registry: FakeRegistry
  beforeEach(() => {
    registry = new FakeRegistry()
  })
  afterEach(stopNodes)

  it('tells each member who the other is, with the roles the registrar knows', async () => {
    const server = await serveEcho(await aMember(registry, { roles: 2 }))
    const client = await aMember(registry, { roles: 1 })
    expect(await asks(client, server)).to.deep.equal({ id: client.id, roles: 1 })
    expect(client.node.peers()).to.deep.equal([{ id: server.id, channel: server.id, roles: 2, says: 2 }])
  })

  it('lets a client stay anonymous', async () => {
    const server = await serveEcho(await aMember(registry))
    const client = await aMember(registry, { anonymous: true })
    expect(await asks(client, server)).to.deep.equal({ id: ZERO_ADDRESS, roles: 0 })
  })

  it('refuses who is not registered, on either side, and looks twice first', async () => {
    const server = await serveEcho(await aMember(registry))
    const client = await aMember(registry, { registered: false })
    expect(await codeOf(asks(client, server))).to.equal('POOL_UNREGISTERED')
    expect(registry.refreshed).to.equal(1)
    const stranger = await serveEcho(await aMember(registry, { registered: false }))
    expect(await codeOf(asks(await aMember(registry), stranger))).to.equal('POOL_UNREGISTERED')
  })

  it('lets in who registered a moment ago', async () => {
    const server = await serveEcho(await aMember(registry))
    const client = await aMember(registry, { registered: false })
    registry.onRefresh = () => registry.set(client.id)
    expect(await asks(client, server)).to.deep.equal({ id: client.id, roles: 0 })
  })

  it('refuses bad standing, and probation is good standing', async () => {
    const server = await serveEcho(await aMember(registry))
    for (const [standing, code] of [
      ['probation', 'none'],
      ['violation', 'PEER_STANDING'],
      ['banned', 'PEER_STANDING'],
      ['compromised', 'PEER_STANDING'],
    ] as const) {
      const client = await aMember(registry)
      registry.set(client.id, { standing })
      expect(await codeOf(asks(client, server)), standing).to.equal(code)
    }
  })

  it('stops serving a member whose standing fell while it was connected', async () => {
    const server = await serveEcho(await aMember(registry))
    const client = await aMember(registry)
    expect(await codeOf(asks(client, server))).to.equal('none')
    registry.set(client.id, { standing: 'banned' })
    expect(await codeOf(asks(client, server))).to.equal('PEER_STANDING')
  })

  it('refuses clocks ten minutes apart and warns of two', async () => {
    const server = await serveEcho(await aMember(registry))
    for (const offset of [-601, 601, 660]) {
      const client = await aMember(registry, { gate: { clock: clockOff(offset) } })
      expect(await codeOf(asks(client, server)), String(offset)).to.equal('PEER_CLOCK')
    }
    const late = await aMember(registry, { gate: { clock: clockOff(-180) } })
    expect(await codeOf(asks(late, server))).to.equal('none')
    expect(late.log.lines.some((line) => line.event === 'pool.clock' && line.level === 'warn')).to.equal(true)
    expect(server.log.lines.some((line) => line.event === 'pool.clock' && line.level === 'warn')).to.equal(true)
  })

  it('refuses another pool', async () => {
    const server = await serveEcho(await aMember(registry))
    const client = await aMember(registry, {
      gate: { domain: { ...DOMAIN, contract: '0x00000000000000000000000000000000000000bb' } },
    })
    expect(await codeOf(asks(client, server))).to.equal('PEER_HANDSHAKE')
  })

  it('refuses a relay: a member in the middle that passes the messages on', async () => {
    const server = await serveEcho(await aMember(registry))
    const victim = await aMember(registry)
    // The relay answers the victim with what it gets from the server on a connection of its own.
    const relay = await aForger({
      inbound: async (wire) => {
        const hi = await hear(wire, 'hi')
        const forward = await aForger({
          outbound: async (onward) => {
            await say(onward, hi)
            await say(wire, await hear(onward, 'hello'))
          },
        })
        await forward.node.open(targetOf(server.node), ECHO)
      },
    })
    registry.set(relay.id)
    expect(await codeOf(asks(victim, relay))).to.equal('PEER_HANDSHAKE')
  })

  it('refuses, as the dialler, every Hello that is not right', async () => {
    const other = rng.bytes(32)
    const old = aHello(other, ZERO_ADDRESS, rng.bytes(32))
    registry.set(addressOf(other))
    const wrong: Record<string, (hi: Uint8Array, to: Address, secret: Uint8Array) => Hello> = {
      'replayed from another connection': (_hi, to, secret) => aHello(secret, to, rng.bytes(32)),
      'recorded from somebody else': () => old,
      'signed by another': (hi, to, secret) => aHello(secret, to, hi, { signature: signDigest(other, rng.bytes(32)) }),
      'with the s of the signature flipped': (hi, to, secret) => {
        const hello = aHello(secret, to, hi)
        return { ...hello, signature: flipped(hello.signature) }
      },
      'to another': (hi, _to, secret) => aHello(secret, addressOf(other), hi),
      'of another pool': (hi, to, secret) => aHello(secret, to, hi, { pool: rng.bytes(32) }),
      'of another version': (hi, to, secret) => aHello(secret, to, hi, { version: 2 }),
      'from zero': (hi, to, secret) => aHello(secret, to, hi, { from: ZERO_ADDRESS }),
    }
    for (const [name, make] of Object.entries(wrong)) {
      const forger = await aForger({
        inbound: async (wire, remote, _me, secret) => {
          const hi = await hear(wire, 'hi')
          await say(wire, make(hi.connectionId, remote, secret))
        },
      })
      registry.set(forger.id)
      expect(await codeOf(asks(await aMember(registry), forger)), name).to.equal('PEER_HANDSHAKE')
    }
  })

  it('refuses, as the one dialled, every Welcome that is not right', async () => {
    const server = await serveEcho(await aMember(registry))
    const other = rng.bytes(32)
    registry.set(addressOf(other))
    let recorded: Welcome | undefined
    const wrong: Record<string, (hello: Hello, secret: Uint8Array) => HandshakeMessage> = {
      'to another hello': (hello, secret) => aWelcome(secret, hello, { hello: rng.bytes(32) }),
      'signed by another': (hello, secret) => aWelcome(secret, hello, { signature: signDigest(other, rng.bytes(32)) }),
      'in the name of another': (hello) => aWelcome(other, hello),
      'to another': (hello, secret) => aWelcome(secret, hello, { to: addressOf(other) }),
      'with the s of the signature flipped': (hello, secret) => {
        const welcome = aWelcome(secret, hello)
        return { ...welcome, signature: flipped(welcome.signature) }
      },
      'the Hello reflected': (hello) => hello,
      'ten minutes old': (hello, secret) => aWelcome(secret, hello, { time: clock.now() - 700 }),
      recorded: (hello, secret) => {
        const kept = recorded
        recorded = aWelcome(secret, hello)
        return kept ?? recorded
      },
    }
    const codes: Record<string, string> = {}
    for (const name of [...Object.keys(wrong), 'recorded']) {
      const forger = await aForger({
        outbound: async (wire, _remote, me, secret) => {
          await say(wire, { kind: 'hi', connectionId: rng.bytes(32), from: me })
          await say(
            wire,
            (wrong[name] as (hello: Hello, secret: Uint8Array) => HandshakeMessage)(await hear(wire, 'hello'), secret),
          )
          await wire.receiveEnd()
        },
      })
      registry.set(forger.id)
      codes[`${name}${codes[name] === undefined ? '' : ' again'}`] = await codeOf(asks(forger, server))
    }
    expect(codes).to.deep.equal({
      'to another hello': 'PEER_HANDSHAKE',
      'signed by another': 'PEER_HANDSHAKE',
      'in the name of another': 'PEER_HANDSHAKE',
      'to another': 'PEER_HANDSHAKE',
      'with the s of the signature flipped': 'PEER_HANDSHAKE',
      'the Hello reflected': 'NET_PROTOCOL',
      'ten minutes old': 'PEER_CLOCK',
      recorded: 'none',
      'recorded again': 'PEER_HANDSHAKE',
    })
  })

  it('refuses an oversized greeting and one that never ends', async () => {
    const server = await serveEcho(await aMember(registry, { net: { limits: { gateMs: 500 } } }))
    const large = await aForger({
      outbound: async (wire) => {
        await wire.sendBytes(Uint8Array.of(0, 1, 0, 0))
        await wire.receiveEnd()
      },
    })
    expect(await codeOf(asks(large, server))).to.equal('NET_OVERSIZE')
    const slow = await aForger({ outbound: async (wire) => void (await wire.receive(100)) })
    expect(await codeOf(asks(slow, server))).to.equal('NET_CLOSED')
  })

  it('gives a node without identity no inbound connections', async () => {
    const gate = createGate({ identity: undefined, roles: 0, registry, domain: DOMAIN, clock, rng, log: aLog() })
    const node = await aNode({ gate })
    const client = await aMember(registry)
    expect(await codeOf(client.node.open(targetOf(node), ECHO))).to.equal('PEER_HANDSHAKE')
  })
})

/** The same signature with n − s: valid for libraries that do not ask for low s. */
function flipped(signature: Uint8Array): Uint8Array {
  const n = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
  const s = BigInt(`0x${Buffer.from(signature.subarray(32, 64)).toString('hex')}`)
  const other = Buffer.from((n - s).toString(16).padStart(64, '0'), 'hex')
  return Uint8Array.from([...signature.subarray(0, 32), ...other, (signature[64] as number) === 27 ? 28 : 27])
}
