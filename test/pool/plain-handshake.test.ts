/** The handshake on the plain endpoint: no key belongs to the channel, so every claim stands on a signature over fresh bytes of the other side. */
import { connect, type Socket } from 'node:net'
import { expect } from 'chai'
import { type Address, signDigest, ZERO_ADDRESS } from '../../base/curve.ts'
import { HoldfastError } from '../../base/errors.ts'
import type { HandshakeMessage } from '../../net/messages/handshake.ts'
import type { Peer } from '../../net/node.ts'
import { dialPlain, openPlainHost, type PlainGate, type PlainHost, type PlainLimits } from '../../net/plain-host.ts'
import type { Wire } from '../../net/wire.ts'
import { createGate, type GateOptions } from '../../pool/handshake.ts'
import { aLog, anIdentity, clock, eventually, rng } from '../net/nodes.ts'
import { aProxy, closeProxies } from '../net/plain-proxy.ts'
import { aHello, aWelcome, type Hello, hear, say, type Welcome } from './handshake-by-hand.ts'
import { clockOff, DOMAIN, FakeRegistry } from './pool-nodes.ts'

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'none',
    (cause) => (cause instanceof HoldfastError ? cause.code : String(cause)),
  )
}

describe('pool/handshake on the plain endpoint', () => {
  let registry: FakeRegistry
  const hosts: PlainHost[] = []
  const log = aLog()

  beforeEach(() => {
    registry = new FakeRegistry()
    log.lines.length = 0
  })
  afterEach(async () => {
    for (const host of hosts.splice(0)) await host.stop()
    await closeProxies()
  })

  const gateOf = (secret: Uint8Array | undefined, options: Partial<GateOptions> = {}): PlainGate =>
    createGate({
      identity: secret === undefined ? undefined : { secret },
      roles: 0,
      registry,
      domain: DOMAIN,
      clock,
      rng,
      log,
      ...options,
    })

  /** A member that says who it thinks is there. */
  async function aServer(
    options: {
      gate?: Partial<GateOptions>
      play?: PlainGate
      limits?: Partial<PlainLimits>
      registered?: boolean
    } = {},
  ) {
    const { secret, id } = anIdentity()
    if (options.registered !== false) registry.set(id, { roles: 3 })
    const host = await openPlainHost({
      listen: ['/ip4/127.0.0.1/tcp/0'],
      gate: options.play ?? gateOf(secret, options.gate),
      handler: async (wire, peer) => wire.send({ id: peer.id ?? ZERO_ADDRESS, roles: peer.roles }),
      ...(options.limits === undefined ? {} : { limits: options.limits }),
      clock,
      log,
    })
    hosts.push(host)
    return { secret, id, addresses: host.addresses() }
  }
  type Server = { readonly id: Address; readonly addresses: readonly string[] }

  async function asks(gate: PlainGate, { id, addresses }: Server): Promise<unknown> {
    const wire = await dialPlain({ addresses, to: id, gate, clock })
    return wire.receive(200)
  }

  /** A dialler that plays by hand. */
  const forger = (play: (wire: Wire, to: Address) => Promise<void>): PlainGate => ({
    greet: async (wire, to): Promise<Peer> => {
      await play(wire, to)
      return { id: to, channel: to, roles: 0 }
    },
    admit: () => Promise.reject(new Error('it only dials')),
  })
  /** One that is dialled and plays by hand. */
  const impostor = (play: (wire: Wire) => Promise<void>): PlainGate => ({
    greet: () => Promise.reject(new Error('it is only dialled')),
    admit: async (wire): Promise<Peer> => {
      await play(wire)
      return { id: undefined, channel: ZERO_ADDRESS, roles: 0 }
    },
  })

  it('tells each member who the other says it is, signed, and lets a client stay anonymous', async () => {
    const server = await aServer()
    const { secret, id } = anIdentity()
    registry.set(id, { roles: 1 })
    expect(await asks(gateOf(secret), server)).to.deep.equal({ id, roles: 1 })
    expect(await asks(gateOf(undefined), server)).to.deep.equal({ id: ZERO_ADDRESS, roles: 0 })
  })

  it('refuses who is not registered, and bad standing, on either side', async () => {
    const server = await aServer()
    const { secret, id } = anIdentity()
    expect(await codeOf(asks(gateOf(secret), server))).to.equal('POOL_UNREGISTERED')
    for (const standing of ['violation', 'banned', 'abandoned', 'compromised']) {
      registry.set(id, { standing })
      expect(await codeOf(asks(gateOf(secret), server)), standing).to.equal('PEER_STANDING')
    }
    expect(await codeOf(asks(gateOf(undefined), await aServer({ registered: false })))).to.equal('POOL_UNREGISTERED')
    registry.set(server.id, { standing: 'banned' })
    expect(await codeOf(asks(gateOf(undefined), server))).to.equal('PEER_STANDING')
  })

  it('refuses a clock eleven minutes off, on either side, and warns of three', async () => {
    const server = await aServer()
    const { secret, id } = anIdentity()
    registry.set(id)
    for (const offset of [-660, 660]) {
      expect(await codeOf(asks(gateOf(secret, { clock: clockOff(offset) }), server)), `${offset}`).to.equal(
        'PEER_CLOCK',
      )
      const wrong = await aServer({ gate: { clock: clockOff(offset) } })
      expect(await codeOf(asks(gateOf(undefined), wrong)), `server ${offset}`).to.equal('PEER_CLOCK')
    }
    log.lines.length = 0
    expect(await codeOf(asks(gateOf(secret, { clock: clockOff(-180) }), server))).to.equal('none')
    expect(log.lines.filter(({ event }) => event === 'pool.clock').map(({ level }) => level)).to.deep.equal([
      'warn',
      'warn',
    ])
  })

  it('refuses a relay by a member in the middle: who answers is not who was dialled', async () => {
    const server = await aServer()
    const { secret, id } = anIdentity()
    registry.set(id)
    const relay = await aServer({
      play: impostor(async (wire) => {
        const hi = await hear(wire, 'hi')
        const onward = forger(async (far) => {
          await say(far, hi)
          await say(wire, await hear(far, 'hello'))
        })
        await dialPlain({ addresses: server.addresses, to: server.id, gate: onward, clock })
      }),
    })
    expect(await codeOf(asks(gateOf(secret), relay))).to.equal('PEER_HANDSHAKE')
  })

  it('passes through who merely carries the bytes: a handshake in the clear says who was there, and authorises nothing', async () => {
    const server = await aServer()
    const carrier = await aProxy(server.addresses[0] as string)
    const { secret, id } = anIdentity()
    registry.set(id)
    expect(await asks(gateOf(secret), { id: server.id, addresses: [carrier.address] })).to.deep.equal({ id, roles: 0 })
  })

  it('refuses a replay: what was recorded opens no second connection, in either direction', async () => {
    const server = await aServer()
    const { secret, id } = anIdentity()
    registry.set(id)
    const heard: HandshakeMessage[] = []
    await asks(
      forger(async (wire) => {
        const hi = { kind: 'hi', connectionId: rng.bytes(32), from: id } as const
        await say(wire, hi)
        const hello = await hear(wire, 'hello')
        const welcome = aWelcome(secret, hello)
        await say(wire, welcome)
        heard.push(hi, hello, welcome)
      }),
      server,
    )
    const [hi, hello, welcome] = heard as [HandshakeMessage, Hello, Welcome]
    const again = forger(async (wire) => {
      await say(wire, hi)
      await hear(wire, 'hello')
      await say(wire, welcome)
    })
    expect(await codeOf(asks(again, server)), 'the recorded Welcome').to.equal('PEER_HANDSHAKE')
    const old = await aServer({
      play: impostor(async (wire) => {
        await hear(wire, 'hi')
        await say(wire, hello)
      }),
    })
    expect(await codeOf(asks(gateOf(secret), { ...old, id: server.id })), 'the recorded Hello').to.equal(
      'PEER_HANDSHAKE',
    )
  })

  it('refuses, as the dialler, every Hello that is not right', async () => {
    const other = anIdentity()
    registry.set(other.id)
    const { id } = anIdentity()
    registry.set(id)
    const wrong: Record<string, (hi: Uint8Array, own: Uint8Array) => Hello> = {
      'of another connection': (_hi, own) => aHello(own, ZERO_ADDRESS, rng.bytes(32)),
      'signed by another': (hi, own) => aHello(own, ZERO_ADDRESS, hi, { signature: signDigest(other.secret, hi) }),
      'from another member': (hi) => aHello(other.secret, ZERO_ADDRESS, hi),
      'malleated to a high s': (hi, own) => {
        const hello = aHello(own, ZERO_ADDRESS, hi)
        return { ...hello, signature: flipped(hello.signature) }
      },
      'to another': (hi, own) => aHello(own, other.id, hi),
      'of another pool': (hi, own) => aHello(own, ZERO_ADDRESS, hi, { pool: rng.bytes(32) }),
      'of another version': (hi, own) => aHello(own, ZERO_ADDRESS, hi, { version: 2 }),
      'from nobody': (hi, own) => aHello(own, ZERO_ADDRESS, hi, { from: ZERO_ADDRESS }),
    }
    for (const [name, make] of Object.entries(wrong)) {
      const own = anIdentity()
      registry.set(own.id)
      const server = await aServer({
        play: impostor(async (wire) => {
          const hi = await hear(wire, 'hi')
          await say(wire, make(hi.connectionId, own.secret))
        }),
      })
      expect(await codeOf(asks(gateOf(undefined), { ...server, id: own.id })), name).to.equal('PEER_HANDSHAKE')
    }
  })

  it('refuses, as the one dialled, every Welcome that is not right', async () => {
    const server = await aServer()
    const other = anIdentity()
    registry.set(other.id)
    const wrong: Record<string, [(hello: Hello, secret: Uint8Array) => HandshakeMessage, string]> = {
      'to another hello': [(hello, own) => aWelcome(own, hello, { hello: rng.bytes(32) }), 'PEER_HANDSHAKE'],
      'signed by another': [
        (hello, own) => aWelcome(own, hello, { signature: signDigest(other.secret, rng.bytes(32)) }),
        'PEER_HANDSHAKE',
      ],
      'in the name of another': [(hello) => aWelcome(other.secret, hello), 'PEER_HANDSHAKE'],
      'to another': [(hello, own) => aWelcome(own, hello, { to: other.id }), 'PEER_HANDSHAKE'],
      'malleated to a high s': [
        (hello, own) => {
          const welcome = aWelcome(own, hello)
          return { ...welcome, signature: flipped(welcome.signature) }
        },
        'PEER_HANDSHAKE',
      ],
      'eleven minutes old': [(hello, own) => aWelcome(own, hello, { time: clock.now() - 660 }), 'PEER_CLOCK'],
      'the Hello reflected': [(hello) => hello, 'NET_PROTOCOL'],
    }
    for (const [name, [make, code]] of Object.entries(wrong)) {
      const { secret, id } = anIdentity()
      registry.set(id)
      const gate = forger(async (wire) => {
        await say(wire, { kind: 'hi', connectionId: rng.bytes(32), from: id })
        await say(wire, make(await hear(wire, 'hello'), secret))
      })
      expect(await codeOf(asks(gate, server)), name).to.equal(code)
    }
  })

  it('refuses a reflection: a member that is made to answer its own greeting', async () => {
    const server = await aServer()
    const { secret } = server
    // its own `hi` comes back to it: the answer is from itself, and it dialled somebody else
    const { id } = anIdentity()
    registry.set(id)
    expect(await codeOf(asks(gateOf(secret), { id, addresses: server.addresses }))).to.equal('PEER_HANDSHAKE')
  })

  it('gives a node without identity no inbound connections', async () => {
    const server = await aServer({ play: gateOf(undefined) })
    expect(await codeOf(asks(gateOf(undefined), server))).to.equal('PEER_HANDSHAKE')
  })

  describe('its port', () => {
    const raw = ({ addresses }: Server): Promise<Socket> => {
      const [, , host, , port] = (addresses[0] as string).split('/')
      const socket = connect({ host: host as string, port: Number(port) })
      return new Promise((resolve, reject) => {
        socket.once('error', reject)
        socket.once('connect', () => resolve(socket))
      })
    }
    const isClosed = (socket: Socket) => eventually(() => socket.destroyed || socket.readableEnded, 5_000, 'the end')

    it('ends whoever says nothing, says too much, or says nonsense', async () => {
      const server = await aServer({ limits: { gateMs: 300 } })
      const silent = await raw(server)
      silent.resume()
      await isClosed(silent)
      const large = await raw(server)
      large.resume()
      large.write(Buffer.from([0, 1, 0, 0]))
      await isClosed(large)
      const nonsense = await raw(server)
      nonsense.resume()
      nonsense.write(Buffer.concat([Buffer.from([0, 0, 0, 20]), rng.bytes(20)]))
      await isClosed(nonsense)
      for (const socket of [silent, large, nonsense]) socket.destroy()
    })

    it('takes so many connections of one host and in all, and so many a second', async () => {
      const server = await aServer({ limits: { connectionsPerHost: 3, gateMs: 60_000 } })
      const sockets = [await raw(server), await raw(server), await raw(server)]
      const fourth = await raw(server)
      fourth.on('error', () => undefined)
      fourth.resume()
      await isClosed(fourth)
      expect(sockets.every((socket) => !socket.destroyed)).to.equal(true)
      for (const socket of sockets) socket.destroy()
      const busy = await aServer({ limits: { connectionsPerSecond: 2, gateMs: 60_000 } })
      const quick = await Promise.all(Array.from({ length: 8 }, () => raw(busy)))
      for (const socket of quick) {
        socket.on('error', () => undefined)
        socket.resume()
      }
      await eventually(() => quick.filter((socket) => socket.destroyed || socket.readableEnded).length >= 4)
      for (const socket of quick) socket.destroy()
    })

    it('reads no address but host and port', async () => {
      for (const address of ['/ip4/127.0.0.1', '/ip4/127.0.0.1/tcp/70000', '/ip4/127.0.0.1/udp/1', '127.0.0.1:80', ''])
        expect(
          await codeOf(dialPlain({ addresses: [address], to: ZERO_ADDRESS, gate: gateOf(undefined), clock })),
          address,
        ).to.equal('INPUT_FORMAT')
    })
  })
})

/** The same signature with n − s: valid for libraries that do not ask for low s. */
function flipped(signature: Uint8Array): Uint8Array {
  const n = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
  const s = BigInt(`0x${Buffer.from(signature.subarray(32, 64)).toString('hex')}`)
  const other = Buffer.from((n - s).toString(16).padStart(64, '0'), 'hex')
  return Uint8Array.from([...signature.subarray(0, 32), ...other, (signature[64] as number) === 27 ? 28 : 27])
}
