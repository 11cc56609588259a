/** A ledger from a backup, against the one that was never lost: after it has caught up with the chain both know and do the same. */
import { expect } from 'chai'
import { concat, toHex } from '../../base/bytes.ts'
import { type Address, addressOf } from '../../base/curve.ts'
import { sha256 } from '../../base/hash.ts'
import { type Placement, placementDigest } from '../../base/typed-data.ts'
import { DAY } from '../../base/units.ts'
import { answersRootOf } from '../../blob/answers-root.ts'
import { answerRows, nonceOf } from '../../blob/challenge.ts'
import { createAdverts } from '../../controller/adverts.ts'
import { encodeBackup } from '../../controller/backup-format.ts'
import { Controller } from '../../controller/controller.ts'
import type { Jobs } from '../../controller/jobs.ts'
import { Ledger } from '../../controller/ledger.ts'
import { openPlacement } from '../../controller/placement-state.ts'
import { POLICY } from '../../controller/policy.ts'
import { restoreLedger } from '../../controller/restore.ts'
import { effort } from '../effort.ts'
import { advance, MemoryJournal, MemoryMarket, realClock, silent } from './memory-market.ts'

const domain = { chainId: 31337, contract: `0x${'11'.repeat(20)}` as Address }
const account = addressOf(new Uint8Array(32).fill(7))
const nonceKey = new Uint8Array(32).fill(4)
const START = 1_800_000_000
const LENGTH = 24 * 2 ** 20
const stewardOf = (n: number) => addressOf(new Uint8Array(32).fill(n + 10))
const blobOf = (n: number) => new Uint8Array(100).fill(n)
const answersOf = (blob: Uint8Array) => {
  const id = sha256(blob)
  const nonces = Array.from({ length: 40 }, (_, row) => nonceOf(nonceKey, id, row))
  return answerRows(domain, id, blob, nonces)
}

/** No peer ever answers: no renewal, no new rows. */
const noJobs = {
  bind() {},
  running: () => 0,
  stop: async () => {},
  hand() {},
  askRelease() {},
  bisect() {},
  docket: async () => undefined,
  renew() {},
  askTerms() {},
  lookForNotice() {},
  topUp() {},
} as unknown as Jobs

async function openController(journal: MemoryJournal, market: MemoryMarket) {
  const ledger = await Ledger.open(journal)
  const controller = new Controller({
    ledger,
    chain: market.chain(),
    outbox: market.outbox(journal),
    domain,
    account,
    nonceKey,
    policy: { ...POLICY, renew: false },
    clock: realClock,
    log: silent,
    jobs: noJobs,
    adverts: createAdverts(realClock, async () => true),
  })
  await controller.start()
  return { controller, ledger }
}

/** Places blob `n` with a steward for half a year. `rides`: as a backup's. */
async function place(controller: Controller, n: number, steward: number, rides = false): Promise<string> {
  const blobId = sha256(blobOf(n))
  const answers = answersOf(blobOf(n))
  const start = START
  const placement: Placement = {
    uploader: account,
    steward: stewardOf(steward),
    blobId,
    length: LENGTH,
    price: 5_000_000_000_000_000n,
    egressPrice: 0n,
    egressFree: 0,
    start,
    end: start + 180 * DAY,
    grace: POLICY.grace,
    bond: 0n,
    answersRoot: answersRootOf(answers),
    tokenHash: new Uint8Array(32),
    advert: new Uint8Array(32),
    offerUntil: start + DAY,
    version: 1,
  }
  const id = toHex(placementDigest(domain, placement))
  await controller.step((step) => {
    const at = { kind: 'share', segment: 0, share: n, ref: 'ab'.repeat(32) } as const
    step.add(openPlacement({ ...at, id, placement, rows: answers.length, ...(rides ? { rides: true } : {}) }), {
      kind: 'booked',
      at: start,
    })
    step.batch.answers(id, concat(...answers))
  })
  return id
}

/** What a machine that has only the chain and a backup starts from. */
async function restored(ledger: Ledger, without: readonly string[] = []): Promise<MemoryJournal> {
  const records = []
  for await (const record of ledger.backedUp()) if (!without.some((id) => record[0].includes(id))) records.push(record)
  const cursor = await ledger.cursor()
  const content = await encodeBackup({ version: 1, at: START, ...(cursor ? { cursor } : {}) }, records)
  const { changes } = await restoreLedger({ version: 1, cap: new Uint8Array(32) }, async () => content)
  const journal = new MemoryJournal()
  await journal.commit(changes)
  return journal
}

const essence = ({ placements }: Ledger) =>
  [...placements.values()]
    .map(({ id, rows, totals, state }) => ({ id, state, used: rows.next, cut: totals.cut, checks: totals.checks }))
    .sort((a, b) => (a.id < b.id ? -1 : 1))

/**
 * Runs one market to day `saved`, takes the backup, runs on to day `lost`, loses everything but the backup, and runs the recovered
 * controller to day 150.
 */
async function lose(saved: number, lost: number, blobs: readonly number[], options: { readonly late?: boolean } = {}) {
  const market = new MemoryMarket(account, START, 10n ** 21n)
  const first = await openController(new MemoryJournal(), market)
  let n = 0
  for (const [steward, count] of blobs.entries())
    for (let i = 0; i < count; i++) await place(first.controller, n++, steward)
  await advance(market, first.controller, saved * DAY)
  const own: string[] = []
  // The backup's own blobs, with the first steward: the backup cannot know of them.
  if (options.late) for (let i = 0; i < 2; i++) own.push(await place(first.controller, 200 + i, 0, true))
  const journal = await restored(first.ledger, own)
  await advance(market, first.controller, (lost - saved) * DAY)
  await first.controller.stop()
  const truth = essence(first.ledger).filter(({ id }) => !own.includes(id))
  const posts = market.posts.length

  const second = await openController(journal, market)
  for (let tick = 0; tick < 50 && !(await second.controller.tick(market.blocks.length - 1)).idle; tick++);
  const found = essence(second.ledger)
  const postsAtOnce = market.posts.length - posts
  await advance(market, second.controller, (150 - lost) * DAY)
  await second.controller.stop()
  return { market, truth, found, postsAtOnce, ledger: second.ledger }
}

function assertNothingTwice(market: MemoryMarket): void {
  const ids = market.posts.map(({ id }) => id)
  expect(new Set(ids).size, 'no bounty twice, hence no docket and no row').to.equal(ids.length)
  expect(market.revoked, 'revoked').to.have.length(0)
  expect(new Set(market.swept)).to.deep.equal(new Set(ids))
}

describe('controller/recovered', function () {
  this.timeout(effort(60, 120, 600) * 1000)

  it('knows after catching up what the lost one knew, whatever was posted since the backup', async () => {
    // up to eight blobs a docket stand in its note; twelve are known by their hash only
    const days = (
      [
        [0, 2],
        [5, 60],
        [40, 41],
        [0, 120],
        [20, 90],
      ] as const
    ).slice(0, effort(3, 5, 5))
    for (const [saved, lost] of days) {
      const { truth, found, market, postsAtOnce } = await lose(saved, lost, [3, 12])
      expect(found, `backup of day ${saved}, loss on day ${lost}`).to.deep.equal(truth)
      expect(postsAtOnce, 'nothing was due').to.equal(0)
      assertNothingTwice(market)
    }
  })

  it('takes the placements for asked when a docket also asked for blobs no backup knows', async () => {
    const { truth, found, market } = await lose(5, 60, [12], { late: true })
    expect(found.map(({ used, cut }) => ({ used, cut }))).to.deep.equal(truth.map(({ used, cut }) => ({ used, cut })))
    assertNothingTwice(market)
  })

  it('pays no more in all than one that never was lost', async () => {
    const paid = ({ posts }: MemoryMarket) => posts.reduce((sum, { amount }) => sum + amount, 0n)
    const { market } = await lose(5, 60, [3, 12])
    const { market: whole } = await lose(149, 150, [3, 12])
    expect(paid(market)).to.equal(paid(whole))
  })
})
