/** Who plays with bounties and their deadlines, against the real contracts on a real chain: what each of them, and its victim, has afterwards. */
import { expect } from 'chai'
import { u32 } from '../../base/bytes.ts'
import { addressOf } from '../../base/curve.ts'
import { sha256 } from '../../base/hash.ts'
import { bountyIdOf } from '../../base/typed-data.ts'
import { DAY, gwei, HOUR, unixTime } from '../../base/units.ts'
import { answerOf, createNonceSource } from '../../blob/challenge.ts'
import { claimSecretOf, docketHashOf, encodeDocket, sortChallenges } from '../../blob/docket.ts'
import { blobIdOf } from '../../blob/whiten.ts'
import { encodePost, encodeRevoke } from '../../chain/market.ts'
import { bogusKey } from './bogus-bounty-uploader.ts'
import { type Call, openStage, type Stage, type StagedBounty } from './contract-stage.ts'
import { lateSweep } from './late-steward.ts'
import { postAgain } from './replaying-uploader.ts'
import { show } from './show.ts'

const AMOUNT = gwei(1_000_000n)
const percent = (part: bigint, whole: bigint) => Number((10_000n * part) / whole) / 100

describe('cast: plays with bounties', function () {
  this.timeout(30_000)
  let stage: Stage
  before(async () => {
    stage = await openStage()
  })
  after(() => stage?.close())

  const sweepCall = (bounty: StagedBounty): Call => ({
    from: stage.steward,
    what: 'sweep',
    data: stage.sweepOf(bounty),
  })
  const revokeCall = (id: Uint8Array): Call => ({ from: stage.uploader, what: 'revoke', data: encodeRevoke([id]) })

  /** What an honest steward has of one bounty. */
  async function honestPay(): Promise<bigint> {
    const bounty = await stage.posted(AMOUNT)
    const { steward } = await stage.measured(() => stage.perform([sweepCall(bounty)]))
    return steward.market
  }

  describe('LateSteward', () => {
    it('sweeps in the last second that counts, and has the whole bounty', async () => {
      const peer = await honestPay()
      const bounty = await stage.posted(AMOUNT)
      const { call, at } = lateSweep(sweepCall(bounty), bounty, true)
      const { steward } = await stage.measured(() => stage.perform([call], at))
      show('LateSteward, in time', { gain: percent(steward.market, AMOUNT), peer: percent(peer, AMOUNT) })
    })

    it('sweeps a second later, and has nothing of that interval; the next one is paid like any', async () => {
      const peer = await honestPay()
      const bounty = await stage.posted(AMOUNT)
      const { call, at } = lateSweep(sweepCall(bounty), bounty, false)
      const { steward, uploader } = await stage.measured(async () => {
        const [sweep] = await stage.perform([call], at)
        expect(sweep?.ok, 'it does not fail, it finds nothing').to.equal(true)
        await stage.perform([revokeCall(bounty.id)], unixTime(bounty.deadline + HOUR))
      })
      expect(uploader.market, 'comes back whole').to.equal(AMOUNT)
      show('LateSteward, too late', {
        gain: percent(steward.market, AMOUNT),
        peer: percent(peer, AMOUNT),
        loss: Number(AMOUNT - uploader.market),
      })
      expect(await honestPay(), 'the next interval').to.equal(AMOUNT)
    })
  })

  describe('ReplayingUploader', () => {
    it('posts the claim key again while it is open: refused, whatever it says', async () => {
      const bounty = await stage.posted(AMOUNT)
      const { result, uploader } = await stage.measured(() => stage.perform(postAgain(stage.uploader, bounty)))
      expect(result.map(({ ok }) => ok)).to.deep.equal([false, false, false])
      expect(uploader.market).to.equal(0n)
      expect(await stage.market.bounty(bounty.id)).to.include({ amount: AMOUNT, deadline: bounty.deadline })
      await stage.perform([sweepCall(bounty)])
    })

    it('posts a spent key again: the same steward takes that money, too, without reading a byte', async () => {
      const bounty = await stage.posted(AMOUNT)
      await stage.perform([sweepCall(bounty)])
      const again = { ...bounty, deadline: unixTime(stage.chain.latest().timestamp + 4 * DAY) }
      const { steward, uploader } = await stage.measured(async () => {
        await stage.perform([{ from: stage.uploader, what: 'post again', data: stage.postOf(again) }])
        // the claim secret of the first time, for the new deadline
        await stage.perform([sweepCall(again)])
      })
      expect(steward.market).to.equal(AMOUNT)
      // an honest uploader pays once for a proof; this one pays and has none: what it asked was answered before
      show('ReplayingUploader', {
        gain: percent(uploader.market, AMOUNT),
        peer: 0,
        loss: Number(AMOUNT - steward.market),
      })
    })

    it('makes a new docket of old nonces: the answers that were kept claim it, though the bytes are gone', async () => {
      const nonces = createNonceSource(sha256(u32(77)))
      const blobs = [1, 2].map((seed) => sha256(u32(seed)))
      const { domain } = stage.market
      // each nonce was asked and answered once; the steward kept the answers, 64 bytes, and nothing else
      const kept = sortChallenges(
        blobs.map((blob) => {
          const blobId = blobIdOf(blob)
          const nonce = nonces.nonceOf(blobId, 0)
          return { blobId, nonce, answer: answerOf(domain, blobId, blob, nonce) }
        }),
      )
      const docket = encodeDocket(kept)
      const secret = claimSecretOf(domain, kept)
      const deadline = unixTime(stage.chain.latest().timestamp + 3 * DAY)
      const draft = stage.draft(AMOUNT, deadline)
      const claimKey = addressOf(secret)
      const bounty = { ...draft, claimKey, claimSecret: secret, docketHash: docketHashOf(docket), note: docket }
      const { steward, uploader } = await stage.measured(async () => {
        await stage.perform([{ from: stage.uploader, what: 'post', data: stage.postOf(bounty) }])
        await stage.perform([sweepCall(bounty)])
      })
      expect(steward.market).to.equal(AMOUNT)
      expect(uploader.market).to.equal(-AMOUNT)
    })
  })

  describe('BogusBountyUploader', () => {
    it('posts a key that no bytes give: nobody is paid, its money is away for three days, and it pays the gas of both ways', async () => {
      const claimKey = bogusKey()
      const draft = stage.draft(AMOUNT)
      const id = bountyIdOf(stage.uploader.account, claimKey, stage.steward.account)
      const { result, uploader, steward } = await stage.measured(async () => {
        const [post] = await stage.perform([
          {
            from: stage.uploader,
            what: 'post',
            data: encodePost(draft.steward, draft.deadline, [{ ...draft, claimKey }]),
          },
        ])
        const early = await stage.perform([revokeCall(id)], unixTime(draft.deadline + HOUR - 1))
        expect(early.map(({ ok }) => ok)).to.deep.equal([false])
        const [revoke] = await stage.perform([revokeCall(id)], unixTime(draft.deadline + HOUR))
        return [post, ...early, revoke]
      })
      expect(uploader.market).to.equal(0n)
      expect(steward).to.deep.equal({ market: 0n, ether: 0n })
      const gas = result.reduce((sum, outcome) => sum + (outcome?.gas ?? 0n), 0n)
      expect(uploader.ether).to.equal(-result.reduce((sum, outcome) => sum + (outcome?.fee ?? 0n), 0n))
      show('BogusBountyUploader', { gain: -Number(gas), peer: 0, loss: -Number(steward.market) })
    })
  })
})
