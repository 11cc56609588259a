import { expect } from 'chai'
import { utf8 } from '../../base/bytes.ts'
import { HoldfastError } from '../../base/errors.ts'
import { sha256 } from '../../base/hash.ts'
import type { NetNode } from '../../net/node.ts'
import type { Wire } from '../../net/wire.ts'
import { aNode, rng, stopNodes, targetOf } from './nodes.ts'

const ECHO = '/holdfast/echo/1'
const SHORT = { idleMs: 300, messageMs: 300, minBytesPerSecond: 1_000_000, lingerMs: 200 }

/** A client's wire to a server that runs `serve`, with short limits on the server. */
async function aWire(
  serve: (wire: Wire) => Promise<void>,
  limits = {},
): Promise<{ wire: Wire; server: NetNode; outcome: Promise<unknown> }> {
  const server = await aNode({ limits: { wire: limits } })
  let settle: (outcome: unknown) => void = () => undefined
  const outcome = new Promise<unknown>((resolve) => {
    settle = resolve
  })
  await server.handle(
    ECHO,
    async (wire) => {
      try {
        await serve(wire)
        settle('served')
      } catch (cause) {
        settle(cause)
        throw cause
      }
    },
    { maxStreams: 8 },
  )
  const client = await aNode({ listen: [] })
  return { wire: await client.open(targetOf(server), ECHO), server, outcome }
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
    return 'none'
  } catch (cause) {
    return cause instanceof HoldfastError ? cause.code : String(cause)
  }
}

describe('net/wire', () => {
  afterEach(stopNodes)

  it('carries messages and raw ranges one after another on one stream', async () => {
    const { wire } = await aWire(async (theirs) => {
      for (
        let request = await theirs.receiveOrEnd(100);
        request !== undefined;
        request = await theirs.receiveOrEnd(100)
      ) {
        const { length } = request as { length: number }
        const bytes = new Uint8Array(length)
        await theirs.receiveInto(bytes)
        await theirs.send({ hash: sha256(bytes) })
        await theirs.sendBytes(bytes)
      }
    })
    for (const length of [0, 1, 255, 256 * 1024, 256 * 1024 + 1, 3_000_000]) {
      const bytes = rng.bytes(length)
      await wire.send({ length })
      await wire.sendBytes(bytes)
      expect(await wire.receive(100)).to.deep.equal({ hash: sha256(bytes) })
      const parts: Uint8Array[] = []
      for await (const part of wire.receiveBytes(length)) parts.push(part)
      expect(Buffer.concat(parts).equals(bytes)).to.equal(true)
    }
    await wire.close()
  })

  it('moves 24 MiB to a reader that is slower than the sender, with bounded buffers', async () => {
    const total = 24 * 1024 * 1024
    const { wire } = await aWire(async (theirs) => {
      const chunk = new Uint8Array(256 * 1024).fill(7)
      await theirs.sendBytes(
        (function* () {
          for (let sent = 0; sent < total; sent += chunk.length) yield chunk
        })(),
      )
    })
    let got = 0
    for await (const part of wire.receiveBytes(total)) {
      got += part.length
      if (got % (4 * 1024 * 1024) === 0) await new Promise((resolve) => setTimeout(resolve, 20))
    }
    expect(got).to.equal(total)
  })

  it('tells the peer the number of an error and nothing else', async () => {
    const { wire } = await aWire(async () => {
      throw new HoldfastError('GRANT_WRONG', { secret: 'do not tell' })
    })
    const error = await wire.receive(100).catch((cause: HoldfastError) => cause)
    expect(error).to.be.instanceOf(HoldfastError).with.property('code', 'GRANT_WRONG')
    expect(JSON.stringify((error as HoldfastError).data)).not.to.contain('do not tell')
  })

  it("tells what concerns only the peer's own state as a refusal", async () => {
    const { wire } = await aWire(async () => {
      throw new Error('a bug of theirs')
    })
    const error = (await wire.receive(100).catch((cause) => cause)) as HoldfastError
    expect(error.code).to.equal('PEER_REFUSED')
    expect(error.data.told).to.equal('INTERNAL')
  })

  it('refuses a frame over the cap before allocating it', async () => {
    const { wire, outcome } = await aWire(async (theirs) => void (await theirs.receive(1024)))
    await wire.sendBytes(Uint8Array.of(0xff, 0xff, 0xff, 0xff))
    expect(await codeOf(wire.receive(100))).to.equal('NET_OVERSIZE')
    expect(await outcome).to.have.property('code', 'NET_OVERSIZE')
  })

  it('refuses bytes that are not canonical CBOR', async () => {
    for (const bytes of ['ff', 'f6', 'a20101', '1800', '5f42010243030405ff']) {
      const { wire } = await aWire(async (theirs) => void (await theirs.receive(1024)))
      const body = Buffer.from(bytes, 'hex')
      await wire.sendBytes(Buffer.concat([Buffer.from([0, 0, 0, body.length]), body]))
      expect(await codeOf(wire.receive(100)), bytes).to.equal('NET_MALFORMED')
    }
  })

  it('gives up on a peer that sends nothing, and on one that drips', async () => {
    const silent = await aWire(async (theirs) => void (await theirs.receive(1024)), SHORT)
    expect(await silent.outcome).to.have.property('code', 'NET_TIMEOUT')
    const dripping = await aWire(async (theirs) => void (await theirs.receive(1024)), SHORT)
    const drip = (async () => {
      for (const byte of [0, 0, 0, 9, ...utf8('123456789')]) {
        await dripping.wire.sendBytes(Uint8Array.of(byte))
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
    })()
    expect(await dripping.outcome).to.have.property('code', 'NET_TIMEOUT')
    await codeOf(drip)
  })

  it('gives up on a raw range that comes slower than the least pace', async () => {
    const { wire, outcome } = await aWire(async (theirs) => theirs.receiveInto(new Uint8Array(400_000)), SHORT)
    const drip = (async () => {
      for (let i = 0; i < 40; i++) {
        await wire.sendBytes(new Uint8Array(10_000))
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
    })()
    expect(await outcome).to.have.property('code', 'NET_TIMEOUT')
    await codeOf(drip)
  })

  it('gives up on a peer that does not read', async () => {
    const { outcome } = await aWire(async (theirs) => {
      const chunk = new Uint8Array(256 * 1024)
      await theirs.sendBytes(
        (function* () {
          for (let i = 0; i < 1000; i++) yield chunk
        })(),
      )
    }, SHORT)
    expect(await outcome).to.have.property('code', 'NET_TIMEOUT')
  })

  it('hears a refusal in the middle of an upload, and why', async () => {
    const { wire } = await aWire(async (theirs) => {
      let got = 0
      for await (const part of theirs.receiveBytes(64 * 1024 * 1024)) {
        got += part.length
        if (got > 1024 * 1024) throw new HoldfastError('PLACEMENT_INVALID', { what: 'changed my mind' })
      }
    })
    const chunk = new Uint8Array(256 * 1024)
    const sending = wire.sendBytes(
      (function* () {
        for (let i = 0; i < 256; i++) yield chunk
      })(),
    )
    expect(await codeOf(sending)).to.equal('PLACEMENT_INVALID')
  })

  it('ends at once when its signal is aborted', async () => {
    const server = await aNode()
    await server.handle(ECHO, async (wire) => void (await wire.receive(10)), { maxStreams: 8 })
    const client = await aNode({ listen: [] })
    const stopper = new AbortController()
    const wire = await client.open(targetOf(server), ECHO, { signal: stopper.signal })
    const receiving = codeOf(wire.receive(10))
    stopper.abort()
    expect(await receiving).to.equal('INTERRUPTED')
  })

  it('reports a stream that ends in the middle of a message', async () => {
    const { wire } = await aWire(async (theirs) => {
      await theirs.sendBytes(Uint8Array.of(0, 0, 0, 9, 1))
    })
    expect(await codeOf(wire.receive(100))).to.equal('NET_CLOSED')
  })
})
