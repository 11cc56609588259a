import { expect } from 'chai'
import { toHex } from '../../base/bytes.ts'
import { type Address, addressOf, signDigest } from '../../base/curve.ts'
import { HoldfastError } from '../../base/errors.ts'
import { fromTagged } from '../../base/tagged-json.ts'
import type { Placement } from '../../base/typed-data.ts'
import { DAY } from '../../base/units.ts'
import { answerOf } from '../../blob/challenge.ts'
import { blobIdOf } from '../../blob/whiten.ts'
import {
  type DepositEntry,
  decodeRight,
  depositDigest,
  encodeRight,
  MAX_RIGHT_BYTES,
  RIGHT_PROTOCOL,
} from '../../net/messages/right.ts'
import { type Grant, type Right, signGrant, transferRight } from '../../pool/grant.ts'
import { ROLE } from '../../pool/registry-view.ts'
import { RIGHT_POLICY } from '../../pool/right-policy.ts'
import { sealTicket } from '../../pool/ticket.ts'
import type { Granted } from '../../steward/right.ts'
import type { StewardRightDeps } from '../../steward/right-service.ts'
import { aNode, rng, stopNodes } from '../net/nodes.ts'
import { FakeRegistry } from '../pool/pool-nodes.ts'
import { ask, over, sendBlob } from './client.ts'
import { aBlob, aDeal, aRig, callApi, closeRigs, DOMAIN, NOW, type Rig, Uploader } from './rig.ts'
import { settled } from './settled.ts'

const POOL = rng.bytes(32)

/** The code of the failure, as the other side gave it. */
async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'resolved',
    (cause) => (cause instanceof HoldfastError ? String(cause.data['told'] ?? cause.code) : String(cause)),
  )
}

describe('steward/right', () => {
  let registry: FakeRegistry
  /** A repository of the pool, without a process. */
  let requester: Uint8Array

  beforeEach(() => {
    registry = new FakeRegistry()
    requester = rng.bytes(32)
    registry.set(addressOf(requester), { roles: ROLE.repository })
  })
  afterEach(async () => {
    await closeRigs()
    await stopNodes()
  })

  const right = (change: Partial<StewardRightDeps> = {}): StewardRightDeps => ({
    registry,
    pool: POOL,
    policy: RIGHT_POLICY,
    chain: { now: () => NOW, isAdvertPaid: async () => true, lastSweep: async () => NOW },
    fetch: async () => new Uint8Array(),
    ...change,
  })
  const aSteward = async (change: Partial<StewardRightDeps> = {}): Promise<Rig> => {
    const rig = await aRig({ deps: { right: right(change) } })
    registry.set(rig.steward.id, { roles: ROLE.repository, secureAddr: rig.target().addresses.join(' ') })
    return rig
  }
  const free: Partial<Placement> = { price: 0n, egressPrice: 0n }

  function granted(rig: Rig, to: Address, change: Partial<Grant> = {}): Right {
    const grant: Grant = {
      pool: POOL,
      requester: addressOf(requester),
      verifier: rig.steward.id,
      audience: rig.steward.id,
      bytes: 2_500,
      expires: NOW + DAY,
      id: rng.bytes(32),
      ...change,
    }
    return transferRight(requester, signGrant(rig.secret, grant), to, grant.bytes)
  }

  async function aClient(rig: Rig) {
    const uploader = new Uploader()
    const net = await aNode({ listen: [] })
    const send = (blob: Uint8Array, shown: Right | undefined, overrides: Partial<Placement> = {}) => {
      const placement = uploader.placement(rig.steward.id, blob, undefined, { ...free, ...overrides })
      const offer = { placement, signature: uploader.sign(placement) }
      return sendBlob(net, rig.target(), shown === undefined ? offer : { ...offer, right: shown }, blob)
    }
    return { uploader, net, send }
  }

  it('takes blobs without money by a grant for it, until the grant is used up, also after a restart', async () => {
    const rig = await aSteward()
    const { uploader, send } = await aClient(rig)
    const shown = granted(rig, uploader.account)
    const blob = aBlob()
    await send(blob, shown)
    await send(aBlob(), shown)
    await rig.restart()
    expect(rig.steward.book.bytesFree).to.equal(2_000)
    expect(await codeOf(send(aBlob(), shown)), '500 are left').to.equal('RIGHT_INVALID')
    await send(aBlob(500), shown)
    expect(await codeOf(send(aBlob(1), shown)), 'used up').to.equal('RIGHT_INVALID')
    await send(blob, shown) // the same placement again: the same countersignature
    expect(rig.steward.book.holdings.size).to.equal(3)
  })

  it('keeps nothing of an offer without money whose grant is not one for it', async () => {
    const rig = await aSteward()
    const { uploader, send } = await aClient(rig)
    const { account } = uploader
    const other = addressOf(rng.bytes(32))
    const wide = granted(rig, account)
    const [transfer] = wide.transfers
    const wrong: Record<string, Right | undefined> = {
      'no grant': undefined,
      'for another audience': granted(rig, account, { audience: other }),
      'of another verifier': granted(rig, account, { verifier: other }),
      'of another pool': granted(rig, account, { pool: rng.bytes(32) }),
      expired: granted(rig, account, { expires: NOW - 1 }),
      'to another client': granted(rig, other),
      'too small': granted(rig, account, { bytes: 999 }),
      'widened on the way': { ...wide, transfers: [{ ...(transfer as (typeof wide.transfers)[0]), bytes: 2_501 }] },
      'not signed by its verifier': { ...wide, grant: { ...wide.grant, bytes: 10_000 } },
    }
    for (const [what, shown] of Object.entries(wrong))
      expect(await codeOf(send(aBlob(), shown)), what).to.equal('RIGHT_INVALID')
    const good = granted(rig, account)
    registry.set(addressOf(requester), { standing: 'banned' })
    expect(await codeOf(send(aBlob(), good)), 'of a banned requester').to.equal('RIGHT_INVALID')
    registry.set(addressOf(requester), { standing: 'compliant' })
    const terms: Record<string, Partial<Placement>> = {
      'an advert': { advert: rng.bytes(32) },
      'a bond': { bond: 1n },
      'a long grace': { grace: 15 * DAY },
      'a long term': { end: NOW + 181 * DAY },
      'reading without end': { egressFree: 2 ** 40 },
      'a later version': { version: 2 },
    }
    for (const [what, overrides] of Object.entries(terms))
      expect(await codeOf(send(aBlob(), good, overrides)), what).to.equal('PLACEMENT_INVALID')
    expect(rig.steward.book.holdings.size).to.equal(0)
    await send(aBlob(), good)
  })

  it('takes a grant of a monitor in good standing', async () => {
    const rig = await aSteward()
    const { uploader, send } = await aClient(rig)
    const monitor = rng.bytes(32)
    const shown = transferRight(
      requester,
      signGrant(monitor, { ...granted(rig, uploader.account).grant, verifier: addressOf(monitor) }),
      uploader.account,
      2_000,
    )
    expect(await codeOf(send(aBlob(), shown))).to.equal('RIGHT_INVALID')
    registry.set(addressOf(monitor), { roles: ROLE.monitor })
    await send(aBlob(), shown)
  })

  it('gives a quarter of its quota to what pays nothing, and does not renew it for nothing', async () => {
    const rig = await aSteward()
    const { uploader, net, send } = await aClient(rig)
    const shown = granted(rig, uploader.account, { bytes: 40 * 2 ** 20 })
    const blob = aBlob()
    await send(blob, shown)
    rig.steward.configure({ ...rigQuota(4_000) })
    expect(await codeOf(send(aBlob(), shown))).to.equal('STORE_FULL')
    const placement = uploader.placement(rig.steward.id, blob, undefined, { ...free, version: 2, end: NOW + 120 * DAY })
    const renewal = { kind: 'renewal', placement, signature: uploader.sign(placement) } as const
    expect(await codeOf(ask(net, rig.target(), renewal))).to.equal('PLACEMENT_INVALID')
  })

  it('is told its rent of nothing by a bounty of one gwei, and keeps the blob', async () => {
    const rig = await aSteward()
    const { uploader, send } = await aClient(rig)
    const blob = aBlob()
    await send(blob, granted(rig, uploader.account))
    const [id] = rig.steward.book.holdings.keys()
    rig.chain.advance(30 * DAY)
    const { fact } = uploader.bounty(rig.steward.id, [blob], { now: rig.chain.now(), amount: 1n })
    rig.chain.mine(fact)
    await settled(rig)
    const holding = rig.steward.book.holdings.get(id as string)
    expect(holding?.sweeps).to.equal(1)
    expect(holding?.held.payments.length).to.equal(1)
    expect(holding?.held.payments[0]?.cut).to.be.above(NOW + 29 * DAY)
  })

  it('asks others for rights of its own, passes them on, and gives the same to the same order', async () => {
    const [asking, granting, third] = [await aSteward(), await aSteward(), await aSteward()]
    const { uploader, send } = await aClient(granting)
    const order = { name: 'ab'.repeat(32), bytes: 3_000, want: 5, to: uploader.account }
    const got = fromTagged(await callApi(asking, '/right', order)) as Granted[]
    expect(got.map(({ steward }) => steward).sort()).to.deep.equal([granting.steward.id, third.steward.id].sort())
    const mine = got.find(({ steward }) => steward === granting.steward.id) as Granted
    await send(aBlob(), mine.right)
    expect(((await callApi(asking, '/status')) as { right: object }).right).to.deep.equal({
      used: 6_000,
      provable: 0,
      free: 0,
      deposits: 0,
    })
    await asking.restart()
    const again = fromTagged(await callApi(asking, '/right', order)) as Granted[]
    expect(again.map(({ right }) => toHex(right.grant.id)).sort()).to.deep.equal(
      got.map(({ right }) => toHex(right.grant.id)).sort(),
    )
    const [digest] = granting.steward.book.idOfDigest.keys()
    expect(digest).to.be.a('string')
  })

  it('proves with what it really holds and was paid for: another repository checks it blob by blob', async () => {
    const verifier = await aSteward({ policy: { ...RIGHT_POLICY, allowance: 0 } })
    const rig = await aRig({ deps: { right: right() } })
    registry.set(rig.steward.id, { roles: ROLE.repository, secureAddr: rig.target().addresses.join(' ') })
    const { order, drop } = await filled(rig, verifier)
    const got = fromTagged(await callApi(rig, '/right', order)) as Granted[]
    expect(got.map(({ steward }) => steward)).to.deep.equal([verifier.steward.id])
    expect(got[0]?.right.grant.bytes).to.equal(order.bytes)
    await drop()
    const failed = callApi(rig, '/right', { ...order, name: 'ef'.repeat(32) })
    expect(await codeOf(failed)).to.equal('RIGHT_UNPROVEN')
  }).timeout(60_000)

  /** More than the allowance, of eight uploaders, each blob swept once and deposited with the verifier. */
  async function filled(rig: Rig, verifier: Rig) {
    const ids: Uint8Array[] = []
    for (let i = 0; i < 8; i++) {
      const deal = await aDeal(rig)
      const blobs = [aBlob(20_000), aBlob(20_000), aBlob(20_000)]
      const entries: DepositEntry[] = []
      for (const blob of blobs) {
        await deal.store(blob)
        ids.push(blobIdOf(blob))
      }
      for (const { held } of rig.steward.book.holdings.values()) {
        if (held.uploader !== deal.uploader.account) continue
        const receipt = await rig.steward.book.receipt(held.id, 1)
        const blob = blobs.find((one) => toHex(blobIdOf(one)) === held.blobId) as Uint8Array
        const nonces = [rng.bytes(32), rng.bytes(32)]
        const tickets = nonces.map((nonce) => sealTicket(nonce, answerOf(DOMAIN, blobIdOf(blob), blob, nonce)))
        const { placement, signature, countersignature } = receipt as NonNullable<typeof receipt>
        entries.push({ placement, signature, countersignature, tickets })
      }
      await over(deal.net, verifier.target(), RIGHT_PROTOCOL, async (wire) => {
        const signature = signDigest(deal.uploader.secret, depositDigest(verifier.steward.id, entries))
        await wire.send(encodeRight({ kind: 'deposit', verifier: verifier.steward.id, entries, signature }))
        return decodeRight(await wire.receive(MAX_RIGHT_BYTES))
      })
      const { fact } = deal.uploader.bounty(rig.steward.id, blobs, { amount: 10n ** 9n })
      rig.chain.mine(fact)
      await settled(rig)
    }
    const drop = async () => {
      for (const id of ids) await rig.files.remove(id)
    }
    return { order: { name: 'cd'.repeat(32), bytes: 60_000, want: 1, to: addressOf(rng.bytes(32)) }, drop }
  }
})

function rigQuota(quota: number) {
  return {
    quota,
    reserve: 0,
    cost: { target: 0, fullPremium: 0, egress: 0, bond: 0 as never },
    scrub: 365 * DAY,
  }
}
