import { connect, type Socket } from 'node:net'
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { tcp } from '@libp2p/tcp'
import { tls } from '@libp2p/tls'
import { multiaddr } from '@multiformats/multiaddr'
import { expect } from 'chai'
import { createLibp2p, type Libp2p } from 'libp2p'
import { HoldfastError } from '../../base/errors.ts'
import { type Gate, HANDSHAKE_PROTOCOL, type NetNode } from '../../net/node.ts'
import { aLog, aNode, anIdentity, eventually, openGate, stopNodes, targetOf } from './nodes.ts'

const ECHO = '/holdfast/echo/1'
const bare: Libp2p[] = []
const sockets: Socket[] = []

/** A libp2p node that knows nothing of the handshake. */
async function aStranger(encrypters = [tls()]): Promise<Libp2p> {
  const node = await createLibp2p({
    privateKey: await generateKeyPair('secp256k1'),
    addresses: { listen: [] },
    transports: [tcp()],
    connectionEncrypters: encrypters,
    streamMuxers: [yamux()],
    connectionMonitor: { enabled: false },
  })
  bare.push(node)
  return node
}

async function anEcho(options = {}): Promise<NetNode> {
  const node = await aNode(options)
  await node.handle(ECHO, async (wire) => wire.send(await wire.receive(100)), { maxStreams: 64 })
  return node
}

async function echoes(client: NetNode, server: NetNode): Promise<boolean> {
  const wire = await client.open(targetOf(server), ECHO)
  await wire.send({ n: 1 })
  const answer = await wire.receive(100)
  await wire.close()
  return (answer as { n: number }).n === 1
}

async function failure(promise: Promise<unknown>): Promise<HoldfastError> {
  try {
    await promise
  } catch (cause) {
    if (cause instanceof HoldfastError) return cause
    throw cause
  }
  throw new Error('nothing failed')
}

describe('net/node', () => {
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy()
    await Promise.all(bare.splice(0).map((node) => node.stop()))
    await stopNodes()
  })

  it('listens on a loopback network of its own and says where', async () => {
    const { secret, id } = anIdentity()
    const node = await aNode({ listen: ['/ip4/127.0.0.7/tcp/0'], secret })
    expect(node.actor).to.equal(id)
    expect(node.addresses()[0]).to.match(/^\/ip4\/127\.0\.0\.7\/tcp\/[1-9]\d*\/p2p\/16Uiu2/)
  })

  it('reuses one connection, and shares one dial among calls at once', async () => {
    const server = await anEcho()
    const client = await aNode({ listen: [], secret: undefined })
    const answers = await Promise.all(Array.from({ length: 20 }, () => echoes(client, server)))
    expect(answers.every(Boolean)).to.equal(true)
    expect(client.session(server.actor)).to.equal(1)
    expect(server.peers().map((peer) => peer.channel)).to.deep.equal([client.actor])
  })

  it('opens streams over a connection the other side dialled', async () => {
    const server = await anEcho()
    const client = await anEcho()
    await echoes(client, server)
    const wire = await server.open({ id: client.actor, addresses: [] }, ECHO)
    await wire.send({ n: 2 })
    expect(await wire.receive(100)).to.deep.equal({ n: 2 })
  })

  it('refuses a key other than the wanted one', async () => {
    const server = await anEcho()
    const client = await aNode({ listen: [] })
    const error = await failure(client.open({ id: anIdentity().id, addresses: server.addresses() }, ECHO))
    expect(error.code).to.equal('PEER_HANDSHAKE')
    await eventually(() => server.peers().length === 0)
  })

  it('tries the next address when one does not answer', async () => {
    const server = await anEcho()
    const client = await aNode({ listen: [] })
    const wire = await client.open(
      { id: server.actor, addresses: ['/ip4/127.0.0.1/tcp/1', 'nonsense', ...server.addresses()] },
      ECHO,
    )
    await wire.close()
    expect((await failure(client.open({ addresses: ['/ip4/127.0.0.1/tcp/1'] }, ECHO))).code).to.equal('NET_UNREACHABLE')
  })

  it('refuses what the gate refuses, and tells the dialler why', async () => {
    const gate: Gate = {
      ...openGate,
      inbound: async () => Promise.reject(new HoldfastError('POOL_UNREGISTERED', { peer: 'x' })),
    }
    const server = await anEcho({ gate })
    const greeting: Gate = {
      ...openGate,
      outbound: async (wire, remote) => {
        await wire.receiveEnd()
        return { id: remote, channel: remote, roles: 0 }
      },
    }
    const client = await aNode({ listen: [], gate: greeting })
    expect((await failure(client.open(targetOf(server), ECHO))).code).to.equal('POOL_UNREGISTERED')
    expect(server.peers()).to.deep.equal([])
  })

  it('serves nothing before the handshake: whoever tries loses the connection', async () => {
    const server = await anEcho()
    for (const encrypter of [tls(), noise()] as ReturnType<typeof tls>[]) {
      const stranger = await aStranger([encrypter])
      const connection = await stranger.dial(multiaddr(server.addresses()[0] as string))
      await connection.newStream(ECHO).catch(() => undefined)
      await eventually(() => connection.status !== 'open', 2_000, 'the loss of the connection')
    }
  })

  it('closes a connection without a handshake after a while', async () => {
    const server = await anEcho({ limits: { gateMs: 300 } })
    const connection = await (await aStranger()).dial(multiaddr(server.addresses()[0] as string))
    await eventually(() => connection.status !== 'open', 3_000, 'the loss of the connection')
  })

  it('takes one handshake per connection', async () => {
    const server = await anEcho()
    const connection = await (await aStranger()).dial(multiaddr(server.addresses()[0] as string))
    await connection.newStream(HANDSHAKE_PROTOCOL)
    await connection.newStream(HANDSHAKE_PROTOCOL).catch(() => undefined)
    await eventually(() => connection.status !== 'open', 3_000, 'the loss of the connection')
  })

  it('closes the connection of a peer that announces a frame of 4 GiB', async () => {
    const server = await anEcho()
    const connection = await (await aStranger()).dial(multiaddr(server.addresses()[0] as string))
    const stream = await connection.newStream(HANDSHAKE_PROTOCOL)
    const { muxer } = connection as unknown as { muxer: { sendFrame(header: object, data: Uint8Array): void } }
    muxer.sendFrame({ type: 0, flag: 0, streamID: Number(stream.id), length: 0xffffffff }, new Uint8Array(100))
    await eventually(() => connection.status !== 'open', 3_000, 'the loss of the connection')
  })

  it('limits the streams of one peer and goes on serving others', async () => {
    const server = await aNode({ limits: { streamsPerPeer: 4 } })
    await server.handle(ECHO, async (wire) => wire.send(await wire.receive(100)), { maxStreams: 64 })
    const flooder = await aNode({ listen: [] })
    const held = await Promise.allSettled(Array.from({ length: 12 }, () => flooder.open(targetOf(server), ECHO)))
    const answers = await Promise.allSettled(
      held
        .flatMap((open) => (open.status === 'fulfilled' ? [open.value] : []))
        .map(async (wire) => {
          await wire.send({ n: 1 })
          return wire.receive(100, { within: 1_000 })
        }),
    )
    expect(answers.filter((answer) => answer.status === 'fulfilled').length).to.be.at.most(4)
    expect(await echoes(await aNode({ listen: [] }), server)).to.equal(true)
  })

  it('limits the connections of one peer key', async () => {
    const server = await anEcho({ limits: { connectionsPerPeer: 2 } })
    const stranger = await aStranger()
    const address = multiaddr(server.addresses()[0] as string)
    const dials = await Promise.allSettled(Array.from({ length: 6 }, () => stranger.dial(address, { force: true })))
    await eventually(() => stranger.getConnections().length <= 2, 3_000)
    expect(dials.length).to.equal(6)
  })

  it('answers a good client within a second while 200 sockets say nothing', async () => {
    const server = await anEcho({ limits: { connectionsPerSecond: 1000 } })
    const port = Number(/tcp\/(\d+)/.exec(server.addresses()[0] as string)?.[1])
    for (let i = 0; i < 200; i++) {
      const socket = connect(port, '127.0.0.1')
      socket.on('error', () => undefined)
      sockets.push(socket)
    }
    await eventually(() => sockets.every((socket) => !socket.connecting))
    const since = performance.now()
    expect(await echoes(await aNode({ listen: [] }), server)).to.equal(true)
    expect(performance.now() - since).to.be.below(1_000)
  })

  it('dials again when the other side was stopped and came back, with a new session number', async () => {
    const { secret } = anIdentity()
    const first = await anEcho({ secret })
    const listen = [(first.addresses()[0] as string).replace(/\/p2p.*/, '')]
    const client = await aNode({ listen: [] })
    await echoes(client, first)
    const session = client.session(first.actor)
    await first.stop()
    await eventually(() => client.session(first.actor) === undefined)
    const second = await anEcho({ secret, listen })
    expect(await echoes(client, second)).to.equal(true)
    expect(client.session(second.actor)).not.to.equal(session)
  })

  it('stops at once, twice, with streams open', async () => {
    const server = await anEcho()
    const client = await aNode({ listen: [] })
    const wire = await client.open(targetOf(server), ECHO)
    const receiving = failure(wire.receive(100))
    const since = performance.now()
    await server.stop()
    await server.stop()
    expect(performance.now() - since).to.be.below(2_000)
    expect((await receiving).code).to.equal('NET_CLOSED')
    await client.stop()
    expect((await failure(client.open(targetOf(server), ECHO))).code).to.equal('INTERRUPTED')
  })

  it('logs a bug of a handler as such, and a fault of a peer quietly', async () => {
    const log = aLog()
    const server = await aNode({ log })
    await server.handle(ECHO, async () => Promise.reject(new TypeError('oops')), { maxStreams: 4 })
    const client = await aNode({ listen: [] })
    const wire = await client.open(targetOf(server), ECHO)
    expect((await failure(wire.receive(10))).code).to.equal('PEER_REFUSED')
    await eventually(() => log.lines.some((line) => line.level === 'error' && line.event === 'net.handler'))
  })
})
