import { expect } from 'chai'
import { DAY, HOUR, unixTime } from '../../base/units.ts'
import { explain, momentOf, noteOf } from '../../controller/explain.ts'
import { Ledger } from '../../controller/ledger.ts'
import { aroundOf, type Outlook } from '../../controller/outlook.ts'
import type { PlacementState, Round } from '../../controller/placement-state.ts'
import { POLICY } from '../../controller/policy.ts'
import type { BountyRecord, ObjectRecord } from '../../controller/records.ts'
import { viewPlan } from '../../controller/view-plan.ts'
import { viewObject, viewShares, viewTotals } from '../../controller/views.ts'
import { MemoryJournal } from './memory-market.ts'
import { aDriver, aPlacement, START, stewardOf } from './placement-builder.ts'

const due = (driver: ReturnType<typeof aDriver>) => driver.state.nextDue as number

/** A ledger with one object of 3 of 10, whose shares are these; the rest is held. */
async function anOutlook(shares: readonly PlacementState[], now: number, bounties: readonly BountyRecord[] = []) {
  const ledger = await Ledger.open(new MemoryJournal())
  const batch = ledger.batch()
  const rest = Array.from({ length: 20 - shares.length }, (_, i) =>
    aPlacement({ n: shares.length + i + 1, steward: 50 + i }),
  )
  for (const [i, placement] of [...shares, ...rest].entries()) {
    const kind = i < 10 ? ('share' as const) : ('copy' as const)
    const state = { ...placement, kind, segment: 0, share: i % 10, ref: 'aa'.repeat(32) }
    batch.placement(state)
    batch.receipt(state.id, { ref: state.ref, placement: { version: 1 } } as never)
  }
  const object = {
    id: new Uint8Array(32).fill(9),
    ref: 'aa'.repeat(32),
    name: 'mail.tar',
    size: 1000,
    segmentSize: 24 * 2 ** 20,
    segments: 1,
    k: 3,
    n: 10,
    createdAt: unixTime(START),
  } as unknown as ObjectRecord
  batch.object(object, '09'.repeat(32))
  for (const bounty of bounties) batch.bounty(bounty)
  await ledger.commit(batch)
  const outlook: Outlook = { ledger, policy: POLICY, now }
  return { outlook, object, ledger }
}

const aBounty = (round: Round, overrides: Partial<BountyRecord> = {}): BountyRecord => ({
  id: '77'.repeat(32),
  plan: round.docket,
  steward: stewardOf(1),
  claimKey: stewardOf(2),
  amount: 5n,
  due: unixTime(round.due),
  deadline: unixTime(round.deadline),
  docketHash: '00'.repeat(32),
  placements: ['p', 'q'],
  phase: 'posted',
  final: true,
  postedAt: round.due,
  ...overrides,
})

/** The sentence about the first share. */
async function said(placement: PlacementState, now: number, bounties?: readonly BountyRecord[]): Promise<string> {
  const { outlook, object } = await anOutlook([placement], now, bounties)
  const first = [...outlook.ledger.placementsOf(object.ref)].find(({ id }) => id === placement.id) as PlacementState
  return noteOf(explain(first, aroundOf(outlook, object)(first))) ?? ''
}

describe('controller/explain: every state has a reason and a next step', () => {
  it('says nothing of what is simply held, and what an open round waits for', async () => {
    const driver = aDriver(aPlacement())
    expect(await said(driver.state, START)).to.equal('')
    const now = due(driver)
    const { docket } = driver.open(now)
    expect(await said(driver.state, now)).to.equal(`round 0 decided ${momentOf(now)}; next: its post reaches the chain`)
    driver.posted(docket, now)
    const round = driver.state.rounds[0] as Round
    expect(await said(driver.state, now, [aBounty(round)])).to.equal(
      `round 0 posted ${momentOf(now)}, unclaimed; next: swept until ${momentOf(round.deadline)}, or it is a miss; its steward is asked at ${momentOf(now + 6 * HOUR)} whether it gives it back`,
    )
    const release = { at: now, signature: new Uint8Array(65), lost: ['p'] }
    expect(await said(driver.state, now, [aBounty(round, { release })])).to.match(
      /next: its steward gives the bounty back, 1 of 2 blobs lost: taken back, then the rest is posted again$/,
    )
    expect(await said(driver.state, round.deadline + 1)).to.match(/next: taken back from .*, then suspect$/)
  })

  it('tells of a suspect what was missed, when it is asked again, and what follows', async () => {
    const driver = aDriver(aPlacement())
    const first = due(driver)
    const missedAt = driver.miss(first)
    const retry = due(driver)
    expect(await said(driver.state, missedAt)).to.equal(
      `round due ${momentOf(first)} unclaimed; next: retry due ${momentOf(retry)}, answered within 72 to 78 hours, or it is MIA`,
    )
    const { docket, deadline } = driver.open(retry)
    driver.posted(docket, retry)
    expect(await said(driver.state, retry)).to.equal(
      `round due ${momentOf(first)} unclaimed; next: retry posted ${momentOf(retry)}, deadline ${momentOf(deadline)}; missed too, it is MIA`,
    )
    const mute = aDriver(aPlacement({ rows: 1 }))
    const at = mute.miss(due(mute))
    expect(await said(mute.state, at)).to.match(/no answer is left to ask with: .* MIA at /)
    mute.tell({ kind: 'tick' }, at + 7 * DAY)
    expect(await said(mute.state, at + 7 * DAY)).to.match(/^no way to ask again within seven days/)
  })

  it('tells of a bisection under way', async () => {
    const driver = aDriver(aPlacement())
    const now = due(driver)
    driver.tell({ kind: 'open', docket: 'dd', due: now, deadline: now + 72 * HOUR, retry: false, entries: 40 }, now)
    driver.posted('dd', now)
    const missedAt = now + 73 * HOUR
    driver.tell({ kind: 'revoked-final', docket: 'dd' }, missedAt)
    expect(await said(driver.state, missedAt)).to.match(
      /asked over parts of the docket of 40 .*\(try 1, again .*\); without an answer a retry from /,
    )
    const { outlook } = await anOutlook([driver.state], missedAt)
    expect(viewPlan(outlook, 30).map(({ what }) => what)).to.include('bisection')
    driver.tell({ kind: 'disproved', docket: 'dd', at: missedAt }, missedAt)
    expect(await said(driver.state, missedAt)).to.match(/^its steward had no answer for it alone/)
  })

  it('tells why a share was given up, and what repair waits for', async () => {
    const driver = aDriver(aPlacement())
    driver.miss(due(driver))
    const again = due(driver)
    const missedAt = driver.miss(again)
    expect(await said(driver.state, missedAt)).to.equal(
      `missed twice, last ${momentOf(missedAt)}; next: made again elsewhere when 8 of 10 shares are confirmed, now 9; or now: holdfast repair`,
    )
    driver.tell({ kind: 'repair-started' }, missedAt)
    expect(await said(driver.state, missedAt)).to.match(/next: a new blob takes its place at another steward$/)
    driver.tell({ kind: 'replaced' }, missedAt)
    expect(await said(driver.state, missedAt)).to.equal(
      `replaced on ${momentOf(missedAt)} by a blob with another steward`,
    )

    const lost = aDriver(aPlacement())
    const now = due(lost)
    const { docket } = lost.open(now)
    lost.posted(docket, now)
    lost.tell({ kind: 'released', docket, at: now, lost: true }, now)
    expect(await said(lost.state, now)).to.match(new RegExp(`^its steward reported it lost ${momentOf(now)}; next: `))
  })

  it('shows all of it in shares, object, plan and status', async () => {
    const drivers = [1, 2].map((n) => aDriver(aPlacement({ n })))
    let now = 0
    for (const driver of drivers) now = driver.miss(due(driver))
    const suspects = drivers.map(({ state }) => state)
    const one = await anOutlook(suspects, now)
    const [share] = viewShares(one.outlook, one.object)
    expect(share?.note).to.equal(`${share?.why}; next: ${share?.next}`)
    expect(viewObject(one.outlook, one.object).trouble?.states).to.deep.equal({ suspect: 2 })
    expect(viewTotals(one.outlook, 0n).troubles).to.deep.equal([
      {
        object: '09'.repeat(32),
        name: 'mail.tar',
        states: { suspect: 2 },
        next: 'each is asked again; what is missed too is MIA, and repair starts in time',
      },
    ])
    const retries = viewPlan(one.outlook, 30).filter(({ why }) => why.startsWith('retry'))
    expect(retries.reduce((sum, { placements }) => sum + placements, 0)).to.equal(2)

    for (const driver of drivers) now = driver.miss(due(driver))
    const both = await anOutlook(
      drivers.map(({ state }) => state),
      now,
    )
    expect(viewTotals(both.outlook, 0n).troubles?.[0]).to.deep.include({
      states: { mia: 2 },
      next: 'to be made again at other stewards now: 8 of 10 confirmed',
    })
    expect(viewPlan(both.outlook, 30).find(({ what }) => what === 'repair')).to.deep.include({
      placements: 2,
      why: 'mail.tar: 8 of 10 shares of segment 0 confirmed, repair at 8',
    })
  })

  it('plans to ask while a bounty is open, and to take back what is released', async () => {
    const driver = aDriver(aPlacement())
    const now = due(driver)
    driver.posted(driver.open(now).docket, now)
    const bounty = aBounty(driver.state.rounds[0] as Round)
    const asking = viewPlan((await anOutlook([driver.state], now, [bounty])).outlook, 30)
    expect(asking.map(({ what }) => what)).to.include.members(['ask', 'revoke'])
    const release = { at: now, signature: new Uint8Array(65), lost: ['p'] }
    const released = viewPlan((await anOutlook([driver.state], now, [{ ...bounty, release }])).outlook, 30)
    expect(released.find(({ what }) => what === 'revoke')?.why).to.match(/^its steward gave it back, 1 of 2 blobs lost/)
    expect(released.some(({ what }) => what === 'ask')).to.equal(false)
  })
})
