/** Stewards with one vice, composed from the honest one: what they can earn. */
import { createHash, createHmac, type Hash } from 'node:crypto'
import { expect } from 'chai'
import { toHex } from '../../base/bytes.ts'
import { sha256 } from '../../base/hash.ts'
import { headerOf } from '../../blob/challenge.ts'
import type { Answer, Fault } from '../../steward/ports.ts'
import type { BlobFiles } from '../../store/blob-files.ts'
import { eventually, rng, stopNodes } from '../net/nodes.ts'
import { aBlob, aDeal, aRig, closeRigs, DOMAIN, type Rig } from './rig.ts'

/** Posts a bounty over each blob and lets the steward do what it can. */
async function ask(rig: Rig, deal: Awaited<ReturnType<typeof aDeal>>, blobs: readonly Uint8Array[]): Promise<void> {
  rig.chain.mine(...blobs.map((blob) => deal.uploader.bounty(rig.steward.id, [blob]).fact))
  await eventually(async () => {
    const { head } = rig.chain
    return (await rig.steward.tick(head)).idle && head === rig.chain.head
  })
}

describe('steward, with a vice', () => {
  afterEach(async () => {
    await closeRigs()
    await stopNodes()
  })

  it('ForgetfulSteward: signs, deletes, and claims nothing', async () => {
    let rig: Rig
    const fault: Fault = async (site) => {
      if (site !== 'placement.committed') return
      for await (const { id } of rig.files.list()) await rig.files.remove(id)
    }
    rig = await aRig({ deps: { fault } })
    const deal = await aDeal(rig)
    const blobs = [aBlob(), aBlob()]
    for (const blob of blobs) await deal.store(blob)
    await ask(rig, deal, blobs)
    expect(rig.outbox.intents.size).to.equal(0)
    expect(rig.chain.open.size).to.equal(2)
  })

  it('MidstateSteward: keeps a hash state for each blob; it answers hash(blob ‖ nonce) and not one of ours', async () => {
    const states = new Map<string, Hash>()
    const real = await aRig()
    const keep = async (files: BlobFiles, id: Uint8Array) =>
      states.set(toHex(id), createHash('sha256').update(await files.read(id)))
    const tries: ((state: Hash, id: Uint8Array, length: number, nonce: Uint8Array) => Uint8Array)[] = [
      (state, _id, _length, nonce) => state.copy().update(nonce).digest(),
      (state, id, length, nonce) =>
        state
          .copy()
          .update(sha256(headerOf(DOMAIN, { blobId: id, length }, nonce)))
          .digest(),
      (state, id, length, nonce) =>
        createHmac('sha256', sha256(headerOf(DOMAIN, { blobId: id, length }, nonce)))
          .update(state.copy().digest())
          .digest(),
    ]
    let attempt = 0
    const answer: Answer = async ({ blobId, length }, nonces) => {
      const state = states.get(toHex(blobId)) as Hash
      const make = tries[attempt++ % tries.length] as (typeof tries)[0]
      return nonces.map((nonce) => make(state, blobId, length, nonce))
    }
    await real.restart({ answer })
    const deal = await aDeal(real)
    const blobs = Array.from({ length: 6 }, () => aBlob())
    for (const blob of blobs) await deal.store(blob)
    for await (const { id } of real.files.list()) await keep(real.files, id)
    const nonce = rng.bytes(32)
    for (const blob of blobs) {
      const naive = createHash('sha256').update(blob).update(nonce).digest('hex')
      const state = states.get(createHash('sha256').update(blob).digest('hex')) as Hash
      expect(state.copy().update(nonce).digest('hex'), 'the naive challenge is answered without the blob').to.equal(
        naive,
      )
    }
    await ask(real, deal, blobs)
    expect(attempt).to.equal(6)
    expect(real.outbox.intents.size).to.equal(0)
    expect(real.chain.open.size).to.equal(6)
  })
})
