import { rm } from 'node:fs/promises'
import { expect } from 'chai'
import { concat, toHex } from '../../base/bytes.ts'
import { signDigest } from '../../base/curve.ts'
import { docketDigest } from '../../base/typed-data.ts'
import { DAY, HOUR, MiB } from '../../base/units.ts'
import { answerRows } from '../../blob/challenge.ts'
import { bisectAnswerOf, type Challenge, docketHashOf, encodeDocket, sortChallenges } from '../../blob/docket.ts'
import { blobIdOf } from '../../blob/whiten.ts'
import { runBisection } from '../../controller/ask-steward.ts'
import { Ledger } from '../../controller/ledger.ts'
import { missedRoundOf, openPlacement } from '../../controller/placement-state.ts'
import { POLICY } from '../../controller/policy.ts'
import type { RunStep } from '../../controller/ports.ts'
import { createDraw, deadlineOf, hourAtOrAfter } from '../../controller/schedule.ts'
import { Step } from '../../controller/step.ts'
import { createStewardCalls } from '../../controller/steward-calls.ts'
import { stopNodes } from '../net/nodes.ts'
import { fileOf, flipBit } from '../steward/damage.ts'
import { aBlob, aDeal, aRig, closeRigs, codeOf, DOMAIN, type Rig } from '../steward/rig.ts'
import { MemoryJournal, silent } from './memory-market.ts'

const draw = createDraw(new Uint8Array(32))
const PLAN = 'aa'.repeat(32)

/** Blobs with a real steward, and a ledger in which the docket over all of them was missed. */
async function aMissedDocket(count: number) {
  const rig = await aRig()
  const deal = await aDeal(rig, { lots: [{ count: 10, bytes: 8 * MiB, blobs: 32 }] })
  const { uploader } = deal
  const blobs = Array.from({ length: count }, () => aBlob(600))
  const ledger = await Ledger.open(new MemoryJournal())
  let now = hourAtOrAfter(rig.chain.now())
  const step: RunStep = async (run) => {
    const one = new Step(ledger, { now, policy: POLICY, draw })
    const result = await run(one)
    await ledger.commit(one.batch)
    return result
  }
  const ids: string[] = []
  for (const [share, blob] of blobs.entries()) {
    const id = await deal.store(blob)
    ids.push(id)
    const blobId = blobIdOf(blob)
    const { placement } = deal.offer(blob)
    const nonces = Array.from({ length: 9 }, (_, row) => uploader.nonce(blobId, row))
    await step((one) => {
      const made = openPlacement({
        id,
        ref: 'ee'.repeat(32),
        kind: 'share',
        segment: share,
        share: 0,
        placement,
        rows: 9,
      })
      one.add(made, { kind: 'booked', at: now })
      one.batch.answers(id, concat(...answerRows(DOMAIN, blobId, blob, nonces)))
    })
  }
  now += DAY + HOUR
  const due = now
  const deadline = deadlineOf(due)
  const tellAll = (fact: Parameters<Step['tell']>[1]) =>
    step((one) => {
      for (const id of ids) one.tell(id, fact)
    })
  await tellAll({ kind: 'open', docket: PLAN, due, deadline, retry: false, entries: count })
  await tellAll({ kind: 'posted', docket: PLAN, at: now })
  now = deadline + HOUR
  await tellAll({ kind: 'revoked', docket: PLAN, at: now })
  await tellAll({ kind: 'revoked-final', docket: PLAN })
  const calls = createStewardCalls(deal.net, () => rig.target())
  let questions = 0
  const bisection = () =>
    runBisection(
      {
        ledger,
        domain: DOMAIN,
        chainSecret: uploader.secret,
        nonceKey: uploader.nonceKey,
        policy: POLICY,
        calls: {
          ...calls,
          bisect: (...args) => {
            questions++
            return calls.bisect(...args)
          },
        },
        now: () => rig.chain.now(),
        log: silent,
        step,
        signal: new AbortController().signal,
      },
      PLAN,
    )
  const stateOf = (blob: Uint8Array) => ledger.placements.get(ids[blobs.indexOf(blob)] as string)
  return { rig, deal, blobs, ids, ledger, bisection, stateOf, questions: () => questions }
}

describe('controller/ask-steward: bisection with a real steward', () => {
  afterEach(async () => {
    await stopNodes()
    await closeRigs()
  })

  it('gives up the two blobs that are gone, believes the other eighteen again, and asks a few questions', async () => {
    const { rig, blobs, ledger, bisection, stateOf, questions } = await aMissedDocket(20)
    for (const placement of ledger.placements.values()) {
      expect(missedRoundOf(placement)?.entries).to.equal(20)
      expect(placement.bisection?.n).to.equal(1)
    }
    const [flipped, deleted] = [blobs[3] as Uint8Array, blobs[14] as Uint8Array]
    await flipBit(fileOf(rig.dir, flipped), 100)
    await rm(fileOf(rig.dir, deleted))
    await bisection()
    for (const blob of blobs) {
      const isLost = blob === flipped || blob === deleted
      expect(stateOf(blob)?.state).to.equal(isLost ? 'mia' : 'held')
      expect(stateOf(blob)?.goneWhy).to.equal(isLost ? 'disproved' : undefined)
      expect(stateOf(blob)?.bisection).to.equal(undefined)
    }
    expect(questions()).to.be.within(3, 14)
    expect(rig.steward.failure).to.equal(undefined)
  })

  it('one question clears a steward that was only away', async () => {
    const { ledger, bisection, questions } = await aMissedDocket(16)
    await bisection()
    expect([...ledger.placements.values()].every(({ state }) => state === 'held')).to.equal(true)
    expect(questions()).to.equal(1)
  })

  it('says nothing about any blob while the steward cannot be asked', async () => {
    const { rig, ledger, bisection } = await aMissedDocket(16)
    await rig.node.stop()
    expect(await codeOf(bisection())).to.match(/^NET_/)
    expect([...ledger.placements.values()].every(({ state }) => state === 'suspect')).to.equal(true)
  })

  it('is answered to whom the blobs are held for alone, in time, for the part that was signed, and within limits', async () => {
    const { rig, deal, blobs } = await aMissedDocket(2)
    const { uploader, net } = deal
    const calls = createStewardCalls(net, () => rig.target())
    const part = sortChallenges(
      blobs.map((blob) => {
        const blobId = blobIdOf(blob)
        const nonce = uploader.nonce(blobId, 0)
        return { blobId, nonce, answer: answerRows(DOMAIN, blobId, blob, [nonce])[0] as Uint8Array }
      }),
    )
    const steward = rig.steward.id
    const put = (
      challenges: readonly Challenge[],
      secret = uploader.secret,
      until = rig.chain.now() + DAY,
      hash?: Uint8Array,
    ) => {
      const bytes = encodeDocket(challenges)
      const docketHash = hash ?? docketHashOf(bytes)
      const signature = signDigest(secret, docketDigest(DOMAIN, { steward, docketHash, amount: 0n, deadline: until }))
      const question = { docketHash, until, signature, bytes, patienceMs: 10_000 }
      return calls.bisect(steward, question, new AbortController().signal)
    }
    expect(toHex(await put(part))).to.equal(toHex(bisectAnswerOf(DOMAIN, part)))
    expect(await codeOf(put(part, new Uint8Array(32).fill(5)))).to.equal('BOUNTY_INVALID')
    expect(await codeOf(put(part, uploader.secret, rig.chain.now() - 1))).to.equal('BOUNTY_INVALID')
    expect(await codeOf(put(part, uploader.secret, undefined, new Uint8Array(32)))).to.equal('BOUNTY_INVALID')
    const foreign = [{ blobId: new Uint8Array(32), nonce: new Uint8Array(32) }]
    expect(await codeOf(put(foreign))).to.equal('BLOB_UNKNOWN')
    for (let i = 0; i < 31; i++) await put(part)
    expect(await codeOf(put(part))).to.equal('PEER_BUSY')
    await expectServing(rig)
  })
})

async function expectServing(rig: Rig): Promise<void> {
  expect(rig.steward.unready()).to.equal(undefined)
}
