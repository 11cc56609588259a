import { expect } from 'chai'
import { fromHex, toHex, utf8 } from '../../base/bytes.ts'
import { type Address, addressOf, signDigest } from '../../base/curve.ts'
import { HoldfastError } from '../../base/errors.ts'
import { sha256 } from '../../base/hash.ts'
import { type Placement, placementDigest } from '../../base/typed-data.ts'
import { DAY, HOUR, unixTime } from '../../base/units.ts'
import { QUESTIONS } from '../../controller/ask-steward.ts'
import type { Effect, Fact } from '../../controller/facts.ts'
import { Jobs } from '../../controller/jobs.ts'
import { Ledger } from '../../controller/ledger.ts'
import { openPlacement } from '../../controller/placement-state.ts'
import { POLICY } from '../../controller/policy.ts'
import type { StewardCalls } from '../../controller/ports.ts'
import type { BountyRecord } from '../../controller/records.ts'
import { createDraw } from '../../controller/schedule.ts'
import { Step } from '../../controller/step.ts'
import { MemoryJournal, realClock, silent } from './memory-market.ts'

const domain = { chainId: 31337, contract: `0x${'11'.repeat(20)}` as Address }
const uploader = new Uint8Array(32).fill(7)
const steward = new Uint8Array(32).fill(9)
const START = unixTime(1_800_000_000)
const MISSED = START + 5 * DAY
const END = unixTime(START + 90 * DAY)

const placement: Placement = {
  uploader: addressOf(uploader),
  steward: addressOf(steward),
  blobId: new Uint8Array(32).fill(1),
  length: 1000,
  price: 5_000_000_000_000_000n,
  egressPrice: 0n,
  egressFree: 0,
  start: START,
  end: END,
  grace: POLICY.grace,
  bond: 0n,
  answersRoot: new Uint8Array(32),
  tokenHash: new Uint8Array(32),
  advert: new Uint8Array(32),
  offerUntil: unixTime(START + DAY),
  version: 1,
}
const id = toHex(placementDigest(domain, placement))

async function idle(jobs: Jobs): Promise<void> {
  const until = realClock.monotonic() + 5_000
  while (jobs.running() > 0) {
    if (realClock.monotonic() > until) throw new Error('jobs still run')
    await realClock.sleep(5)
  }
}

/** Jobs over a ledger of their own. */
async function someJobs(
  calls: Partial<StewardCalls>,
  now: () => number = () => START,
  leaveAt: () => readonly Address[] = () => [],
) {
  const ledger = await Ledger.open(new MemoryJournal())
  const jobs = new Jobs({
    ledger,
    domain,
    account: addressOf(uploader),
    chainSecret: uploader,
    nonceKey: new Uint8Array(32),
    policy: POLICY,
    calls: calls as StewardCalls,
    leaveAt,
    now,
    clock: realClock,
    log: silent,
  })
  jobs.bind(
    async (run) => {
      const step = new Step(ledger, { now: now(), policy: POLICY, draw: createDraw(new Uint8Array(32)) })
      const result = await run(step)
      await ledger.commit(step.batch)
      return result
    },
    { onRelease: () => undefined, offers: undefined as never },
  )
  return { ledger, jobs }
}

/** The receipt of `placement`. */
async function bookOne(ledger: Ledger): Promise<void> {
  const batch = ledger.batch()
  const digest = placementDigest(domain, placement)
  batch.receipt(id, {
    kind: 'share',
    segment: 0,
    share: 0,
    ref: '00'.repeat(32),
    placement,
    signature: signDigest(uploader, digest),
    countersignature: signDigest(steward, digest),
    salt: new Uint8Array(16),
    attempt: 0,
  })
  await ledger.commit(batch)
}

const effect: Extract<Effect, { kind: 'renew' }> = {
  id: `renew/${id}/2/1`,
  kind: 'renew',
  placement: id,
  steward: placement.steward,
  version: 2,
  end: END + 90 * DAY,
  price: placement.price,
}

/** Placements that were missed together on this docket; at `MISSED`. */
async function missed(ledger: Ledger, docket: string, count: number): Promise<void> {
  const env = { policy: POLICY, draw: createDraw(new Uint8Array(32)) }
  const tell = async (now: number, run: (step: Step) => void) => {
    const step = new Step(ledger, { ...env, now })
    run(step)
    await ledger.commit(step.batch)
  }
  const ids = Array.from({ length: count }, (_, i) => toHex(sha256(utf8(`${docket}/${i}`))))
  const due = START + 25 * HOUR
  const all = (fact: Fact) =>
    tell(MISSED, (step) => {
      for (const each of ids) step.tell(each, fact)
    })
  await tell(START, (step) => {
    for (const [share, each] of ids.entries()) {
      const own = { ...placement, blobId: fromHex(each, 32) }
      const made = { id: each, ref: '00'.repeat(32), kind: 'share', segment: share, share: 0, placement: own } as const
      step.add(openPlacement({ ...made, rows: 9 }), { kind: 'booked', at: START })
      step.batch.answers(each, new Uint8Array(9 * 32))
    }
  })
  await all({ kind: 'open', docket, due, deadline: due + 3 * DAY, retry: false, entries: 16 })
  await all({ kind: 'posted', docket, at: due })
  await all({ kind: 'revoked', docket, at: MISSED })
  await all({ kind: 'revoked-final', docket })
}

const bisectionOf = (docket: string): Extract<Effect, { kind: 'bisect' }> => ({
  id: `bisect/${docket}/1`,
  kind: 'bisect',
  placement: id,
  docket,
  steward: addressOf(steward),
})

async function until(what: () => boolean): Promise<void> {
  const end = realClock.monotonic() + 5_000
  while (!what()) {
    if (realClock.monotonic() > end) throw new Error('it did not come about')
    await realClock.sleep(5)
  }
}

const aBounty = (over: Partial<BountyRecord> = {}): BountyRecord => ({
  id: 'ab'.repeat(32),
  plan: 'cd'.repeat(32),
  steward: addressOf(steward),
  claimKey: addressOf(steward),
  amount: 1n,
  due: START,
  deadline: unixTime(START + 3 * DAY),
  docketHash: 'ef'.repeat(32),
  placements: [],
  phase: 'posted',
  final: true,
  toHand: true,
  ...over,
})

describe('controller/jobs', () => {
  it('offers the very same renewal again after an answer that was lost', async () => {
    const offers: Placement[] = []
    const renew: StewardCalls['renew'] = async (_, offer) => {
      offers.push(offer)
      if (offers.length === 1) throw new HoldfastError('NET_CLOSED', { what: 'the steward' })
      return signDigest(steward, placementDigest(domain, offer))
    }
    let now: number = END - 21 * DAY
    const { ledger, jobs } = await someJobs({ renew }, () => now)
    await bookOne(ledger)
    jobs.renew(effect)
    await idle(jobs)
    now += DAY
    jobs.renew({ ...effect, id: `renew/${id}/2/2` })
    await idle(jobs)
    await jobs.stop()
    expect(offers).to.have.length(2)
    expect(offers[1]).to.deep.equal(offers[0])
    expect((await ledger.receipt(id))?.placement).to.include({ version: 2, end: END + 90 * DAY })
  })

  it('writes down that a docket was offered before it leaves, whatever its steward says to it', async () => {
    const known: unknown[] = []
    const { ledger, jobs } = await someJobs({
      handDocket: async () => {
        known.push(ledger.bounties.get(aBounty().id)?.offeredAt)
        throw new HoldfastError('NET_CLOSED', { what: 'the steward' })
      },
    })
    const batch = ledger.batch()
    batch.bounty(aBounty())
    batch.docket(aBounty().docketHash, new Uint8Array(100))
    await ledger.commit(batch)
    jobs.hand(aBounty())
    await idle(jobs)
    await jobs.stop()
    expect(known).to.deep.equal([START])
    expect(ledger.bounties.get(aBounty().id)).to.include({ toHand: true, offeredAt: START })
  })

  it('tries a steward again that was away when an hour of chain time has gone by, however little of ours', async () => {
    let tries = 0
    let now = START
    const { ledger, jobs } = await someJobs(
      {
        handDocket: async () => {
          if (++tries === 1) throw new HoldfastError('NET_UNREACHABLE', { what: 'the steward' })
        },
      },
      () => now,
    )
    const batch = ledger.batch()
    batch.bounty(aBounty())
    batch.docket(aBounty().docketHash, new Uint8Array(100))
    await ledger.commit(batch)
    for (const [moment, seen] of [
      [START, 1],
      [START + 3_599, 1],
      [START + 3_600, 2],
    ] as const) {
      now = moment as typeof START
      jobs.hand(aBounty())
      await idle(jobs)
      expect(tries).to.equal(seen)
    }
    await jobs.stop()
    expect(ledger.bounties.get(aBounty().id)?.toHand).to.equal(undefined)
  })

  it('leaves a docket that its steward does not take with two monitors, once, where the steward can demand it', async () => {
    const monitors: readonly Address[] = [`0x${'a1'.repeat(20)}`, `0x${'a2'.repeat(20)}`]
    const asked: Address[] = []
    const { ledger, jobs } = await someJobs(
      {
        handDocket: async (to) => {
          asked.push(to)
          if (to !== monitors[1]) throw new HoldfastError('NET_UNREACHABLE', { what: to })
        },
      },
      () => START,
      () => monitors,
    )
    const batch = ledger.batch()
    batch.bounty(aBounty())
    batch.docket(aBounty().docketHash, new Uint8Array(100))
    await ledger.commit(batch)
    jobs.hand(aBounty())
    await idle(jobs)
    await jobs.stop()
    expect(asked).to.deep.equal([addressOf(steward), ...monitors])
    expect(ledger.bounties.get(aBounty().id)).to.include({ toHand: true }) // it is still handed over when the steward is there
  })

  it('hands dockets over while stewards are slow with questions, and before what has no deadline', async () => {
    const order: string[] = []
    const gates: (() => void)[] = []
    const wait = (what: string) => {
      order.push(what)
      return new Promise<never>((_, reject) => {
        const open = () => reject(new HoldfastError('NET_CLOSED', { what }))
        if (what === 'renewal') gates.unshift(open)
        else gates.push(open)
      })
    }
    const { ledger, jobs } = await someJobs(
      {
        bisect: () => wait('question'),
        renew: () => wait('renewal'),
        handDocket: async () => void order.push('docket'),
      },
      () => MISSED,
    )
    await bookOne(ledger)
    const batch = ledger.batch()
    const bounty = aBounty({ deadline: unixTime(MISSED + 3 * DAY) })
    batch.bounty(bounty)
    batch.docket(bounty.docketHash, new Uint8Array(100))
    await ledger.commit(batch)
    const dockets = ['d1', 'd2', 'd3', 'd4', 'd5']
    for (const docket of dockets) await missed(ledger, docket, 1)
    for (const docket of dockets) jobs.bisect(bisectionOf(docket))
    for (let n = 0; n < 3; n++) jobs.renew({ ...effect, id: `renew/${id}/2/${n}` })
    await until(() => order.length === 5)
    jobs.hand(bounty)
    await until(() => order.includes('docket'))
    expect(order.filter((what) => what === 'question')).to.have.length(2)
    for (let n = 3; n < 6; n++) jobs.renew({ ...effect, id: `renew/${id}/2/${n}` })
    await until(() => order.length === 7)
    jobs.hand(bounty)
    gates.shift()?.() // one renewal of four ends
    await until(() => order.length > 7)
    expect(order[7]).to.equal('docket')
    while (jobs.running() > 0) {
      for (const open of gates.splice(0)) open()
      await realClock.sleep(5)
    }
    await jobs.stop()
  })

  it('asks so many questions in a bisection and no more, keeps what it learnt, and asks none when its time is over', async () => {
    let questions = 0
    let now = MISSED
    const { ledger, jobs } = await someJobs(
      {
        bisect: async () => {
          questions++
          throw new HoldfastError('BLOB_UNKNOWN', { blob: 'any' })
        },
      },
      () => now,
    )
    await missed(ledger, 'd1', 400)
    const mia = () => [...ledger.placements.values()].filter(({ state }) => state === 'mia').length
    jobs.bisect(bisectionOf('d1'))
    await idle(jobs)
    expect(questions).to.equal(QUESTIONS)
    expect(mia()).to.be.within(QUESTIONS / 4, QUESTIONS)
    const before = mia()
    now = MISSED + POLICY.bisectFor
    jobs.bisect(bisectionOf('d1'))
    await idle(jobs)
    await jobs.stop()
    expect(questions).to.equal(QUESTIONS)
    expect(mia()).to.equal(before)
  })

  it('asks for a release until the deadline and not after it', async () => {
    let asked = 0
    let now: number = aBounty().deadline
    const askRelease = async () => {
      asked++
      return false
    }
    const { jobs } = await someJobs({ askRelease }, () => now)
    jobs.ask(aBounty())
    await idle(jobs)
    now++
    jobs.ask(aBounty())
    await idle(jobs)
    await jobs.stop()
    expect(asked).to.equal(1)
  })

  it('leaves a blob without its answer out of a bisection, and decides on the others', async () => {
    const bisect = async () => {
      throw new HoldfastError('BLOB_UNKNOWN', { blob: 'any' })
    }
    const { ledger, jobs } = await someJobs({ bisect }, () => MISSED)
    await missed(ledger, 'd1', 16)
    const [bare] = ledger.placements.keys() as MapIterator<string>
    const batch = ledger.batch()
    batch.answers(bare as string, new Uint8Array())
    await ledger.commit(batch)
    jobs.bisect(bisectionOf('d1'))
    await idle(jobs)
    await jobs.stop()
    for (const [each, { state }] of ledger.placements) expect(state).to.equal(each === bare ? 'suspect' : 'mia')
  })
})
