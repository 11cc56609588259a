import { expect } from 'chai'
import { toHex } from '../../base/bytes.ts'
import { type Address, addressOf, signDigest } from '../../base/curve.ts'
import { HoldfastError } from '../../base/errors.ts'
import { type Placement, placementDigest } from '../../base/typed-data.ts'
import { DAY, unixTime } from '../../base/units.ts'
import type { Effect } from '../../controller/facts.ts'
import { Jobs, type StewardCalls } from '../../controller/jobs.ts'
import { Ledger } from '../../controller/ledger.ts'
import { POLICY } from '../../controller/policy.ts'
import { createDraw } from '../../controller/schedule.ts'
import { Step } from '../../controller/step.ts'
import { MemoryJournal, realClock, silent } from './memory-market.ts'

const domain = { chainId: 31337, contract: `0x${'11'.repeat(20)}` as Address }
const uploader = new Uint8Array(32).fill(7)
const steward = new Uint8Array(32).fill(9)
const START = unixTime(1_800_000_000)
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

describe('controller/jobs', () => {
  it('offers the very same renewal again after an answer that was lost', async () => {
    const ledger = await Ledger.open(new MemoryJournal())
    const first = ledger.batch()
    const digest = placementDigest(domain, placement)
    first.receipt(id, {
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
    await ledger.commit(first)
    const offers: Placement[] = []
    const renew: StewardCalls['renew'] = async (_, offer) => {
      offers.push(offer)
      if (offers.length === 1) throw new HoldfastError('NET_CLOSED', { what: 'the steward' })
      return signDigest(steward, placementDigest(domain, offer))
    }
    let now: number = END - 21 * DAY
    const jobs = new Jobs({
      ledger,
      domain,
      account: addressOf(uploader),
      chainSecret: uploader,
      nonceKey: new Uint8Array(32),
      calls: { renew } as StewardCalls,
      now: () => now,
      clock: realClock,
      log: silent,
    })
    jobs.bind(async (run) => {
      const step = new Step(ledger, { now, policy: POLICY, draw: createDraw(new Uint8Array(32)) })
      const result = await run(step)
      await ledger.commit(step.batch)
      return result
    })
    const effect: Extract<Effect, { kind: 'renew' }> = {
      id: `renew/${id}/2/1`,
      kind: 'renew',
      placement: id,
      steward: placement.steward,
      version: 2,
      end: END + 90 * DAY,
      price: placement.price,
    }
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
})
