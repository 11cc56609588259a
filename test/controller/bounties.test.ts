import { expect } from 'chai'
import { concat, fromHex, toHex } from '../../base/bytes.ts'
import { type Address, addressOf, signDigest } from '../../base/curve.ts'
import { asHoldfastError } from '../../base/errors.ts'
import { sha256 } from '../../base/hash.ts'
import { releaseDigest } from '../../base/typed-data.ts'
import { DAY, HOUR } from '../../base/units.ts'
import { nonceOf } from '../../blob/challenge.ts'
import { encodeDocket } from '../../blob/docket.ts'
import { type BountyEvent, createBounties } from '../../controller/bounties.ts'
import type { PostCall, ReleasedCall } from '../../controller/bounty-intents.ts'
import { rebuildDocket } from '../../controller/dockets.ts'
import { Ledger } from '../../controller/ledger.ts'
import { openPlacement } from '../../controller/placement-state.ts'
import { POLICY } from '../../controller/policy.ts'
import type { BountyRecord } from '../../controller/records.ts'
import { placementsLost } from '../../controller/release.ts'
import { createDraw } from '../../controller/schedule.ts'
import { Step } from '../../controller/step.ts'
import { aBookedBlob } from './booked-blob.ts'
import { MemoryJournal, silent } from './memory-market.ts'

const domain = { chainId: 31337, contract: `0x${'11'.repeat(20)}` as Address }
const account = addressOf(new Uint8Array(32).fill(7))
const steward = addressOf(new Uint8Array(32).fill(8))
const nonceKey = new Uint8Array(32).fill(4)
const START = 1_800_000_000
const signature = new Uint8Array(65).fill(1)

/** Blobs on one docket, posted and final; the books told step by step, by a chain that may change its mind. */
async function aPosted(count = 3) {
  const ledger = await Ledger.open(new MemoryJournal())
  const posts: (PostCall & { readonly id: string })[] = []
  const releases: (ReleasedCall & { readonly id: string })[] = []
  const revokes: string[] = []
  const known = new Set<string>()
  /** As the outbox: an id that exists is left alone. */
  const once = (id: string, take: () => void) => {
    if (!known.has(id)) take()
    known.add(id)
    return []
  }
  const intents = {
    post: (id: string, call: PostCall) => once(id, () => posts.push({ ...call, id })),
    revoke: (id: string) => once(id, () => revokes.push(id)),
    revokeReleased: (id: string, call: ReleasedCall) => once(id, () => releases.push({ ...call, id })),
    advert: () => [],
  } as unknown as Parameters<typeof createBounties>[0]['intents']
  const bounties = createBounties({ ledger, domain, account, nonceKey, policy: POLICY, intents, log: silent })
  let now = START
  const step = async (run: (step: Step) => void) => {
    const one = new Step(ledger, { now, policy: POLICY, draw: createDraw(new Uint8Array(32)) })
    run(one)
    await bounties.intend(one)
    await ledger.commit(one.batch)
    bounties.forget()
  }
  const ids: string[] = []
  await step((one) => {
    for (let share = 0; share < count; share++) {
      const blob = new Uint8Array(1000).fill(share)
      const { id, placement, answers } = aBookedBlob({
        domain,
        nonceKey,
        uploader: account,
        steward,
        blob,
        start: START,
      })
      ids.push(id)
      one.add(openPlacement({ id, ref: '00'.repeat(32), kind: 'share', segment: 0, share, placement, rows: 9 }), {
        kind: 'booked',
        at: START,
      })
      one.batch.answers(id, concat(...answers))
    }
  })
  const event = (kind: BountyEvent['kind'], id: string, block: number): BountyEvent => ({
    kind,
    id,
    block,
    blockTime: now,
  })
  const world = {
    ledger,
    bounties,
    ids,
    posts,
    releases,
    revokes,
    step,
    event,
    first: '',
    at: (moment: number) => {
      now = moment
    },
    states: () => ids.map((id) => ledger.placements.get(id)?.state),
    again: () => [...ledger.bounties.values()].find((bounty) => bounty.again) as BountyRecord,
  }
  world.at(START + DAY + HOUR)
  await step((one) => expect(bounties.openDue(one, 10n ** 18n)).to.equal(0n))
  world.first = [...ledger.bounties.keys()][0] as string
  await step((one) => bounties.onEvent(one, event('posted', world.first, 1)))
  await step((one) => bounties.onFinal(one, 1))
  return world
}

describe('controller/bounties: released, on a chain that changes its mind', () => {
  it('takes the first release, once, with one intent that needs no waiting, and only of what is posted and final', async () => {
    const world = await aPosted()
    const { step, bounties, first, ids, releases, ledger } = world
    await step((one) => bounties.onUndone(one, world.event('posted', first, 1)))
    await step((one) => bounties.onRelease(one, first, { signature }, [ids[0] as string]))
    expect(ledger.bounties.get(first)?.release, 'its block is gone').to.equal(undefined)
    await step((one) => bounties.onEvent(one, world.event('posted', first, 2)))
    await step((one) => bounties.onRelease(one, first, { signature }, [ids[0] as string]))
    expect(releases, 'not final').to.deep.equal([])
    await step((one) => bounties.onFinal(one, 2))
    await step((one) => bounties.onRelease(one, first, { signature }, [ids[0] as string]))
    await step((one) => bounties.onRelease(one, first, { signature }, [ids[1] as string]))
    expect(releases).to.have.length(1)
    expect(releases[0]).to.deep.include({ steward, signature })
    expect(ledger.bounties.get(first)?.release?.lost).to.deep.equal([ids[0]])
    await step((one) => bounties.onRelease(one, 'ff'.repeat(32), { signature }, []))
    expect(world.posts).to.have.length(1)
  })

  it('takes none after the deadline: what was not swept by then is a miss', async () => {
    const world = await aPosted()
    const { step, bounties, first, ids, releases, ledger } = world
    const deadline = ledger.bounties.get(first)?.deadline ?? 0
    world.at(deadline + 1)
    const late = step((one) => bounties.onRelease(one, first, { signature }, [ids[0] as string]))
    const error = await late.catch((cause: unknown) => asHoldfastError(cause))
    expect(error).to.include({ code: 'NET_MALFORMED' })
    bounties.forget()
    expect(releases).to.deep.equal([])
    expect(ledger.bounties.get(first)?.release).to.equal(undefined)
    world.at(deadline)
    await step((one) => bounties.onRelease(one, first, { signature }, [ids[0] as string]))
    expect(releases).to.have.length(1)
  })

  it('posts the rest only when the first bounty is finally gone, whatever the chain undoes before', async () => {
    const world = await aPosted()
    const { step, bounties, first, ids, posts } = world
    await step((one) => bounties.onRelease(one, first, { signature }, [ids[0] as string]))
    for (let block = 2; block < 5; block++) {
      await step((one) => bounties.onEvent(one, world.event('revoked', first, block)))
      await step((one) => bounties.onFinal(one, block - 1))
      await step((one) => bounties.onUndone(one, world.event('revoked', first, block)))
      expect(posts, 'one bounty over the rows').to.have.length(1)
      expect(world.states()).to.deep.equal(['held', 'held', 'held'])
    }
    await step((one) => bounties.onEvent(one, world.event('revoked', first, 5)))
    await step((one) => bounties.onFinal(one, 5))
    expect(world.states()).to.deep.equal(['mia', 'held', 'held'])
    expect(posts).to.have.length(2)
    expect(posts[1]?.notAfter).to.equal((posts[1]?.deadline ?? 0) - 12 * HOUR)
    expect(Number(posts[1]?.amount)).to.be.closeTo((Number(posts[0]?.amount) * 2) / 3, 1)
    expect([...world.again().placements].sort()).to.deep.equal([ids[1], ids[2]].sort())
    await step((one) => bounties.onFinal(one, 6))
    await step((one) => bounties.onEvent(one, world.event('revoked', first, 5)))
    expect(posts, 'told again').to.have.length(2)
  })

  it('counts a release also when the revoke came after the deadline, and gives the rest a whole day', async () => {
    const world = await aPosted()
    const { step, bounties, first, ids, posts } = world
    await step((one) => bounties.onRelease(one, first, { signature }, [ids[2] as string]))
    const late = (posts[0]?.deadline ?? 0) + HOUR
    world.at(late)
    await step((one) => {
      for (const id of ids) one.tell(id, { kind: 'tick' })
    })
    expect(world.revokes, 'the ordinary one is tried, too').to.have.length(1)
    await step((one) => bounties.onEvent(one, world.event('revoked', first, 9)))
    await step((one) => bounties.onFinal(one, 9))
    expect(world.states()).to.deep.equal(['held', 'held', 'mia'])
    expect((posts[1]?.deadline ?? 0) - late).to.be.within(DAY, DAY + 6 * HOUR)
  })

  it('a sweep that came first wins: nothing is given up, nothing posted again', async () => {
    const world = await aPosted()
    const { step, bounties, first, ids } = world
    await step((one) => bounties.onRelease(one, first, { signature }, [ids[0] as string]))
    await step((one) => bounties.onEvent(one, world.event('swept', first, 3)))
    await step((one) => bounties.onFinal(one, 3))
    expect(world.states()).to.deep.equal(['held', 'held', 'held'])
    expect(world.posts).to.have.length(1)
  })

  it('posts nothing when everything on the docket is lost', async () => {
    const world = await aPosted()
    const { step, bounties, first, ids } = world
    await step((one) => bounties.onRelease(one, first, { signature }, ids))
    await step((one) => bounties.onEvent(one, world.event('revoked', first, 3)))
    await step((one) => bounties.onFinal(one, 3))
    expect(world.states()).to.deep.equal(['mia', 'mia', 'mia'])
    expect(world.posts).to.have.length(1)
  })
})

describe('controller/bounties: a docket that has to be handed over', () => {
  /** The post unclaimed, its revoke final; `offered`: seconds before the deadline. */
  async function unclaimed(offered: number | undefined) {
    const world = await aPosted(9)
    const { step, bounties, first, ledger } = world
    const bounty = ledger.bounties.get(first) as BountyRecord
    expect(bounty.toHand).to.equal(true)
    if (offered !== undefined)
      await step((one) => one.batch.bounty({ ...bounty, offeredAt: bounty.deadline - offered }))
    world.at(bounty.deadline + HOUR)
    await step((one) => bounties.onEvent(one, world.event('revoked', first, 9)))
    await step((one) => bounties.onFinal(one, 9))
    return [...ledger.placements.values()].map(({ state, totals }) => ({ state, totals }))
  }

  it('is nobody else’s miss when it was never offered, or too late', async () => {
    for (const offered of [undefined, DAY - 1])
      for (const { state, totals } of await unclaimed(offered)) {
        expect(state).to.equal('held')
        expect(totals).to.include({ misses: 0, lastMiss: 0, paid: 0 })
        expect(totals.forfeited).to.be.above(0)
      }
  })

  it('is handed over again when the chain takes back its post, with the same bytes, which were let go when its sweep was final', async () => {
    const world = await aPosted(9)
    const { step, bounties, first, ledger } = world
    const { toHand: _, ...handed } = ledger.bounties.get(first) as BountyRecord
    const docket = await ledger.docket(handed.docketHash)
    await step((one) => one.batch.bounty({ ...handed, offeredAt: START + DAY + HOUR }))
    await step((one) => bounties.onEvent(one, world.event('swept', first, 2)))
    await step((one) => bounties.onFinal(one, 2))
    expect(await ledger.docket(handed.docketHash), 'its bytes').to.equal(undefined)
    await step((one) => bounties.onUndone(one, world.event('swept', first, 2)))
    await step((one) => bounties.onUndone(one, world.event('posted', first, 1)))
    await step((one) => bounties.onEvent(one, world.event('posted', first, 4)))
    await step((one) => bounties.onFinal(one, 4))
    const again = ledger.bounties.get(first) as BountyRecord
    expect(again).to.include({ phase: 'posted', final: true, toHand: true })
    expect(again.offeredAt, 'it was offered for another post').to.equal(undefined)
    expect(await rebuildDocket({ ledger, nonceKey }, again)).to.deep.equal(docket)
  })

  it('is its steward’s miss when it was offered in time, whether it was there to take it or not', async () => {
    for (const { state, totals } of await unclaimed(2 * DAY)) {
      expect(state).to.equal('suspect')
      expect(totals.misses).to.equal(1)
    }
  })
})

describe('controller/bounties: posted before the ledger was restored', () => {
  /** Blobs whose rounds are due, and what the lost machine posted over them: a docket that also asks for a blob nobody here knows. */
  async function aRestored(entries: (ids: readonly string[]) => readonly { blobId: Uint8Array; row: number }[]) {
    const world = await aPosted()
    const { step, bounties, first, ids } = world
    await step((one) => bounties.onEvent(one, world.event('swept', first, 2)))
    await step((one) => bounties.onFinal(one, 2))
    world.at(START + 30 * DAY)
    const sorted = [...entries(ids)].sort((a, b) => Buffer.compare(a.blobId, b.blobId))
    const note = encodeDocket(sorted.map(({ blobId, row }) => ({ blobId, nonce: nonceOf(nonceKey, blobId, row) })))
    const id = '5a'.repeat(32)
    const deadline = START + 34 * DAY
    const post = { steward, claimKey: account, amount: 5n, deadline, docketHash: sha256(note), note }
    return { ...world, id, deadline, posted: (block: number) => ({ ...world.event('posted', id, block), post }) }
  }
  const blobs = [0, 1, 2].map((share) => sha256(new Uint8Array(1000).fill(share)))
  const strange = sha256(new Uint8Array(1000).fill(99))
  const known = () => [...blobs, strange].map((blobId) => ({ blobId, row: 1 }))

  it('takes back what nothing here fits, an hour after its deadline, and again when that was refused', async () => {
    const { step, bounties, posted, id, deadline, at, revokes, ledger, event } = await aRestored(() => [
      { blobId: strange, row: 0 },
    ])
    await step((one) => bounties.onEvent(one, posted(3)))
    await step((one) => bounties.onFinal(one, 3))
    expect(bounties.strayDue()).to.equal(deadline + HOUR)
    at(deadline + HOUR - 1)
    await step((one) => bounties.revokeStray(one))
    expect(revokes).to.deep.equal([])
    at(deadline + HOUR)
    await step((one) => bounties.revokeStray(one))
    await step((one) => bounties.revokeStray(one))
    expect(revokes).to.deep.equal([`revoke/${id}/1`])
    expect(bounties.strayDue()).to.equal(undefined)
    await step((one) => bounties.onRevokeFailed(one, id))
    at(bounties.strayDue() as number)
    await step((one) => bounties.revokeStray(one))
    expect(revokes).to.deep.equal([`revoke/${id}/1`, `revoke/${id}/2`])
    await step((one) => bounties.onEvent(one, event('revoked', id, 9)))
    await step((one) => bounties.onFinal(one, 9))
    expect(ledger.bounties.get(id)).to.include({ phase: 'revoked', final: true })
    expect(bounties.strayDue()).to.equal(undefined)
  })

  it('takes back also what came beside another round of all its placements', async () => {
    const { step, bounties, posted, deadline, at, revokes, id, ids, ledger } = await aRestored(() =>
      known().slice(0, 3),
    )
    const due = START + 30 * DAY
    await step((one) => {
      for (const each of ids)
        one.tell(each, { kind: 'adopted', docket: 'ee'.repeat(32), due, deadline: due + 4 * DAY, row: 2 })
    })
    await step((one) => bounties.onEvent(one, posted(3)))
    expect(ledger.bounties.get(id)?.placements).to.have.length(3)
    at(deadline + HOUR)
    await step((one) => bounties.revokeStray(one))
    expect(revokes).to.include(`revoke/${id}/1`)
  })

  it('leaves to its rounds what they wait for', async () => {
    const { step, bounties, posted } = await aRestored(known)
    await step((one) => bounties.onEvent(one, posted(3)))
    expect(bounties.strayDue()).to.equal(undefined)
  })

  it('never posts it again, not even when the chain takes it back for good; its rounds fail in their time', async () => {
    const { step, bounties, posted, posts, ledger, at, ids, id } = await aRestored(known)
    const before = posts.length
    await step((one) => bounties.onEvent(one, posted(3)))
    expect(posts, 'a second bounty over the same rows').to.have.length(before)
    await step((one) => bounties.onUndone(one, posted(3)))
    expect(posts).to.have.length(before)
    expect(bounties.intended(), 'no money waits for it').to.deep.equal([])
    const phases = () => ids.map((each) => ledger.placements.get(each)?.rounds.at(-1)?.phase)
    expect(phases()).to.deep.equal(['opening', 'opening', 'opening'])
    at(START + 30 * DAY + POLICY.postPatience)
    await step((one) => {
      for (const each of ids) one.tell(each, { kind: 'tick' })
    })
    expect(phases()).to.deep.equal(['failed', 'failed', 'failed'])
    // should it be mined again after all, it stands
    await step((one) => bounties.onEvent(one, posted(9)))
    expect(ledger.bounties.get(id)?.phase).to.equal('posted')
    expect(phases()).to.deep.equal(['posted', 'posted', 'posted'])
    expect(posts).to.have.length(before)
  })

  it('knows which dockets ask for more than the ledger knows, and takes a release of those all the same', async () => {
    const whole = await aRestored(() => known().slice(0, 3))
    await whole.step((one) => whole.bounties.onEvent(one, whole.posted(3)))
    expect(whole.ledger.bounties.get(whole.id)?.partial).to.equal(undefined)
    const { step, bounties, posted, ledger, id, deadline } = await aRestored(known)
    await step((one) => bounties.onEvent(one, posted(3)))
    const bounty = ledger.bounties.get(id) as BountyRecord
    expect(bounty.partial).to.equal(true)
    const key = new Uint8Array(32).fill(8)
    const lost = [blobs[0] as Uint8Array, strange].sort((a, b) => Buffer.compare(a, b))
    const signed = signDigest(key, releaseDigest(domain, { bountyId: fromHex(id), deadline }))
    const ofBlob = new Map([[toHex(blobs[0] as Uint8Array), 'p0']])
    const take = (of: BountyRecord) => placementsLost(domain, of, ofBlob, { deadline, signature: signed, lost })
    expect(take(bounty)).to.deep.equal(['p0'])
    const { partial: _, ...others } = bounty
    expect(() => take(others)).to.throw('not on the docket')
  })
})
