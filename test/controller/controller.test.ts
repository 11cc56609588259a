import { expect } from 'chai'
import { concat } from '../../base/bytes.ts'
import { type Address, addressOf } from '../../base/curve.ts'
import { HoldfastError } from '../../base/errors.ts'
import { sha256 } from '../../base/hash.ts'
import { DAY } from '../../base/units.ts'
import { answerRows, nonceOf } from '../../blob/challenge.ts'
import { createAdverts } from '../../controller/adverts.ts'
import { Controller } from '../../controller/controller.ts'
import type { Effect } from '../../controller/facts.ts'
import type { Jobs } from '../../controller/jobs.ts'
import { Ledger } from '../../controller/ledger.ts'
import { openPlacement } from '../../controller/placement-state.ts'
import { POLICY } from '../../controller/policy.ts'
import { aBookedBlob } from './booked-blob.ts'
import { advance, MemoryJournal, MemoryMarket, realClock, silent } from './memory-market.ts'

const domain = { chainId: 31337, contract: `0x${'11'.repeat(20)}` as Address }
const secret = new Uint8Array(32).fill(7)
const account = addressOf(secret)
const nonceKey = new Uint8Array(32).fill(4)
const START = 1_800_000_000

/** Jobs whose peers always say yes. */
function yesJobs(world: { controller?: Controller; ledger?: Ledger }): Jobs {
  let running = 0
  const tell = (run: Parameters<Controller['step']>[0]) => {
    running++
    void world.controller?.step(run).finally(() => running--)
  }
  return {
    bind() {},
    running: () => running,
    stop: async () => {},
    hand() {},
    ask() {},
    bisect() {},
    docket: async () => undefined,
    lookForNotice() {},
    askTerms: ({ placement }: Extract<Effect, { kind: 'ask-terms' }>) =>
      tell((step) => {
        const price = step.placement(placement)?.price ?? 0n
        step.tell(placement, { kind: 'contract', fact: { kind: 'quoted', price } })
      }),
    renew: (effect: Extract<Effect, { kind: 'renew' }>) =>
      tell((step) => step.tell(effect.placement, { kind: 'renewed', version: effect.version, end: effect.end })),
    topUp: (effect: Extract<Effect, { kind: 'top-up' }>) =>
      tell(async (step) => {
        const placement = step.placement(effect.placement)
        if (!placement) return
        const blob = blobOf(placement.share)
        const rows = effect.from + effect.count
        step.batch.answers(
          placement.id,
          concat(
            ...answerRows(
              domain,
              sha256(blob),
              blob,
              Array.from({ length: rows }, (_, row) => nonceOf(nonceKey, sha256(blob), row)),
            ),
          ),
        )
        step.tell(placement.id, { kind: 'read-verified', at: step.now, rows })
      }),
  } as unknown as Jobs
}

const blobOf = (share: number) => new Uint8Array(1000).fill(share)

async function openWorld(journal: MemoryJournal, market: MemoryMarket) {
  const ledger = await Ledger.open(journal)
  const world: { controller?: Controller; ledger: Ledger } = { ledger }
  const outbox = market.outbox(journal)
  const controller = new Controller({
    ledger,
    chain: market.chain(),
    outbox,
    domain,
    account,
    nonceKey,
    policy: POLICY,
    clock: realClock,
    log: silent,
    jobs: yesJobs(world),
    adverts: createAdverts(realClock, async () => true),
  })
  world.controller = controller
  return { controller, ledger, outbox }
}

/** Of every blob here. */
const terms = { domain, nonceKey, uploader: account, start: START }

async function place(controller: Controller, shares: number): Promise<void> {
  await controller.step((step) => {
    for (let share = 0; share < shares; share++) {
      const steward = addressOf(new Uint8Array(32).fill(share + 10))
      const { id, placement, answers } = aBookedBlob({ ...terms, steward, blob: blobOf(share) })
      step.add(
        openPlacement({ id, ref: '00'.repeat(32), kind: 'share', segment: 0, share, placement, rows: answers.length }),
        { kind: 'booked', at: START },
      )
      step.batch.answers(id, concat(...answers))
    }
  })
}

describe('controller/controller', () => {
  it('walks a year: every bounty swept, the ladder followed, the rent paid for every second of it', async function () {
    this.timeout(30_000)
    const market = new MemoryMarket(account, START, 10n ** 21n)
    const journal = new MemoryJournal()
    const { controller, ledger } = await openWorld(journal, market)
    await controller.start()
    await place(controller, 3)
    await advance(market, controller, 365 * DAY)
    await controller.stop()
    expect(controller.failure).to.equal(undefined)
    expect(market.posts).to.have.length(market.swept.length)
    for (const placement of ledger.placements.values()) {
      expect(placement.state).to.equal('held')
      expect(placement.version).to.be.greaterThan(3)
      const mine = market.posts.filter(({ steward }) => steward === placement.steward)
      expect((mine[0]?.time ?? 0) - START, 'first after a day').to.be.within(DAY, DAY + 3600)
      expect(mine.length).to.be.within(14, 20)
      const paid = mine.reduce((sum, { amount }) => sum + amount, 0n)
      const owed =
        (placement.price * BigInt(placement.length) * BigInt(placement.totals.paid)) /
        (2n ** 30n * 2_592_000n * 10n ** 9n)
      expect(Number(paid - owed), 'rounding, a gwei a docket at most').to.be.within(0, mine.length)
    }
  })

  it('revokes what is not swept, asks once more, gives up, and loses no money', async () => {
    const market = new MemoryMarket(account, START, 10n ** 21n)
    const { controller, ledger } = await openWorld(new MemoryJournal(), market)
    await controller.start()
    await place(controller, 2)
    const silentOne = addressOf(new Uint8Array(32).fill(10))
    market.silentStewards.add(silentOne)
    await advance(market, controller, 30 * DAY)
    await controller.stop()
    const states = new Map([...ledger.placements.values()].map(({ steward, state }) => [steward, state]))
    expect(states.get(silentOne)).to.equal('mia')
    expect([...states.values()].filter((state) => state === 'held')).to.have.length(1)
    expect(market.revoked).to.have.length(2)
    expect(market.open.size).to.equal(0)
    const spent = market.posts
      .filter(({ id }) => market.swept.includes(id))
      .reduce((sum, { amount }) => sum + amount, 0n)
    expect(market.balance).to.equal(10n ** 21n - spent * 10n ** 9n)
  })

  it('goes on after a stop with the same ledger, and posts nothing twice', async () => {
    const market = new MemoryMarket(account, START, 10n ** 21n)
    const journal = new MemoryJournal()
    const first = await openWorld(journal, market)
    await first.controller.start()
    await place(first.controller, 3)
    await advance(market, first.controller, 10 * DAY)
    await first.controller.stop()
    const before = market.posts.length
    const second = await openWorld(journal, market)
    for (const id of first.outbox.done) second.outbox.done.add(id)
    await second.controller.start()
    await advance(market, second.controller, 20 * DAY)
    await second.controller.stop()
    expect(market.posts.length).to.be.greaterThan(before)
    expect(new Set(market.posts.map(({ id }) => id)).size).to.equal(market.posts.length)
  })

  it('makes answers again that were lost or damaged (F75): one round fails, the others on its docket go out, no row serves twice', async () => {
    const market = new MemoryMarket(account, START, 10n ** 21n)
    const journal = new MemoryJournal()
    const { controller, ledger } = await openWorld(journal, market)
    await controller.start()
    await place(controller, 3)
    await advance(market, controller, 2 * DAY)
    const [lost, damaged, sound] = [...ledger.placements.keys()] as [string, string, string]
    await journal.commit([{ key: `answers/${lost}`, value: undefined }])
    const get = journal.get.bind(journal)
    journal.get = async (key) => {
      if (key === `answers/${damaged}` && isDamaged)
        throw new HoldfastError('STORE_DAMAGED', { path: 'ledger', what: `the record ${key} is not what was written` })
      return get(key)
    }
    let isDamaged = true
    const commit = journal.commit.bind(journal)
    journal.commit = async (changes) => {
      if (changes.some(({ key }) => key === `answers/${damaged}`)) isDamaged = false
      return commit(changes)
    }
    await advance(market, controller, 60 * DAY)
    await controller.stop()
    expect(controller.failure).to.equal(undefined)
    for (const id of [lost, damaged]) {
      const placement = ledger.placements.get(id)
      expect(placement?.rows, id).to.include({ total: POLICY.rows * 2 })
      expect(placement?.totals.checks, id).to.be.greaterThan(2)
      expect(placement?.state).to.equal('held')
    }
    expect(ledger.placements.get(sound)?.rows.total).to.equal(POLICY.rows)
    expect(new Set(market.posts.map(({ id }) => id)).size).to.equal(market.posts.length)
    expect(market.posts).to.have.length(market.swept.length)
  })

  it('waits when the money is short, spends no row on it, and goes on when there is some', async () => {
    const market = new MemoryMarket(account, START, 0n)
    const { controller, ledger } = await openWorld(new MemoryJournal(), market)
    await controller.start()
    await place(controller, 1)
    await advance(market, controller, 2 * DAY)
    expect(market.posts).to.have.length(0)
    expect([...ledger.placements.values()][0]?.rows.next).to.equal(0)
    market.balance = 10n ** 21n
    await advance(market, controller, 1 * DAY)
    await controller.stop()
    expect(market.swept).to.have.length(1)
  })

  it('waits while the chain does not answer, and goes on when it does', async () => {
    const market = new MemoryMarket(account, START, 10n ** 21n)
    const chain = market.chain()
    let isAway = true
    market.chain = () => ({
      ...chain,
      balance: async () => {
        if (isAway) throw new HoldfastError('CHAIN_UNREACHABLE', { rpc: 'http://127.0.0.1:1' })
        return chain.balance()
      },
    })
    const { controller } = await openWorld(new MemoryJournal(), market)
    await controller.start()
    await place(controller, 1)
    market.time += DAY + 3600
    market.mine([])
    expect((await controller.tick(market.blocks.length - 1)).nextDue).to.be.greaterThan(market.time)
    expect(controller.failure).to.equal(undefined)
    expect(market.posts).to.have.length(0)
    isAway = false
    await advance(market, controller, 1 * DAY)
    await controller.stop()
    expect(controller.failure).to.equal(undefined)
    expect(market.swept).to.have.length(1)
  })
})
