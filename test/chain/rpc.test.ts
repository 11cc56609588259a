import { expect } from 'chai'
import { DAY, seconds } from '../../base/units.ts'
import { type Devnet, startAnvil } from '../../chain/devnet.ts'
import { advanceBy, mine } from '../../chain/devnet-time.ts'
import { type Chain, type ConnectOptions, connectChain } from '../../chain/rpc.ts'
import { clock, recordingLog, rejection, silent, until } from './ports.ts'
import { type RpcProxy, startRpcProxy } from './rpc-proxy.ts'

describe('chain/rpc', () => {
  let devnet: Devnet
  let other: Devnet
  const open: { close(): unknown }[] = []
  const connect = async (urls: readonly string[], options: Partial<ConnectOptions> = {}): Promise<Chain> => {
    const chain = await connectChain(urls, { log: silent, clock, pollMs: 20, ...options })
    open.push(chain)
    return chain
  }
  const proxy = async (target = devnet.url): Promise<RpcProxy> => {
    const started = await startRpcProxy(target)
    open.push(started)
    return started
  }
  before(async () => {
    devnet = await startAnvil({ log: silent, clock })
    other = await startAnvil({ log: silent, clock, chainId: 5 })
  })
  after(async () => {
    for (const item of open) await item.close()
    await Promise.all([devnet.stop(), other.stop()])
  })

  it('sees each new head, keeps chain time, and follows a jump of a year', async () => {
    const chain = await connect([devnet.url])
    const heads: number[] = []
    const off = chain.onHead(({ number }) => heads.push(number))
    const before = chain.latest()
    const jumped = await advanceBy(chain, seconds(365 * DAY))
    expect(jumped.timestamp).to.equal(before.timestamp + 365 * DAY)
    expect(chain.time()).to.be.within(jumped.timestamp, jumped.timestamp + 2)
    const watcher = await connect([devnet.url])
    await mine(chain)
    await until(() => watcher.latest().number === jumped.number + 1, 'the other connection sees the block by itself')
    off()
    await mine(chain)
    expect(heads).to.deep.equal([jumped.number, jumped.number + 1])
    expect(await chain.final()).to.equal(chain.latest().number)
  })

  it('says when the head before is no longer part of the chain', async () => {
    const chain = await connect([devnet.url])
    for (let i = 0; i < 4; i++) await mine(chain)
    const flags: boolean[] = []
    chain.onHead((_, reorged) => flags.push(reorged))
    await mine(chain)
    await chain.request('anvil_reorg', [3, []])
    await chain.head()
    await mine(chain)
    expect(flags).to.deep.equal([false, true, false])
  })

  it('uses another endpoint when one is down, and is unreachable when all are', async () => {
    const front = await proxy()
    const log = recordingLog()
    const chain = await connect([front.url, devnet.url], { log })
    expect(chain.url).to.equal(front.url)
    await front.close()
    expect((await mine(chain)).number).to.equal(chain.latest().number)
    expect(chain.url).to.equal(devnet.url)
    expect(log.events).to.include('chain.failover')
    const error = await rejection(connect(['http://127.0.0.1:9', front.url]))
    expect(error).to.have.property('code', 'CHAIN_UNREACHABLE')
    expect(error).to.have.property('exit', 5)
  })

  it('gives up on an answer that does not come within the deadline', async () => {
    const front = await proxy()
    front.swallow = ({ method }) => method === 'eth_getBalance'
    const chain = await connect([front.url], { deadlineMs: 200 })
    const began = performance.now()
    expect(await rejection(chain.balance('0x0000000000000000000000000000000000000001'))).to.have.property(
      'code',
      'CHAIN_UNREACHABLE',
    )
    expect(performance.now() - began).to.be.within(190, 2_000)
  })

  it('leaves an endpoint that answers in time but stands still', async () => {
    const front = await proxy()
    const log = recordingLog()
    // The monotonic clock runs a thousand times faster here, so that ten seconds of stillness take ten milliseconds.
    const fast = { ...clock, monotonic: () => performance.now() * 1000 }
    const chain = await connect([front.url, devnet.url], { log, clock: fast })
    const frozen = await chain.request('eth_getBlockByNumber', ['latest', false])
    front.rewrite = (call, answer) => {
      if (call.method === 'eth_getBlockByNumber' && call.params[0] === 'latest') answer.result = frozen
    }
    const mover = await connect([devnet.url])
    const moved = await mine(mover)
    await until(() => chain.latest().number >= moved.number, 'the other endpoint took over')
    expect(log.events).to.include('chain.still')
  })

  it('refuses an endpoint with another chain id or genesis, and lies that do not parse', async () => {
    expect(await rejection(connect([other.url], { expectChainId: 31_337 }))).to.have.property('code', 'CHAIN_WRONG')
    const foreign = await proxy()
    foreign.rewrite = (call, answer) => {
      if (call.method === 'eth_getBlockByNumber') (answer.result as { hash: string }).hash = `0x${'ab'.repeat(32)}`
    }
    const front = await proxy()
    const chain = await connect([front.url, foreign.url])
    await front.close()
    expect(await rejection(chain.head())).to.have.property('code', 'CHAIN_WRONG')

    const liar = await proxy()
    const lied = await connect([liar.url])
    liar.rewrite = (call, answer) => {
      if (call.method === 'eth_getTransactionReceipt') answer.result = { status: 'fine' }
      if (call.method === 'eth_getBalance') answer.result = 'a lot'
      if (call.method === 'eth_getLogs') answer.result = [{}]
    }
    expect(await rejection(lied.receipt(`0x${'00'.repeat(32)}`))).to.have.property('code', 'CHAIN_ANSWER')
    expect(await rejection(lied.balance('0x0000000000000000000000000000000000000001'))).to.have.property(
      'code',
      'CHAIN_ANSWER',
    )
    const filter = { address: '0x0000000000000000000000000000000000000001', topics: [] } as const
    expect(await rejection(lied.logs(filter, 0, lied.latest()))).to.have.property('code', 'CHAIN_ANSWER')
  })

  it('takes no logs from an endpoint that does not know the block asked for', async () => {
    const chain = await connect([devnet.url])
    const filter = { address: '0x0000000000000000000000000000000000000001', topics: [] } as const
    expect(await chain.logs(filter, 0, chain.latest())).to.deep.equal([])
    const unknown = { number: chain.latest().number, hash: `0x${'cd'.repeat(32)}` } as const
    expect(await rejection(chain.logs(filter, 0, unknown))).to.have.property('code', 'CHAIN_ANSWER')
    const ahead = { number: chain.latest().number + 5, hash: unknown.hash } as const
    expect(await rejection(chain.logs(filter, 0, ahead))).to.have.property('code', 'CHAIN_ANSWER')
  })

  it('takes `finalized` for final on a public chain, twelve blocks without it, and what was asked for', async () => {
    const front = await proxy(other.url)
    const plain = await connect([front.url])
    for (let i = 0; i < 20; i++) await plain.request('evm_mine', [])
    await plain.head()
    front.rewrite = (call, answer) => {
      if (call.params[0] !== 'finalized') return
      answer.result = undefined
      answer.error = { code: -32602, message: 'unknown block' }
    }
    expect(await plain.final()).to.equal(plain.latest().number - 11)
    expect(await (await connect([other.url])).final()).to.equal(0) // anvil: head - 64, at least 0
    expect(await (await connect([other.url], { confirmations: 3 })).final()).to.equal(plain.latest().number - 2)
  })

  it('hears of a block at once where the chain announces it, and polls again when the announcements end', async () => {
    const log = recordingLog()
    const own = await startAnvil({ log: silent, clock })
    open.push({ close: () => own.stop() })
    const chain = await connect([own.url], { pollMs: 400, log })
    const mover = await connect([own.url], { pollMs: 60_000 })
    const delays: number[] = []
    let minedAt = 0
    chain.onHead(() => delays.push(performance.now() - minedAt))
    const isQuick = async () => {
      minedAt = performance.now()
      const { number } = await mine(mover)
      await until(() => chain.latest().number === number, 'the block is seen', 3_000)
      return (delays.at(-1) as number) < 100
    }
    await until(isQuick, 'announcements come: blocks are seen long before the next poll')
    await own.stop()
    await until(() => log.events.includes('chain.down'), 'the end is noticed')
    const again = await startAnvil({ log: silent, clock, port: own.port })
    open.push({ close: () => again.stop() })
    await until(() => log.events.includes('chain.back'), 'so is the return')
  })

  it('refuses what is no URL', async () => {
    expect(await rejection(connect(['ftp://x']))).to.have.property('code', 'INPUT_FORMAT')
  })
})
