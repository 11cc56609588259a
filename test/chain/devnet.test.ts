import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { fromHex } from '../../base/bytes.ts'
import { addressOf } from '../../base/curve.ts'
import { DAY, seconds } from '../../base/units.ts'
import { DEV_SECRETS, type Devnet, startAnvil, wipeDevnet } from '../../chain/devnet.ts'
import { flushDevnet, readKeeping } from '../../chain/devnet-state.ts'
import { advanceBy, advanceTo, grantEther, mine } from '../../chain/devnet-time.ts'
import { type Chain, connectChain } from '../../chain/rpc.ts'
import { clock, rejection, silent, until } from './ports.ts'

describe('chain/devnet', () => {
  let home: string
  const started: Devnet[] = []
  const chains: Chain[] = []
  const start = async (stateFile: string, port?: number) => {
    const devnet = await startAnvil({ log: silent, clock, stateFile, ...(port === undefined ? {} : { port }) })
    started.push(devnet)
    return devnet
  }
  const connect = async (devnet: Devnet) => {
    const chain = await connectChain([devnet.url], { log: silent, clock })
    chains.push(chain)
    return chain
  }
  before(async () => {
    home = await mkdtemp(join(tmpdir(), 'holdfast-devnet-'))
  })
  after(async () => {
    for (const chain of chains) chain.close()
    await Promise.all(started.map((devnet) => devnet.stop()))
    await rm(home, { recursive: true, force: true })
  })

  it('goes on a year ahead after a jump, a kill -9 and a start: same blocks, time not behind from the first answer', async () => {
    const stateFile = join(home, 'year', 'anvil.json')
    const first = await start(stateFile)
    const chain = await connect(first)
    const genesis = (await chain.block(0))?.hash
    await advanceBy(chain, seconds(365 * DAY))
    await grantEther(chain, addressOf(new Uint8Array(32).fill(1)), 5n)
    await mine(chain)
    await flushDevnet(stateFile, clock)
    const before = await chain.head()
    expect(before.timestamp).to.be.greaterThan(clock.now() + 364 * DAY)
    process.kill(first.pid, 'SIGKILL')
    await first.ended

    const second = await start(stateFile, first.port)
    const after = await chain.head() // the same connection finds it again
    expect(after.hash).to.equal(before.hash)
    expect((await chain.block(0))?.hash).to.equal(genesis)
    expect(await chain.balance(addressOf(new Uint8Array(32).fill(1)))).to.equal(5n)
    const next = await mine(chain)
    expect(next.timestamp).to.be.within(before.timestamp, before.timestamp + 60)
    await second.stop()
    await second.stop()
  })

  it('keeps its first block over many starts, of which each makes one of its own', async function () {
    this.timeout(120_000)
    const stateFile = join(home, 'roots', 'anvil.json')
    let devnet = await start(stateFile)
    const chain = await connect(devnet)
    await mine(chain)
    const genesis = (await chain.block(0))?.hash
    for (let turn = 0; turn < 3; turn++) {
      const { timestamp } = await chain.head()
      await until(async () => clock.now() > timestamp + turn, 'another second: else the new block would be the same')
      await devnet.stop()
      devnet = await start(stateFile, devnet.port)
      expect((await chain.block(0))?.hash, `start ${turn + 2}`).to.equal(genesis)
      await mine(chain)
    }
    await devnet.stop()
  })

  it('starts from the last whole copy when the newest one was cut off in the middle, whatever the place', async () => {
    const stateFile = join(home, 'torn', 'anvil.json')
    let devnet = await start(stateFile)
    const chain = await connect(devnet)
    await advanceTo(chain, (clock.now() + 40 * DAY) as never)
    await flushDevnet(stateFile, clock)
    const head = await chain.head()
    const whole = (await readFile(stateFile)).length
    for (const length of [0, 1, 8192, whole - 1]) {
      process.kill(devnet.pid, 'SIGKILL')
      await devnet.ended
      await truncate(stateFile, length)
      devnet = await start(stateFile, devnet.port)
      expect((await chain.head()).number).to.be.at.least(head.number)
      expect((await chain.head()).timestamp).to.equal(head.timestamp)
    }
    await devnet.stop()
    await writeFile(stateFile, '{')
    await writeFile(`${stateFile}.good`, '{')
    expect(await rejection(start(stateFile))).to.have.property('code', 'STORE_UNUSABLE')
    await wipeDevnet(stateFile)
    await (await start(stateFile)).stop()
  })

  it('lets one chain run on a state, and replaces one whose keeper was killed', async () => {
    const stateFile = join(home, 'once', 'anvil.json')
    const first = await start(stateFile)
    const head = await mine(await connect(first))
    expect(await rejection(start(stateFile))).to.have.property('code', 'STORE_LOCKED')
    const keeping = await readKeeping(stateFile)
    process.kill(keeping?.keeper as number, 'SIGKILL')
    await first.ended
    const second = await start(stateFile)
    expect(second.pid).not.to.equal(first.pid)
    expect((await (await connect(second)).head()).hash).to.equal(head.hash) // the orphan wrote its state before it ended
    await second.stop()
  })

  it('knows the rich accounts and refuses to move the time of any other chain', async () => {
    const devnet = await startAnvil({ log: silent, clock, chainId: 424242 })
    started.push(devnet)
    const chain = await connect(devnet)
    for (const secret of DEV_SECRETS)
      expect(await chain.balance(addressOf(fromHex(secret)))).to.equal(10_000n * 10n ** 18n)
    for (const attempt of [
      advanceBy(chain, seconds(1)),
      mine(chain),
      grantEther(chain, addressOf(fromHex(DEV_SECRETS[0])), 1n),
    ])
      expect(await rejection(attempt)).to.have.property('code', 'CHAIN_NOT_DEV')
    expect(await rejection(connectChain([devnet.url], { log: silent, clock, expectChainId: 31_337 }))).to.have.property(
      'code',
      'CHAIN_WRONG',
    )
    await devnet.stop()
  })
})
