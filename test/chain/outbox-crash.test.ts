import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect } from 'chai'
import { fromHex, toHex } from '../../base/bytes.ts'
import { addressOf } from '../../base/curve.ts'
import { DAY, seconds, wei } from '../../base/units.ts'
import { type Devnet, startAnvil } from '../../chain/devnet.ts'
import { flushDevnet } from '../../chain/devnet-state.ts'
import { advanceBy, grantEther } from '../../chain/devnet-time.ts'
import { encodeTransfer } from '../../chain/market.ts'
import { createOutbox, type FaultSite } from '../../chain/outbox.ts'
import { effort } from '../effort.ts'
import { builtChild } from '../faults/built.ts'
import { killChildren, startChild } from '../store/child.ts'
import { type LocalMarket, startLocalMarket } from './local-market.ts'
import { memoryJournal } from './memory-journal.ts'
import { clock, silent, until } from './ports.ts'

const SITES: readonly FaultSite[] = [
  'outbox.signed',
  'outbox.committed',
  'outbox.broadcast',
  'outbox.mined',
  'outbox.settled',
]
const ACTS = 4

describe('chain/outbox under kill -9', () => {
  let home: string
  let local: LocalMarket
  let again: Devnet | undefined
  before(async () => {
    home = await mkdtemp(join(tmpdir(), 'holdfast-outbox-'))
    local = await startLocalMarket({ stateFile: join(home, 'chain', 'anvil.json') })
  })
  after(async () => {
    await killChildren()
    await again?.stop()
    await local?.close()
    await rm(home, { recursive: true, force: true })
  })

  const recipientOf = (i: number) => addressOf(fromHex((0x2000_0000 + i).toString(16).padStart(64, '0')))

  const crashes = effort(1, 6, 180) * SITES.length
  it(`F37: acts exactly once whatever step the process dies at (${crashes} crashes)`, async () => {
    const writer = pathToFileURL(await builtChild('test/chain/outbox-writer.child.ts')).href
    const secret = new Uint8Array(32).fill(0x77)
    await grantEther(local.chain, addressOf(secret), 10n ** 18n)
    await local.send(local.secret, local.market.token, encodeTransfer(addressOf(secret), wei(1_000n)))
    const before = Array.from({ length: ACTS }, () => 0n)
    for (let round = 0; round < crashes; round++) {
      const site = SITES[round % SITES.length] as FaultSite
      // A database per site: the acts of each are new to it, and go to the same recipients.
      const args = [join(home, `db-${round}`), local.devnet.url, toHex(secret), local.market.token, String(ACTS)]
      const victim = startChild(writer, [...args, site, String(1 + (round % 2))])
      await new Promise((done) => victim.process.once('exit', done))
      expect(victim.lines, `${site} killed it`).to.deep.equal([])
      const survivor = startChild(writer, args)
      await survivor.line((line) => line === 'done')
      for (let i = 0; i < ACTS; i++) {
        const balance = await local.market.tokenBalance(recipientOf(i))
        expect(balance - (before[i] as bigint), `act ${i} after ${site}`).to.equal(1n)
        before[i] = balance
      }
    }
  }).timeout(60_000 + 5_000 * crashes)

  it('brings back exactly once what the chain itself lost when it was killed after mining', async () => {
    const { chain, devnet, market } = local
    const secret = new Uint8Array(32).fill(0x78)
    await grantEther(chain, addressOf(secret), 10n ** 18n)
    await local.send(local.secret, market.token, encodeTransfer(addressOf(secret), wei(1_000n)))
    const stateFile = join(home, 'chain', 'anvil.json')
    await flushDevnet(stateFile, clock)
    await copyFile(stateFile, join(home, 'saved'))
    const journal = memoryJournal()
    const own = createOutbox({ journal, chain, secret, clock, log: silent })
    await own.start()
    const ids: string[] = []
    for (let i = 0; i < 5; i++) {
      const id = `lost/${i}`
      ids.push(id)
      await journal.commit(
        own.intent({ id, to: market.token, data: encodeTransfer(recipientOf(100 + i), wei(1n)), kind: 'transfer' }),
      )
      own.kick()
      await own.settled(id, AbortSignal.timeout(10_000))
    }
    await advanceBy(chain, seconds(DAY))
    const before = await chain.head()
    process.kill(devnet.pid, 'SIGKILL')
    await devnet.ended
    await copyFile(join(home, 'saved'), stateFile) // as if the kill had come before the next write of the state
    again = await startAnvil({ log: silent, clock, port: devnet.port, stateFile })
    await until(
      async () => (await chain.head().catch(() => before)).hash !== before.hash,
      'the chain is back, and shorter',
    )
    await until(() => own.unfinished() === 0 && chain.latest().number > 0, 'nothing is left to do')
    await until(async () => (await market.tokenBalance(recipientOf(104))) === 1n, 'the last one is back')
    for (let i = 0; i < 5; i++) expect(await market.tokenBalance(recipientOf(100 + i)), `act ${i}`).to.equal(1n)
    for (const id of ids) expect(await own.outcome(id)).to.have.property('ok', true)
    await own.stop()
  }).timeout(60_000)
})
