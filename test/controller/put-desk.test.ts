import { expect } from 'chai'
import { toHex } from '../../base/bytes.ts'
import type { Address } from '../../base/curve.ts'
import { GiB, MiB, parseHold, seconds, unixTime } from '../../base/units.ts'
import { createPutDesk, type PutDeskDeps } from '../../controller/put-desk.ts'
import type { PutRecord } from '../../controller/records.ts'
import type { PutPlan, Quote, StewardTarget } from '../../uploader/put-book.ts'

const PRICE = parseHold('0.005')
/** Ten lots of a GiB for thirty days: the rent of one is the price. */
const PLAN: PutPlan = {
  ref: 'ab'.repeat(32),
  k: 3,
  n: 10,
  bytes: 3 * GiB,
  shareLengths: Array.from({ length: 32 }, (_, segment) => 32 * MiB - (segment === 0 ? 1000 : 0)),
  copyLength: 1000,
  term: seconds(30 * 86_400),
}

/** The quote of a desk whose ledger holds only this put. A quote asks nothing else of it. */
function quoteWith(put?: { missing: readonly number[]; blobs: number }): Promise<Quote> {
  const lots = Array.from({ length: 10 }, (_, lot) => ({ lot, price: PRICE / 2n })).filter(
    ({ lot }) => put?.missing.includes(lot) === false,
  )
  const record = { ref: PLAN.ref, plan: PLAN, advertFee: 100_000n, award: { lots, missing: put?.missing } }
  const deps = {
    ledger: {
      puts: new Map(put === undefined ? [] : [[PLAN.ref, record]]),
      placementsOfRef: new Map([[PLAN.ref, new Set(Array.from({ length: put?.blobs ?? 0 }, (_, i) => `${i}`))]]),
    },
    market: async () => ({ price: PRICE, reserve: 2n * PRICE, floor: PRICE / 2n, stewards: 12, advertFloor: 100_000n }),
    feesOf: async () => 7n,
    spendable: async () => parseHold('1'),
  }
  return createPutDesk(deps as unknown as PutDeskDeps).quote(PLAN)
}

describe('controller/put-desk', () => {
  it('quotes a new put in full: rent as expected and at most, and the advert', async () => {
    const quote = await quoteWith()
    expect(quote).to.include({ rent: 10n * PRICE, rentAtMost: 20n * PRICE, floor: PRICE / 2n })
    expect(quote.advertFee > 0n).to.equal(true)
    expect(quote).to.not.have.property('before')
  })

  it('quotes of a put that goes on only what is not paid or agreed yet, and says what is', async () => {
    const quote = await quoteWith({ missing: [3, 9], blobs: 16 })
    expect(quote).to.include({ rent: 2n * PRICE, rentAtMost: 4n * PRICE, advertFee: 0n })
    expect(quote.before).to.deep.equal({ advertFee: 100_000n * 10n ** 9n, rent: 4n * PRICE, blobs: 16 })
    expect(await quoteWith({ missing: [], blobs: 20 })).to.include({ rent: 0n, rentAtMost: 0n, advertFee: 0n })
  })
})

describe('controller/put-desk, without money', () => {
  const steward = (i: number): StewardTarget => ({
    id: `0x${String(i).padStart(40, '0')}`,
    addresses: [`/ip4/127.0.${i}.1/tcp/1`],
  })

  /** A desk over a ledger in memory that can do no more than remember puts. */
  function aDesk(perCluster = 0) {
    const puts = new Map<string, PutRecord>()
    const placements = new Map<string, { readonly blobId: string }>()
    const ledger = {
      puts,
      placements,
      placementsOf: () => [],
      batch: () => {
        const changes: PutRecord[] = []
        return { changes, put: (put: PutRecord) => void changes.push(put) }
      },
      commit: async ({ changes }: { changes: PutRecord[] }) => {
        for (const put of changes) puts.set(put.ref, put)
      },
    }
    const paid: string[] = []
    const deps = {
      ledger,
      exclusive: (run: () => Promise<unknown>) => run(),
      now: () => unixTime(1_800_000_000),
      policy: { rows: 9 },
      nonceKey: new Uint8Array(32),
      account: `0x${'aa'.repeat(20)}`,
      advertOf: () => ({ advert: { perCluster }, hash: new Uint8Array(32).fill(1) }),
      holders: () => [],
      payAdvert: () => void paid.push('advert'),
      auction: async () => {
        paid.push('auction')
        throw new Error('no auction')
      },
    }
    return { desk: createPutDesk(deps as unknown as PutDeskDeps), puts, placements, paid }
  }

  it('gives the lots to whoever granted a right, at no price, with no advert and no auction', async () => {
    const { desk, puts, paid } = aDesk()
    const granted = Array.from({ length: 12 }, (_, i) => steward(i))
    const award = await desk.award(PLAN, { granted })
    expect(award.lots.map(({ lot }) => lot)).to.deep.equal(Array.from({ length: 10 }, (_, lot) => lot))
    expect(award.lots.map(({ steward }) => steward)).to.deep.equal(granted.slice(0, 10).map(({ id }) => id))
    expect(award.lots.every(({ price, egressPrice, bond }) => price + egressPrice + bond === 0n)).to.equal(true)
    expect(award).to.include({ advert: '00'.repeat(32) })
    expect(award.missing).to.deep.equal([])
    expect(puts.get(PLAN.ref)?.runnersUp.map(({ steward }) => steward)).to.deep.equal(
      granted.slice(10).map(({ id }) => id),
    )
    const next = await desk.replace(PLAN.ref, 3, granted[3]?.id as Address)
    expect(next).to.include({ lot: 3, steward: granted[10]?.id, price: 0n })
    expect(paid).to.deep.equal([])
  })

  it('fills later what nobody granted at first, and never falls back to money', async () => {
    const { desk, paid } = aDesk()
    const first = await desk.award(PLAN, { granted: [0, 1, 2].map(steward) })
    expect(first.missing).to.deep.equal([3, 4, 5, 6, 7, 8, 9])
    expect((await desk.award(PLAN, {})).missing).to.deep.equal(first.missing)
    const second = await desk.award(PLAN, { granted: [0, 3, 4].map(steward) })
    expect(second.lots.map(({ steward }) => Number(steward))).to.deep.equal([0, 1, 2, 3, 4])
    expect(paid).to.deep.equal([])
  })

  it('keeps one network from holding too many shares', async () => {
    const { desk } = aDesk(2)
    const near = Array.from({ length: 4 }, (_, i) => ({ ...steward(i), addresses: [`/ip4/127.0.9.${i}/tcp/1`] }))
    const award = await desk.award(PLAN, { granted: [...near, steward(7)] })
    expect(award.lots.map(({ steward }) => Number(steward))).to.deep.equal([0, 1, 7])
  })

  it('refuses when nobody granted, and when the put was begun with money', async () => {
    const { desk, puts } = aDesk()
    expect(await codeOf(desk.award(PLAN, { granted: [] }))).to.equal('AUCTION_NO_BIDS')
    puts.set(PLAN.ref, { ref: PLAN.ref, plan: PLAN, advertHash: '01'.repeat(32) } as PutRecord)
    expect(await codeOf(desk.award(PLAN, { granted: [steward(1)] }))).to.equal('LEDGER_CONFLICT')
  })

  it('shows a stranger no nonce of a blob that is placed', async () => {
    const { desk, placements } = aDesk()
    const [mine, theirs] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)]
    placements.set('p', { blobId: toHex(mine) })
    expect(await codeOf(desk.nonces([theirs, mine], 2, true))).to.equal('LEDGER_CONFLICT')
    expect(await desk.nonces([theirs], 2, true)).to.have.length(1)
    expect(await desk.nonces([mine], 2)).to.have.length(1)
  })
})

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'none',
    (cause) => (cause as { code?: string }).code ?? String(cause),
  )
}
