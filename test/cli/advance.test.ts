import { expect } from 'chai'
import { HoldfastError } from '../../base/errors.ts'
import { advanceTo, type Ticking } from '../../cli/advance.ts'

/** A chain of numbers: mining at the asked time, nothing else. */
function aChain(chainId = 31_337) {
  const blocks = [{ number: 5, timestamp: 1_000 }]
  let next = 0
  const head = () => blocks.at(-1) as { number: number; timestamp: number }
  const mine = (timestamp: number) => blocks.push({ number: head().number + 1, timestamp })
  return {
    blocks,
    mine,
    head: async () => head() as never,
    chainId,
    request: async (method: string, params: readonly unknown[]) => {
      if (method === 'evm_setNextBlockTimestamp') next = Number(params[0])
      if (method === 'evm_mine') mine(next)
    },
  }
}

function aDaemon(name: string, answer: (block: number, asked: number) => object): Ticking & { asked: number } {
  const daemon = {
    name,
    asked: 0,
    client: { post: async (_: string, body: unknown) => answer((body as { block: number }).block, ++daemon.asked) },
    isAlive: async () => true,
  }
  return daemon
}

const signal = new AbortController().signal

describe('cli/advance', () => {
  it('stops at every due time on the way and at none beyond the target', async () => {
    const chain = aChain()
    const dues = [1_200, 1_500, 9_999]
    const daemon = aDaemon('controller', () => ({
      idle: true,
      nextDue: dues.find((due) => due > (chain.blocks.at(-1)?.timestamp ?? 0)),
    }))
    const result = await advanceTo({ chain, daemons: [daemon], signal }, 2_000)
    expect(chain.blocks.map(({ timestamp }) => timestamp)).to.deep.equal([1_000, 1_200, 1_500, 2_000])
    expect(result).to.include({ advancedSeconds: 1_000, now: 2_000, hops: 3 })
  })

  it('waits for a busy daemon and asks everybody again when its work made a block', async () => {
    const chain = aChain()
    const busy = aDaemon('controller', (_, asked) => {
      if (asked === 2) chain.mine(1_001)
      return asked < 3 ? { idle: false, busy: 'a post is on its way' } : { idle: true }
    })
    const other = aDaemon('steward', () => ({ idle: true }))
    await advanceTo({ chain, daemons: [busy, other], signal }, 1_500)
    expect(other.asked).to.be.greaterThan(2)
    expect(chain.blocks.at(-1)?.timestamp).to.equal(1_500)
  })

  it('never asks for a time that is not after the head', async () => {
    const chain = aChain()
    const daemon = aDaemon('controller', (_, asked) => ({ idle: true, nextDue: asked < 3 ? 900 : 5_000 }))
    await advanceTo({ chain, daemons: [daemon], signal }, 1_010)
    const times = chain.blocks.map(({ timestamp }) => timestamp)
    expect(times).to.deep.equal([...new Set(times)].sort((a, b) => a - b))
  })

  it('leaves out and names a daemon whose process is gone', async () => {
    const chain = aChain()
    const gone: Ticking = {
      name: 'steward 0xdead',
      client: { post: () => Promise.reject(new HoldfastError('API_UNREACHABLE', { role: 'steward', url: 'x' })) },
      isAlive: async () => false,
    }
    const result = await advanceTo({ chain, daemons: [gone], signal }, 1_100)
    expect(result.skipped).to.deep.equal(['steward 0xdead'])
    expect(result.now).to.equal(1_100)
  })

  it('says at the limit who was busy and why, exit 5', async () => {
    const stop = new AbortController()
    const daemon = aDaemon('steward 0xslow', (_, asked) => {
      if (asked === 3) stop.abort(new HoldfastError('TIMED_OUT', { what: 'the command', limit: '1s' }))
      return { idle: false, busy: 'an answer is being computed' }
    })
    const failure = await advanceTo({ chain: aChain(), daemons: [daemon], signal: stop.signal }, 1_100).catch(
      (cause: unknown) => cause as HoldfastError,
    )
    expect(failure).to.be.instanceOf(HoldfastError)
    expect((failure as HoldfastError).exit).to.equal(5)
    expect((failure as HoldfastError).message)
      .to.include('steward 0xslow')
      .and.include('an answer is being computed')
  })

  it('moves the time of a dev chain only', async () => {
    const failure = await advanceTo({ chain: aChain(1), daemons: [], signal }, 2_000).catch(
      (cause: unknown) => cause as HoldfastError,
    )
    expect((failure as HoldfastError).code).to.equal('CHAIN_NOT_DEV')
  })
})
