import { expect } from 'chai'
import { toHex } from '../../base/bytes.ts'
import { DAY, HOUR, unixTime } from '../../base/units.ts'
import type { PlacementState } from '../../controller/placement-state.ts'
import { effort } from '../effort.ts'
import { memoryJournal, seededRng } from '../uploader/fixtures.ts'
import { openWorld, type World, type WorldSteward } from './repair-world.ts'

const bytesOf = (size: number) => Uint8Array.from({ length: size }, (_, i) => (i * 131 + (i >> 8)) & 255)
const slot = ({ kind, segment, share }: PlacementState) => `${kind}/${segment}/${share}`
const isThere = ({ state }: PlacementState) => state === 'held' || state === 'suspect'

/** Stewards that hold something now, in the order of their lots. */
function holdersOf(world: World): WorldSteward[] {
  const lots = world.placements().filter((each) => isThere(each) && each.kind === 'copy' && each.segment === 0)
  return lots
    .sort((a, b) => a.share - b.share)
    .map(({ steward }) => world.stewards.find(({ target }) => target.id === steward) as WorldSteward)
}

/** Every slot has one blob, held by a steward of its own, and nobody keeps anything the ledger does not know. */
function assertWhole(world: World, slots: number): void {
  const there = world.placements().filter(isThere)
  expect(there.map(slot).sort()).to.have.length(slots)
  expect(new Set(there.map(slot)).size, 'one blob a slot').to.equal(slots)
  const ofPart = Map.groupBy(there, ({ kind, segment }) => `${kind}/${segment}`)
  for (const [part, placements] of ofPart)
    expect(new Set(placements.map(({ steward }) => steward)).size, `${part}: one share a steward`).to.equal(10)
  for (const { target, blobs, gone } of world.stewards) {
    if (gone) continue
    const known = there.filter(({ steward }) => steward === target.id).map(({ blobId }) => blobId)
    expect([...blobs.keys()].sort(), 'no orphan').to.deep.equal(known.sort())
  }
}

describe('controller/repairs', function () {
  this.timeout(60_000)

  it('writes exactly the lost shares and copies, and reads only k shares a segment and one copy', async () => {
    const world = await openWorld(14)
    const bytes = bytesOf(2500)
    const { cap } = await world.put(bytes)
    expect(world.sent).to.have.length(40)
    const before = new Map(world.placements().map((placement) => [slot(placement), placement]))
    world.now += 2 * DAY
    const holders = holdersOf(world)
    await world.lose([holders[1], holders[4], holders[9]] as WorldSteward[])
    await world.settle()
    assertWhole(world, 40)
    expect(world.sent).to.have.length(40 + 3 * 4)
    const fresh = world.placements().filter((placement) => isThere(placement) && placement.repair !== undefined)
    expect(fresh.map(slot).sort()).to.deep.equal(
      [1, 4, 9]
        .flatMap((share) => [`copy/0/${share}`, `share/0/${share}`, `share/1/${share}`, `share/2/${share}`])
        .sort(),
    )
    for (const { blobId } of fresh) expect([...before.values()].some((old) => old.blobId === blobId)).to.equal(false)
    // 3 × 339 B for each whole segment, 3 × 172 B for the last, and one copy
    const copy = before.get('copy/0/0')?.length as number
    expect(world.stewards.reduce((sum, { served }) => sum + served, 0)).to.equal(2 * 3 * 339 + 3 * 172 + copy)
    expect(world.adverts).to.have.length(2)
    expect(world.placements().filter(({ state }) => state === 'ended')).to.have.length(12)
    expect(world.repairs.running()).to.equal(0)
    expect(world.repairs.nextDue(), 'nothing is left to do').to.equal(undefined)
    expect(await world.get(cap)).to.deep.equal(bytes)
  })

  it('has only so many missing blobs in memory at once, and still mends everything', async () => {
    const world = await openWorld(16, 'memory', 4 * 339)
    const bytes = bytesOf(2500)
    const { cap } = await world.put(bytes)
    world.now += 2 * DAY
    world.mostInFlight = 0
    await world.lose(holdersOf(world).slice(0, 5))
    await world.settle()
    assertWhole(world, 40)
    const copy = world.placements().find(({ kind }) => kind === 'copy')?.length as number
    expect(world.mostInFlight).to.be.at.most(Math.max(2 * 339, copy))
    expect(world.stewards.reduce((sum, { served }) => sum + served, 0)).to.equal(2 * 3 * 339 + 3 * 172 + copy)
    expect(await world.get(cap)).to.deep.equal(bytes)
  })

  it('does not hand a record again and again to a steward that has a newer one', async () => {
    const world = await openWorld(20)
    await world.put(bytesOf(1500))
    world.now += 2 * DAY
    await world.lose(holdersOf(world).slice(0, 3))
    const ahead = world.stewards.flatMap((steward) =>
      [...steward.copies.values()].flat().map((copy) => {
        const newer = { version: world.now + 1_000, sealed: new Uint8Array(1) }
        steward.successors.set(copy, newer)
        return { steward, copy, newer }
      }),
    )
    await world.settle()
    assertWhole(world, 30)
    const kept = ahead.filter(({ steward }) => !steward.gone)
    expect(kept).not.to.have.length(0)
    for (const { steward, copy, newer } of kept) expect(steward.successors.get(copy)).to.equal(newer)
    for (const { version, handed } of world.ledger.successors.values())
      for (const { id, kind, state } of world.ledger.placements.values())
        if (kind === 'copy' && state === 'held') expect(handed[id]).to.equal(version)
  })

  it('leaves nine of ten alone, unless its owner orders it', async () => {
    const world = await openWorld(12)
    await world.put(bytesOf(500))
    world.now += 2 * DAY
    await world.lose(holdersOf(world).slice(0, 1))
    await world.settle()
    expect(world.adverts).to.have.length(1)
    expect(world.repairs.nextDue()).to.equal(undefined)
    const [object] = world.ledger.objects.values()
    if (object === undefined) throw new Error('no object')
    expect(world.repairs.view(object, false).parts.map(({ state }) => state)).to.deep.equal(['enough', 'enough'])
    expect(world.repairs.view(object, true).parts.map(({ state, missing }) => [state, missing])).to.deep.equal([
      ['planned', [0]],
      ['planned', [0]],
    ])
    world.repairs.order(object.ref)
    await world.settle()
    assertWhole(world, 20)
    expect(world.sent).to.have.length(22)
  })

  it('leaves alone what its owner let go, whatever is lost of it', async () => {
    const world = await openWorld(12)
    await world.put(bytesOf(500))
    const [object] = world.ledger.objects.values()
    if (object === undefined) throw new Error('no object')
    const batch = world.ledger.batch()
    batch.object({ ...object, removedAt: unixTime(world.now) }, toHex(object.id))
    await world.ledger.commit(batch)
    world.now += 2 * DAY
    await world.lose(holdersOf(world).slice(0, 4))
    world.repairs.order(object.ref)
    await world.settle()
    expect(world.adverts).to.have.length(1)
    expect(world.sent).to.have.length(20)
  })

  it('is read from the capability by repaired shares alone, through the successor record', async () => {
    const world = await openWorld(20)
    const bytes = bytesOf(1500)
    const { cap } = await world.put(bytes)
    world.now += 2 * DAY
    const first = holdersOf(world)
    await world.lose(first.slice(0, 3))
    await world.settle()
    // once more, a repaired share among them: the record is complete, and its version the highest
    world.now += 2 * DAY
    const repaired = holdersOf(world).find(({ target }) => !first.some((old) => old.target.id === target.id))
    await world.lose([repaired as WorldSteward, first[5] as WorldSteward])
    await world.settle()
    assertWhole(world, 30)
    for (const steward of first) steward.gone = true
    const left = world.stewards.filter(({ gone, blobs }) => !gone && blobs.size > 0)
    expect(left).to.have.length(4)
    expect(await world.get(cap)).to.deep.equal(bytes)
    const versions = left.flatMap(({ successors }) => [...successors.values()].map(({ version }) => version))
    expect(versions).to.have.length(4)
    expect(new Set(versions).size, 'all have the newest').to.equal(1)
  })

  it('repairs the list of shares of a large object, too', async () => {
    const world = await openWorld(14)
    const bytes = bytesOf(3000)
    const { cap } = await world.put(bytes, { maxManifestBytes: 500 })
    const [object] = world.ledger.objects.values()
    const segments = 3 + (object?.indirect?.segments ?? 0)
    expect(segments).to.be.above(3)
    world.now += 2 * DAY
    const originals = holdersOf(world)
    await world.lose(originals.slice(2, 5))
    await world.settle()
    assertWhole(world, 10 * (segments + 2))
    for (const steward of originals) steward.gone = true
    expect(await world.get(cap)).to.deep.equal(bytes)
  })

  it('says when a segment is lost, and mends it when a share comes back', async () => {
    const world = await openWorld(24)
    const bytes = bytesOf(700)
    const { cap } = await world.put(bytes)
    world.now += 2 * DAY
    const lost = holdersOf(world).slice(0, 8)
    await world.lose(lost)
    await world.settle()
    const states = () =>
      world
        .placements()
        .filter(({ kind }) => kind === 'share')
        .map(({ state }) => state)
    expect(states().filter((state) => state === 'lost')).to.have.length(8)
    expect(world.alerts).to.deep.equal(['lost'])
    // copies are not lost: one is enough
    expect(world.placements().filter((placement) => placement.kind === 'copy' && isThere(placement))).to.have.length(10)
    const due = world.repairs.nextDue() as number
    expect(due).to.be.within(world.now + HOUR, world.now + DAY)
    for (const steward of lost.slice(0, 2)) steward.gone = false
    world.now = due
    world.repairs.wake()
    await world.settle()
    expect(world.placements().filter((placement) => placement.kind === 'share' && isThere(placement))).to.have.length(
      10,
    )
    expect(world.alerts).to.deep.equal(['lost'])
    expect(await world.get(cap)).to.deep.equal(bytes)
  })

  it('waits when nobody can take a lot, pays no second fee, and goes on when somebody can', async () => {
    const world = await openWorld(11)
    await world.put(bytesOf(500))
    world.now += 2 * DAY
    const lost = holdersOf(world).slice(0, 2)
    await world.lose(lost)
    await world.settle()
    expect(world.placements().filter(({ kind, state }) => kind === 'share' && state === 'held')).to.have.length(9)
    for (const steward of lost) {
      steward.gone = false
      steward.blobs.clear()
    }
    for (let looks = 0; looks < 40 && world.repairs.nextDue() !== undefined; looks++) {
      world.now = world.repairs.nextDue() as number
      world.repairs.wake()
      await world.settle()
    }
    assertWhole(world, 20)
    expect(world.adverts).to.have.length(2)
    expect(world.alerts).to.deep.equal(['repair-waits'])
  })

  it('fills what nobody took at the put, a day later: until then the put may be at it', async () => {
    const world = await openWorld(10)
    for (const late of world.stewards.slice(8)) late.gone = true
    const journal = memoryJournal()
    const first = await world.put(bytesOf(500), {}, journal)
    expect(world.placements().filter(isThere)).to.have.length(16)
    for (const late of world.stewards.slice(8)) late.gone = false
    world.repairs.start()
    await world.settle()
    expect(world.adverts).to.have.length(1)
    expect(world.repairs.nextDue()).to.equal(world.now + DAY)
    world.now += DAY
    world.repairs.wake()
    await world.settle()
    assertWhole(world, 20)
    // the same put again finds its lots taken: nothing is placed or paid twice, and the object is the same
    const { sent, adverts } = world
    const before = [sent.length, adverts.length]
    const again = await world.put(bytesOf(500), {}, journal)
    expect(again).to.deep.include({ id: first.id, cap: first.cap, resumed: true })
    expect([sent.length, adverts.length]).to.deep.equal(before)
    assertWhole(world, 20)
  })

  it('goes on after a kill at every step: one new blob for each, no orphan, nothing paid twice', async () => {
    // begun, awarded; then for each part: fetched, placed but not booked, booked; at last the successor record handed over
    const visits = [1, 2, 3, 4, 5, 3, 4, 5, 3, 4, 5, 3, 4, 5, 1]
    const world = await openWorld(14)
    const bytes = bytesOf(2500)
    const { cap } = await world.put(bytes)
    world.now += 2 * DAY
    let kills = 0
    world.killAt(visits[kills] as number)
    await world.lose(holdersOf(world).slice(0, 3))
    await world.settle()
    for (; world.isDead; await world.settle()) {
      expect(await world.get(cap), 'readable at every moment').to.deep.equal(bytes)
      world.killAt(visits[++kills] ?? Number.POSITIVE_INFINITY)
      await world.reopen()
    }
    expect(kills).to.equal(visits.length)
    assertWhole(world, 40)
    expect(world.adverts, 'one fee for the put, one for the repair').to.have.length(2)
    const ids = world.placements().map(({ blobId }) => blobId)
    expect(new Set(ids).size, 'no two stewards ever held equal bytes').to.equal(ids.length)
    for (const steward of world.stewards.slice(0, 10)) steward.gone = true
    expect(await world.get(cap)).to.deep.equal(bytes)
  })

  const rounds = effort(3, 20, 200)
  it(`ends whole after ${rounds} rounds of stewards that leave and newcomers, with a kill at a random step of each`, async () => {
    const world = await openWorld(16, 'rounds')
    const random = seededRng('repairs')
    const below = (count: number) => (random.bytes(1)[0] as number) % count
    const bytes = bytesOf(1200)
    const { cap } = await world.put(bytes)
    for (let round = 0; round < rounds; round++) {
      world.now += 2 * DAY
      await world.renew()
      const holders = holdersOf(world)
      const leaving = Array.from({ length: 2 + below(3) }, () => holders.splice(below(holders.length), 1)[0]).filter(
        (steward) => steward !== undefined,
      )
      world.killAt(1 + below(16))
      await world.lose(leaving)
      await world.settle()
      for (; world.isDead; await world.settle()) {
        world.killAt(3 + below(16))
        await world.reopen()
      }
      world.killAt(Number.POSITIVE_INFINITY)
      // a month later whoever left comes back with nothing
      world.now += 31 * DAY
      for (const steward of leaving) {
        steward.gone = false
        steward.blobs.clear()
        steward.copies.clear()
      }
      world.repairs.wake()
      await world.settle()
      assertWhole(world, 30)
      expect(await world.get(cap)).to.deep.equal(bytes)
    }
    const ids = world.placements().map(({ blobId }) => blobId)
    expect(new Set(ids).size, 'no bytes twice').to.equal(ids.length)
  })

  it('makes other blobs after a recovery than the lost machine made: no bytes with two stewards', async () => {
    const world = await openWorld(20)
    await world.put(bytesOf(700))
    world.now += 2 * DAY
    const before = world.sent.length
    world.killAt(1)
    await world.lose(holdersOf(world).slice(0, 3))
    await world.settle()
    expect(world.isDead).to.equal(true)
    const backup = world.backup()
    expect([...world.ledger.repairs.values()].map(({ stage, lots }) => [stage, lots.length])).to.deep.equal([
      ['open', 0],
    ])
    // goes on after the backup, and is lost; who got its blobs is away when the new one asks
    world.killAt(Number.POSITIVE_INFINITY)
    await world.reopen()
    await world.settle()
    const first = world.sent.slice(before).map((line) => line.split(' ') as [string, string])
    expect(first).to.have.length(6)
    for (const steward of world.stewards) if (first.some(([, id]) => id === steward.target.id)) steward.gone = true
    await world.recover(backup)
    await world.settle()
    const second = world.sent.slice(before + first.length).map((line) => line.split(' ') as [string, string])
    expect(second).to.have.length(6)
    const made = new Set(first.map(([blobId]) => blobId))
    expect(second.filter(([blobId]) => made.has(blobId))).to.deep.equal([])
  })
})
