import { expect } from 'chai'
import { concat, fromHex, toHex } from '../../base/bytes.ts'
import { type Address, addressOf, recoverSigner, signDigest } from '../../base/curve.ts'
import { HoldfastError } from '../../base/errors.ts'
import { sha256 } from '../../base/hash.ts'
import { demandDigest, releaseDigest } from '../../base/typed-data.ts'
import { DAY, HOUR, unixTime } from '../../base/units.ts'
import { createAdverts } from '../../controller/adverts.ts'
import { Controller } from '../../controller/controller.ts'
import { Jobs } from '../../controller/jobs.ts'
import { Ledger } from '../../controller/ledger.ts'
import { openPlacement } from '../../controller/placement-state.ts'
import { POLICY } from '../../controller/policy.ts'
import type { StewardCalls } from '../../controller/ports.ts'
import type { BountyRecord } from '../../controller/records.ts'
import { againDeadlineOf, askDueOf, placementsLost, type Release } from '../../controller/release.ts'
import { codeOf } from '../steward/rig.ts'
import { aBookedBlob } from './booked-blob.ts'
import { advance, MemoryJournal, MemoryMarket, realClock, silent } from './memory-market.ts'

const domain = { chainId: 31337, contract: `0x${'11'.repeat(20)}` as Address }
const secret = new Uint8Array(32).fill(7)
const account = addressOf(secret)
const nonceKey = new Uint8Array(32).fill(4)
const START = 1_800_000_000
const stewardSecret = new Uint8Array(32).fill(21)
const steward = addressOf(stewardSecret)
const POT = 10n ** 21n

const blobOf = (share: number) => new Uint8Array(1000).fill(share)
const idOf = (share: number) => toHex(sha256(blobOf(share)))

const aBounty = (overrides: Partial<BountyRecord> = {}): BountyRecord => ({
  id: 'ab'.repeat(32),
  plan: 'cd'.repeat(32),
  steward,
  claimKey: account,
  amount: 1n,
  due: unixTime(START),
  deadline: unixTime(START + 3 * DAY),
  docketHash: '00'.repeat(32),
  placements: ['p0', 'p1', 'p2'],
  phase: 'posted',
  final: true,
  postedAt: START,
  ...overrides,
})

function releaseOf(
  bounty: Pick<BountyRecord, 'id' | 'deadline'>,
  lost: readonly string[],
  key = stewardSecret,
): Release {
  const signature = signDigest(key, releaseDigest(domain, { bountyId: fromHex(bounty.id), deadline: bounty.deadline }))
  return { deadline: bounty.deadline, signature, lost: [...lost].sort().map((id) => fromHex(id, 32)) }
}

describe('controller/release: the rules', () => {
  it('asks six hours after the post and then every twelve, until the deadline, while there is something to ask', () => {
    expect(askDueOf(aBounty(), POLICY)).to.equal(START + 6 * HOUR)
    expect(askDueOf(aBounty({ asked: { n: 1, at: START + 6 * HOUR } }), POLICY)).to.equal(START + 18 * HOUR)
    expect(askDueOf(aBounty({ asked: { n: 6, at: START + 66 * HOUR } }), POLICY)).to.equal(undefined)
    for (const over of [
      { phase: 'swept' as const },
      { final: false },
      { again: true as const },
      { release: { at: START, signature: new Uint8Array(65), lost: ['p0'] } },
    ])
      expect(askDueOf(aBounty(over), POLICY), JSON.stringify(Object.keys(over))).to.equal(undefined)
  })

  it('takes a release of its steward for its deadline and blobs of its docket, and nothing else', async () => {
    const bounty = aBounty()
    const blobs = new Map([0, 1, 2].map((share) => [idOf(share), `p${share}`]))
    const take = async (release: Release) => placementsLost(domain, bounty, blobs, release)
    expect((await take(releaseOf(bounty, [idOf(2), idOf(0)]))).sort()).to.deep.equal(['p0', 'p2'])
    const good = releaseOf(bounty, [idOf(0), idOf(1)])
    const bad: Record<string, Release> = {
      'another signer': releaseOf(bounty, [idOf(0)], secret),
      'another deadline': releaseOf({ ...bounty, deadline: unixTime(START + 4 * DAY) }, [idOf(0)]),
      'a deadline that was not signed': {
        ...releaseOf({ ...bounty, deadline: unixTime(START) }, [idOf(0)]),
        deadline: bounty.deadline,
      },
      'another bounty': releaseOf({ ...bounty, id: 'ac'.repeat(32) }, [idOf(0)]),
      'no blob': releaseOf(bounty, []),
      'a blob of another docket': releaseOf(bounty, [idOf(9)]),
      'a blob twice': { ...good, lost: [good.lost[0] as Uint8Array, good.lost[0] as Uint8Array] },
      'out of order': { ...good, lost: [...good.lost].reverse() },
      'no signature': { ...good, signature: new Uint8Array(65) },
    }
    for (const [name, release] of Object.entries(bad))
      expect(await codeOf(take(release)), name).to.equal('NET_MALFORMED')
  })

  it('leaves 24 hours for what is left, or the old deadline when that is later', () => {
    const deadline = 21_600 * 100_000
    expect(againDeadlineOf(deadline, deadline - 3 * DAY)).to.equal(deadline)
    expect(againDeadlineOf(deadline, deadline - DAY)).to.equal(deadline)
    expect(againDeadlineOf(deadline, deadline - DAY + 1)).to.equal(deadline + 21_600)
    expect(againDeadlineOf(deadline, deadline + HOUR)).to.equal(deadline + DAY + 21_600)
  })
})

/** A controller on a small chain; its steward does not sweep, and says of releases what `said` gives it. */
async function aWorld(journal: MemoryJournal, market: MemoryMarket, said: (id: string) => Release | undefined) {
  market.domain = domain
  market.silentStewards.add(steward)
  const ledger = await Ledger.open(journal)
  const outbox = market.outbox(journal)
  const asked: { readonly at: number; readonly id: string; readonly isSigned: boolean }[] = []
  let isAway = false
  const calls: Partial<StewardCalls> = {
    askRelease: async (_, ask, limit, keep) => {
      const isSigned = recoverSigner(demandDigest(domain, ask), ask.signature) === account
      asked.push({ at: market.time, id: toHex(ask.bountyId), isSigned })
      if (isAway) throw new HoldfastError('NET_UNREACHABLE', { what: 'the steward' })
      const release = said(toHex(ask.bountyId))
      if (!release) return false
      expect(limit).to.be.at.least(release.lost.length)
      await keep(release)
      return true
    },
    read: async () => {
      throw new HoldfastError('NET_UNREACHABLE', { what: 'the steward' })
    },
  }
  const now = () => market.now()
  const deps = {
    ledger,
    domain,
    account,
    chainSecret: secret,
    nonceKey,
    policy: POLICY,
    now,
    clock: realClock,
    log: silent,
  }
  const jobs = new Jobs({ ...deps, calls: calls as StewardCalls })
  const adverts = createAdverts(realClock, async () => true)
  const controller = new Controller({ ...deps, chain: market.chain(), outbox, jobs, adverts })
  return { controller, ledger, outbox, asked, away: (is: boolean) => (isAway = is) }
}

/** Of every blob here. */
const terms = { domain, nonceKey, uploader: account, start: START }

async function place(controller: Controller, shares: number): Promise<void> {
  await controller.step((step) => {
    for (let share = 0; share < shares; share++) {
      const { id, placement, answers } = aBookedBlob({ ...terms, steward, blob: blobOf(share) })
      const made = openPlacement({
        id,
        ref: '00'.repeat(32),
        kind: 'share',
        segment: share,
        share: 0,
        placement,
        rows: 9,
      })
      step.add(made, { kind: 'booked', at: START })
      step.batch.answers(id, concat(...answers))
    }
  })
}

describe('controller/release: a steward that gives a bounty back', () => {
  const shareOf = (ledger: Ledger, share: number) =>
    [...ledger.placements.values()].find(({ blobId }) => blobId === idOf(share))
  const later = 1 + DAY + 2 * HOUR

  it('is asked at its times and no oftener; unreachable or with nothing to say, it misses like any other', async () => {
    const market = new MemoryMarket(account, START, POT)
    const world = await aWorld(new MemoryJournal(), market, () => undefined)
    await world.controller.start()
    await place(world.controller, 3)
    await advance(market, world.controller, 3 * DAY)
    world.away(true)
    await advance(market, world.controller, 1.5 * DAY)
    const [post] = market.posts
    const hours = world.asked.map(({ at }) => Math.floor((at - (post?.time ?? 0)) / HOUR))
    expect(hours).to.deep.equal([6, 18, 30, 42, 54, 66])
    expect(world.asked.every(({ id, isSigned }) => isSigned && id === post?.id)).to.equal(true)
    await world.controller.stop()
    expect(market.revoked).to.have.length(1)
    expect([...world.ledger.placements.values()].map(({ state }) => state)).to.deep.equal(Array(3).fill('suspect'))
  })

  it('has the lost blob given up at once and the others asked again over the same rows, for the same interval', async () => {
    const market = new MemoryMarket(account, START, POT)
    let lostIds: string[] = []
    const world = await aWorld(new MemoryJournal(), market, (id) => {
      const post = market.posts.find((one) => one.id === id)
      return post && lostIds.length > 0 ? releaseOf({ id, deadline: unixTime(post.deadline) }, lostIds) : undefined
    })
    await world.controller.start()
    await place(world.controller, 12)
    await advance(market, world.controller, later)
    const before = shareOf(world.ledger, 5)?.rounds[0]
    lostIds = [idOf(5), idOf(7)]
    market.silentStewards.clear()
    await advance(market, world.controller, DAY)
    await world.controller.stop()

    expect(world.controller.failure).to.equal(undefined)
    const [first, again] = market.posts
    expect(market.revoked).to.deep.equal([first?.id])
    expect(market.posts).to.have.length(2)
    expect(again?.deadline, 'the old deadline is the later one').to.equal(first?.deadline)
    expect(market.swept).to.deep.equal([again?.id])
    for (let share = 0; share < 12; share++) {
      const placement = shareOf(world.ledger, share)
      const isLost = share === 5 || share === 7
      expect(placement?.state).to.equal(isLost ? 'mia' : 'held')
      expect(placement?.goneWhy).to.equal(isLost ? 'reported' : undefined)
      expect(placement?.rows.next, 'no second row is spent').to.equal(1)
      const round = placement?.rounds[0]
      expect(round).to.deep.include({
        n: 0,
        row: 0,
        from: before?.from,
        cut: before?.cut,
        phase: isLost ? 'revoked' : 'swept',
      })
      expect(round?.entries).to.equal(isLost ? 12 : 10)
      expect(placement?.totals).to.deep.include(isLost ? { paid: 0, misses: 1 } : { misses: 0, checks: 1 })
    }
    expect(Number(again?.amount) / Number(first?.amount)).to.be.closeTo(10 / 12, 0.001)
    expect(market.balance).to.equal(POT - (again?.amount ?? 0n) * 10n ** 9n)
    expect(world.asked, 'what is left is not released again').to.have.length(1)
  })

  it('goes on after a crash at every point between its word and the second post, and posts nothing twice', async () => {
    for (const stopAt of [1, 2, 3, 4, 5, 6]) {
      const market = new MemoryMarket(account, START, POT)
      const journal = new MemoryJournal()
      const said = (id: string) => {
        const post = market.posts.find((one) => one.id === id)
        return post && post.id === market.posts[0]?.id
          ? releaseOf({ id, deadline: unixTime(post.deadline) }, [idOf(1)])
          : undefined
      }
      const first = await aWorld(journal, market, said)
      await first.controller.start()
      await place(first.controller, 3)
      await advance(market, first.controller, later)
      market.silentStewards.clear()
      const commits = journal.commits
      const commit = journal.commit.bind(journal)
      journal.commit = async (changes) => {
        if (journal.commits >= commits + stopAt) throw new HoldfastError('STORE_UNUSABLE', { path: 'x', what: 'crash' })
        await commit(changes)
      }
      await advance(market, first.controller, 12 * HOUR).catch(() => undefined)
      await first.controller.stop()
      journal.commit = commit

      const second = await aWorld(journal, market, said)
      for (const id of first.outbox.done) second.outbox.done.add(id)
      market.silentStewards.clear()
      await second.controller.start()
      await advance(market, second.controller, 4 * DAY)
      await second.controller.stop()
      expect(second.controller.failure).to.equal(undefined)
      const name = `after ${stopAt} commits`
      const round = (share: number) => shareOf(second.ledger, share)
      expect(round(1)?.state, name).to.equal('mia')
      expect([round(0)?.state, round(2)?.state], name).to.deep.equal(['held', 'held'])
      expect(new Set(market.posts.map(({ id }) => id)).size, name).to.equal(market.posts.length)
      expect(market.revoked, name).to.have.length(1)
      expect(market.open.size, name).to.equal(0)
      for (const share of [0, 2]) expect(round(share)?.rounds[0]?.row, name).to.equal(0)
    }
  })

  it('is not believed when it gives back what another one posted: a wrong release changes nothing', async () => {
    const market = new MemoryMarket(account, START, POT)
    const world = await aWorld(new MemoryJournal(), market, (id) => {
      const post = market.posts.find((one) => one.id === id)
      return releaseOf({ id, deadline: unixTime(post?.deadline ?? 0) }, [idOf(0)], new Uint8Array(32).fill(3))
    })
    await world.controller.start()
    await place(world.controller, 2)
    await advance(market, world.controller, 3 * DAY)
    await world.controller.stop()
    expect(market.revoked).to.have.length(0)
    expect([...world.ledger.bounties.values()].every(({ release }) => release === undefined)).to.equal(true)
  })
})
