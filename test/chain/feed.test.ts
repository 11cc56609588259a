import { expect } from 'chai'
import { addressOf, signDigest } from '../../base/curve.ts'
import { sweepDigest } from '../../base/typed-data.ts'
import { DAY, gwei, unixTime } from '../../base/units.ts'
import { mine } from '../../chain/devnet-time.ts'
import { type FeedUpdate, followMarket } from '../../chain/feed.ts'
import { encodePost, encodeSweep, type MarketEvent, uploaderTopics } from '../../chain/market.ts'
import { connectChain } from '../../chain/rpc.ts'
import { type LocalMarket, startLocalMarket } from './local-market.ts'
import { clock, rejection, silent, until } from './ports.ts'
import { startRpcProxy } from './rpc-proxy.ts'

/** A consumer as daemons are: it keeps what was applied and takes back what was reverted, and commits the cursor with it. */
class Reader {
  readonly seen = new Map<string, MarketEvent>()
  cursor: Uint8Array | undefined
  head = ''
  updates = 0
  reverted = 0
  private stopping = new AbortController()
  private running: Promise<void> = Promise.resolve()

  follow(local: LocalMarket, chain = local.chain, from = 0): void {
    this.stopping = new AbortController()
    const feed = followMarket(chain, {
      market: local.market.market,
      topics: uploaderTopics(local.account),
      from,
      cursor: this.cursor,
      signal: this.stopping.signal,
      clock,
      log: silent,
    })
    this.running = this.read(feed)
    this.running.catch(() => undefined) // `stop` and `failure` look at it
  }
  private async read(feed: AsyncIterable<FeedUpdate>): Promise<void> {
    for await (const { reverted, applied, head, cursor } of feed) {
      for (const event of reverted) {
        expect(this.seen.delete(keyOf(event)), 'only what was applied is reverted').to.equal(true)
        this.reverted++
      }
      for (const event of applied) {
        expect(this.seen.has(keyOf(event)), 'nothing is applied twice').to.equal(false)
        this.seen.set(keyOf(event), event)
      }
      this.cursor = cursor
      this.head = head.hash
      this.updates++
    }
  }
  async stop(): Promise<void> {
    this.stopping.abort()
    await this.running
  }
  failure(): Promise<unknown> {
    return rejection(this.running)
  }
}
const keyOf = ({ blockHash, logIndex }: MarketEvent) => `${blockHash}/${logIndex}`
const kinds = ({ seen }: Reader) => [...seen.values()].map(({ kind }) => kind)

describe('chain/feed', () => {
  let local: LocalMarket
  let claims = 1
  const readers: Reader[] = []
  beforeEach(async () => {
    local = await startLocalMarket()
  })
  afterEach(async () => {
    await Promise.all(readers.splice(0).map((reader) => reader.stop().catch(() => undefined)))
    await local.close()
  })
  const aReader = (): Reader => {
    const reader = new Reader()
    readers.push(reader)
    reader.follow(local)
    return reader
  }
  const caughtUp = (reader: Reader) =>
    until(async () => reader.head === (await local.chain.head()).hash, 'the reader is at the head')
  async function post(): Promise<{ claimSecret: Uint8Array; deadline: ReturnType<typeof unixTime> }> {
    const claimSecret = new Uint8Array(32).fill(claims++)
    const deadline = unixTime(local.chain.latest().timestamp + 3 * DAY)
    const bounty = {
      claimKey: addressOf(claimSecret),
      amount: gwei(5n),
      docketHash: new Uint8Array(32),
      note: new Uint8Array(8),
    }
    await local.send(local.secret, local.market.market, encodePost(local.account, deadline, [bounty]))
    return { claimSecret, deadline }
  }
  async function sweep({ claimSecret, deadline }: Awaited<ReturnType<typeof post>>): Promise<void> {
    const payee = local.account
    const claim = signDigest(claimSecret, sweepDigest(local.market.domain, { payee, deadline }))
    await local.send(
      local.secret,
      local.market.market,
      encodeSweep(payee, [{ poster: payee, deadline, open: false, claims: [claim] }]),
    )
  }
  /** What a reader that starts now sees. */
  async function truth(): Promise<string[]> {
    const fresh = aReader()
    await caughtUp(fresh)
    await fresh.stop()
    return [...fresh.seen.keys()]
  }

  it('gives the past in order, then each block as it comes, and stops when told', async () => {
    const first = await post()
    const reader = aReader()
    await caughtUp(reader)
    await sweep(first)
    await post()
    await caughtUp(reader)
    expect(kinds(reader)).to.deep.equal(['deposited', 'posted', 'swept', 'posted'])
    await reader.stop()
    const { updates } = reader
    await mine(local.chain)
    await clock.sleep(60)
    expect(reader.updates).to.equal(updates)
  })

  it('goes on from the cursor: nothing twice, nothing left out', async () => {
    const reader = aReader()
    await post()
    await caughtUp(reader)
    await reader.stop()
    await post()
    await mine(local.chain)
    reader.follow(local)
    await caughtUp(reader)
    expect(kinds(reader)).to.deep.equal(['deposited', 'posted', 'posted'])
  })

  for (const depth of [1, 3, 12, 64])
    it(`rolls back and redoes a reorganisation ${depth} deep, running or not`, async () => {
      for (let i = 0; i < 70; i++) await mine(local.chain) // so that depth 64 stays within the market's life
      const first = await post()
      const running = aReader()
      const sleeping = aReader()
      await caughtUp(running)
      await caughtUp(sleeping)
      await sweep(first)
      await post()
      for (let i = 0; i < depth - 2; i++) await mine(local.chain)
      await caughtUp(running)
      await caughtUp(sleeping)
      await sleeping.stop()
      await local.chain.request('anvil_reorg', [depth, []])
      await local.chain.head()
      await post()
      sleeping.follow(local)
      await caughtUp(running)
      await caughtUp(sleeping)
      const now = await truth()
      expect([...running.seen.keys()]).to.deep.equal(now)
      expect([...sleeping.seen.keys()]).to.deep.equal(now)
      expect(running.reverted).to.be.greaterThan(0)
      expect(sleeping.reverted).to.equal(running.reverted)
    })

  it('survives the loss of everything it has seen while its memory is whole', async () => {
    const reader = new Reader()
    readers.push(reader)
    reader.follow(local, local.chain, local.chain.latest().number)
    await post()
    await caughtUp(reader)
    await local.chain.request('anvil_reorg', [local.chain.latest().number - 1, []])
    await caughtUp(reader)
    expect(kinds(reader)).to.deep.equal([])
    await reader.stop()
  })

  it('refuses a chain that has none of the blocks it remembers', async () => {
    const reader = aReader()
    await caughtUp(reader)
    for (let i = 0; i < 140; i++) {
      await mine(local.chain)
      if (i % 10 === 0) await caughtUp(reader)
      else await until(() => reader.head === local.chain.latest().hash, 'each head is read')
    }
    await reader.stop()
    const cursor = new TextDecoder().decode(reader.cursor)
    reader.cursor = new TextEncoder().encode(cursor.replaceAll(/"hash":"0x..../g, '"hash":"0xdead'))
    reader.follow(local)
    expect(await reader.failure()).to.have.property('code', 'CHAIN_WRONG')
  })

  it('does not take missing logs for none: an endpoint that lags is asked again', async () => {
    const front = await startRpcProxy(local.devnet.url)
    const chain = await connectChain([front.url], { log: silent, clock, pollMs: 20 })
    const reader = new Reader()
    readers.push(reader)
    try {
      let lies = 3
      front.rewrite = (call, answer) => {
        // The block the logs are asked for is unknown to this endpoint for a while, and then its logs are empty.
        if (
          call.method !== 'eth_getBlockByNumber' ||
          call.params[0] === 'latest' ||
          call.params[0] === '0x0' ||
          lies <= 0
        )
          return
        lies--
        answer.result = null
      }
      await post()
      reader.follow(local, chain)
      await until(() => kinds(reader).includes('posted'), 'the post is seen')
      expect(lies).to.equal(0)
      expect(kinds(reader)).to.deep.equal(['deposited', 'posted'])
      await reader.stop()
    } finally {
      chain.close()
      await front.close()
    }
  })

  it('keeps its cursor small enough to commit with every block', async () => {
    const reader = aReader()
    for (let i = 0; i < 20; i++) await post()
    await caughtUp(reader)
    expect(reader.cursor?.length).to.be.lessThan(40_000)
  })
})
