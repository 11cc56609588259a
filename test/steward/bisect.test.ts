import { expect } from 'chai'
import { toHex } from '../../base/bytes.ts'
import { signDigest } from '../../base/curve.ts'
import { docketDigest } from '../../base/typed-data.ts'
import { DAY } from '../../base/units.ts'
import { answerRows } from '../../blob/challenge.ts'
import { bisectAnswerOf, decodeDocket, docketHashOf } from '../../blob/docket.ts'
import { blobIdOf } from '../../blob/whiten.ts'
import {
  DOCKET_PROTOCOL,
  decodeDocketMessage,
  encodeDocketMessage,
  MAX_DOCKET_FRAME,
} from '../../net/messages/docket.ts'
import { only } from '../../net/messages/fields.ts'
import type { NetNode } from '../../net/node.ts'
import type { Wire } from '../../net/wire.ts'
import { createAnswering } from '../../steward/answering.ts'
import type { Answer } from '../../steward/ports.ts'
import { aNode, clock, eventually, rng, stopNodes } from '../net/nodes.ts'
import { aBlob, aDeal, aRig, closeRigs, codeOf, DOMAIN, type Rig } from './rig.ts'

type Deal = Awaited<ReturnType<typeof aDeal>>

describe('steward/bisect', () => {
  afterEach(async () => {
    await closeRigs()
    await stopNodes()
  })

  /** A stream with a question on it, up to `go`. */
  async function open(rig: Rig, net: NetNode, secret: Uint8Array, part: Uint8Array): Promise<Wire> {
    const wire = await net.open(rig.target(), DOCKET_PROTOCOL)
    const [docketHash, until] = [docketHashOf(part), rig.chain.now() + DAY]
    const digest = docketDigest(DOMAIN, { steward: rig.steward.id, docketHash, amount: 0n, deadline: until })
    const signature = signDigest(secret, digest)
    await wire.send(encodeDocketMessage({ kind: 'bisect', docketHash, until, signature, length: part.length }))
    only(decodeDocketMessage(await wire.receive(MAX_DOCKET_FRAME)), 'go')
    return wire
  }

  async function ask(rig: Rig, { net, uploader }: Deal, part: Uint8Array): Promise<Uint8Array> {
    const wire = await open(rig, net, uploader.secret, part)
    await wire.sendBytes(part)
    const { answer } = only(decodeDocketMessage(await wire.receive(MAX_DOCKET_FRAME)), 'answer')
    await wire.close()
    return answer
  }

  async function asker(rig: Rig, count = 1) {
    const deal = await aDeal(rig)
    const blobs = Array.from({ length: count }, () => aBlob())
    for (const blob of blobs) await deal.store(blob)
    const { docket } = deal.uploader.bounty(rig.steward.id, blobs)
    const byId = new Map(blobs.map((blob) => [toHex(blobIdOf(blob)), blob]))
    const answered = decodeDocket(docket).map(({ blobId, nonce }) => {
      const [answer] = answerRows(DOMAIN, blobId, byId.get(toHex(blobId)) as Uint8Array, [nonce])
      return { blobId, nonce, answer: answer as Uint8Array }
    })
    return { deal, blobs, docket, right: bisectAnswerOf(DOMAIN, answered) }
  }

  /** Readings of blobs for answers, which can be held. */
  async function aGatedRig() {
    const reads: string[] = []
    let gate = Promise.resolve()
    let open = () => {}
    let naps = 0
    const answer: Answer = async (blob, nonces) => {
      reads.push(toHex(blob.blobId))
      await gate
      return createAnswering({ files: rig.files, domain: DOMAIN, threads: 0 }).answer(blob, nonces)
    }
    const counting: typeof clock = {
      ...clock,
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      sleep: (ms, signal) => {
        if (ms === 20) naps++
        return clock.sleep(ms, signal)
      },
    }
    const rig: Rig = await aRig({ deps: { answer, clock: counting } })
    const hold = () => {
      gate = new Promise((resolve) => {
        open = resolve
      })
    }
    return { rig, reads, hold, release: () => open(), naps: () => naps }
  }

  it('answers who placed blobs here, and nobody else', async () => {
    const rig = await aRig()
    const { deal, docket, right } = await asker(rig, 3)
    expect(await ask(rig, deal, docket)).to.deep.equal(right)
    const stranger = await aNode({ listen: [] })
    expect(await codeOf(open(rig, stranger, rng.bytes(32), docket.subarray(0, 4)))).to.equal('BOUNTY_INVALID')
  })

  it('is not occupied by questions whose bytes do not come', async () => {
    const rig = await aRig()
    const slow = [await asker(rig), await asker(rig), await asker(rig)]
    for (const { deal, docket } of slow) await open(rig, deal.net, deal.uploader.secret, docket)
    const { deal, docket, right } = await asker(rig)
    expect(await ask(rig, deal, docket)).to.deep.equal(right)
  })

  it('answers one question of an uploader at a time; the next one waits', async () => {
    const { rig, reads, hold, release, naps } = await aGatedRig()
    const { deal, docket, right } = await asker(rig)
    hold()
    const first = ask(rig, deal, docket)
    await eventually(() => reads.length === 1)
    const second = ask(rig, deal, docket)
    await eventually(() => naps() > 3)
    expect(reads).to.have.length(1)
    release()
    expect(await first).to.deep.equal(right)
    expect(await second).to.deep.equal(right)
  })

  it('reads no further for who hung up, and is free for the next', async () => {
    const { rig, reads, hold, release } = await aGatedRig()
    const { deal, docket, right } = await asker(rig, 12)
    hold()
    const wire = await open(rig, deal.net, deal.uploader.secret, docket)
    await wire.sendBytes(docket)
    await eventually(() => reads.length === 4)
    wire.abort(new Error('gone'))
    await deal.net.disconnect(rig.steward.id)
    const next = await asker(rig) // its auction and upload take longer than the news of the end
    release()
    expect(await ask(rig, next.deal, next.docket)).to.deep.equal(next.right)
    expect(await ask(rig, deal, docket)).to.deep.equal(right)
    expect(reads).to.have.length(4 + 1 + 12)
  })

  it('lets answers to bounties go first', async () => {
    const { rig, reads, hold, release, naps } = await aGatedRig()
    const [paid, other] = [await asker(rig), await asker(rig)]
    hold()
    rig.chain.mine(paid.deal.uploader.bounty(rig.steward.id, paid.blobs).fact)
    await eventually(() => reads.length === 1)
    const answer = ask(rig, other.deal, other.docket)
    await eventually(() => naps() > 3)
    expect(reads).to.deep.equal([toHex(blobIdOf(paid.blobs[0] as Uint8Array))])
    release()
    expect(await answer).to.deep.equal(other.right)
  })
})
