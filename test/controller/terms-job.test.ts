import { expect } from 'chai'
import { toHex } from '../../base/bytes.ts'
import { addressOf, recoverSigner, signDigest } from '../../base/curve.ts'
import { HoldfastError } from '../../base/errors.ts'
import { sha256 } from '../../base/hash.ts'
import { DAY, GiB } from '../../base/units.ts'
import { agreedOf } from '../../controller/contract-life.ts'
import { Ledger } from '../../controller/ledger.ts'
import type { PlacementState } from '../../controller/placement-state.ts'
import { POLICY } from '../../controller/policy.ts'
import type { StewardCalls, Terms } from '../../controller/ports.ts'
import type { PutRecord } from '../../controller/records.ts'
import { Step } from '../../controller/step.ts'
import { askTerms, costWithAnotherTerm, lookForNotice } from '../../controller/terms-job.ts'
import { noticeDigest } from '../../net/messages/store.ts'
import { MemoryJournal, silent } from './memory-market.ts'
import { aPlacement, draw, START } from './placement-builder.ts'

const OLD = 5_000_000_000_000_000n
const secret = sha256(new Uint8Array([1]))
const stewardSecret = sha256(new Uint8Array([2]))
const steward = addressOf(stewardSecret)
const REF = toHex(new Uint8Array(32))
const ASKED = START + 70 * DAY

/** Three placements of one put with one steward, all to be asked about. */
async function aLot(terms: (placement: Uint8Array) => Promise<Terms>, total?: bigint) {
  const ledger = await Ledger.open(new MemoryJournal())
  const taken: { end: number; signature: Uint8Array; placement: Uint8Array }[] = []
  const step = async <Result>(run: (step: Step) => Promise<Result> | Result): Promise<Result> => {
    const one = new Step(ledger, { now: ASKED, policy: POLICY, draw, index: () => OLD })
    const result = await run(one)
    await ledger.commit(one.batch)
    return result
  }
  const batch = ledger.batch()
  if (total !== undefined) batch.put({ ref: REF, advertFee: 0n, total, plan: {} } as unknown as PutRecord)
  await ledger.commit(batch)
  await step((one) => {
    for (const n of [1, 2, 3]) {
      const placement: PlacementState = { ...aPlacement({ n, price: OLD, length: GiB }), ref: REF, steward }
      one.add(placement, { kind: 'tick' })
    }
  })
  ledger.placementsOfRef.set(REF, new Set(ledger.placements.keys()))
  const calls: Pick<StewardCalls, 'terms' | 'giveNotice'> = {
    terms: (_, placement) => terms(placement),
    giveNotice: async (_, notice) => void taken.push(notice),
  }
  const signal = new AbortController().signal
  const deps = { ledger, chainSecret: secret, policy: POLICY, calls, step, signal, log: silent, now: () => ASKED }
  const phases = () => [...ledger.placements.values()].map(({ contract }) => contract?.phase ?? 'running')
  return { ledger, deps, taken, phases }
}

describe('controller/terms-job', () => {
  it('asks once for a lot, and offers each of its blobs what the steward asks', async () => {
    let asked = 0
    const lot = await aLot(async () => ({ kind: 'quote', price: (OLD * 95n) / BigInt(99 + ++asked) }))
    expect(lot.phases()).to.deep.equal(['asking', 'asking', 'asking'])
    await askTerms(lot.deps, REF, steward)
    expect(asked).to.equal(1)
    expect(lot.phases()).to.deep.equal(['offered', 'offered', 'offered'])
    for (const { contract } of lot.ledger.placements.values())
      expect(contract?.offer?.price).to.equal((OLD * 95n) / 100n)
  })

  it('takes what is no price for a refusal: the lot is auctioned', async () => {
    for (const price of [0n, 1n << 96n, 1n << 127n, 2n * OLD]) {
      const lot = await aLot(async () => ({ kind: 'quote', price }))
      await askTerms(lot.deps, REF, steward)
      expect(lot.phases(), String(price)).to.deep.equal(['bidding', 'bidding', 'bidding'])
    }
    const refusing = await aLot(() => Promise.reject(new HoldfastError('PLACEMENT_INVALID', { what: 'no' })))
    await askTerms(refusing.deps, REF, steward)
    expect(refusing.phases()).to.deep.equal(['bidding', 'bidding', 'bidding'])
  })

  it('leaves everything as it is when the steward is away or busy', async () => {
    for (const code of ['NET_CLOSED', 'PEER_BUSY'] as const) {
      const lot = await aLot(() => Promise.reject(new HoldfastError(code, { what: 'it' })))
      const failed = await askTerms(lot.deps, REF, steward).then(
        () => undefined,
        (cause: unknown) => cause,
      )
      expect(failed).to.be.instanceOf(HoldfastError)
      expect(lot.phases()).to.deep.equal(['asking', 'asking', 'asking'])
    }
  })

  it('renews while all terms together stay within the budget, and asks for nothing beyond it', async () => {
    const price = OLD
    const open = await aLot(async () => ({ kind: 'quote', price }))
    const two = costWithAnotherTerm(open.ledger, REF, POLICY, ASKED)
    expect(two).to.equal(2n * [...open.ledger.placements.values()].reduce((sum, each) => sum + agreedOf(each), 0n))
    const enough = await aLot(async () => ({ kind: 'quote', price }), two)
    await askTerms(enough.deps, REF, steward)
    expect(enough.phases()).to.deep.equal(['offered', 'offered', 'offered'])
    let asked = 0
    const short = await aLot(async () => ({ kind: 'quote', price: price + BigInt(++asked) }), two - 1n)
    await askTerms(short.deps, REF, steward)
    expect(asked).to.equal(0)
    for (const { terminated, contract, end } of short.ledger.placements.values())
      expect([terminated, contract, end]).to.deep.equal([true, undefined, START + 90 * DAY])
  })

  it('takes the notice of a steward for all it holds, once, and none that it did not sign', async () => {
    const end = ASKED + 14 * DAY
    const leaving = (key: Uint8Array) => async (placement: Uint8Array) =>
      ({ kind: 'leaving', end, signature: signDigest(key, noticeDigest(placement, end)) }) as const
    const lot = await aLot(leaving(stewardSecret))
    await lookForNotice(lot.deps, steward)
    expect(lot.phases()).to.deep.equal(['leaving', 'leaving', 'leaving'])
    expect([...lot.ledger.placements.values()].map((placement) => placement.end)).to.deep.equal([end, end, end])
    expect(lot.taken).to.have.length(3)
    for (const { placement, signature } of lot.taken)
      expect(recoverSigner(noticeDigest(placement, end), signature)).to.equal(addressOf(secret))
    await lookForNotice(lot.deps, steward)
    expect(lot.taken).to.have.length(3)

    const hasty = await aLot(async (placement) => {
      const soon = ASKED + 3 * DAY
      return { kind: 'leaving', end: soon, signature: signDigest(stewardSecret, noticeDigest(placement, soon)) }
    })
    await lookForNotice(hasty.deps, steward).catch(() => undefined)
    expect(hasty.taken).to.deep.equal([])
    expect(hasty.phases()).to.deep.equal(['asking', 'asking', 'asking'])

    const forged = await aLot(leaving(secret))
    const failed = await lookForNotice(forged.deps, steward).then(
      () => undefined,
      (cause: unknown) => cause,
    )
    expect(failed).to.be.instanceOf(HoldfastError).with.property('code', 'PLACEMENT_INVALID')
    expect(forged.taken).to.deep.equal([])
    expect(forged.phases()).to.deep.equal(['asking', 'asking', 'asking'])
  })
})
