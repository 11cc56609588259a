import { expect } from 'chai'
import { DAY, HOUR } from '../../base/units.ts'
import { outstandingEffects } from '../../controller/decide.ts'
import { type Round, rowsLeft } from '../../controller/placement-state.ts'
import { POLICY } from '../../controller/policy.ts'
import { isSettled, nextDueOf } from '../../controller/progress.ts'
import { aDriver, aPlacement, START } from './placement-builder.ts'

const due = (driver: ReturnType<typeof aDriver>) => driver.state.nextDue as number
const kinds = (effects: readonly { kind: string }[]) => effects.map((effect) => effect.kind)

describe('controller/decide', () => {
  it('never gives a row back that was used by a machine that is lost, when the answers are lost, too', () => {
    const driver = aDriver({ ...aPlacement({ rows: 9 }), rows: { total: 9, next: 13 } })
    driver.tell({ kind: 'rows-lost' }, START + DAY)
    expect(driver.state.rows).to.deep.equal({ total: 9, next: 13 })
  })

  it('counts the receipt as the first proof and asks for the first time a day later', () => {
    const placement = aPlacement()
    expect(placement.state).to.equal('held')
    expect(placement.totals.lastProof).to.equal(START)
    expect(placement.nextDue).to.equal(START + DAY)
  })

  it('marks the row used in the very decision that asks for the post', () => {
    const driver = aDriver(aPlacement())
    const post = driver.open(due(driver))
    expect(post).to.deep.include({ row: 0, due: START + DAY, from: START, cut: START + DAY, retry: false })
    expect(driver.state.rows).to.deep.equal({ total: 9, next: 1 })
    expect(driver.state.nextDue).to.equal(undefined)
  })

  it('opens nothing while a round is open, whatever it is asked', () => {
    const driver = aDriver(aPlacement())
    driver.open(due(driver))
    const before = driver.state
    const asked = driver.tell(
      { kind: 'open', docket: 'ff', due: START + 2 * DAY, deadline: START + 6 * DAY, retry: false },
      START + 2 * DAY,
    )
    expect(kinds(asked)).to.not.include('post')
    expect(driver.state.rows).to.deep.equal(before.rows)
  })

  it('counts a sweep only when it is final', () => {
    const driver = aDriver(aPlacement())
    const { docket } = driver.open(due(driver))
    driver.posted(docket, START + DAY)
    driver.tell({ kind: 'swept', docket, at: START + DAY + 60 }, START + DAY + 60)
    expect(driver.state.totals).to.deep.include({ checks: 0, paid: 0, lastProof: START })
    driver.tell({ kind: 'swept-final', docket }, START + DAY + 120)
    expect(driver.state.totals).to.deep.include({ checks: 1, paid: DAY, lastProof: START + DAY + 60 })
  })

  it('takes back all that rested on a sweep the chain undoes, and gives it again with the next', () => {
    const driver = aDriver(aPlacement())
    const { docket } = driver.pass(due(driver))
    const swept = driver.state
    const asked = driver.tell({ kind: 'unswept', docket }, START + DAY + 700)
    expect(asked.map((effect) => effect.kind === 'alert' && effect.code)).to.deep.equal(['undone'])
    expect(driver.state.totals).to.deep.include({ checks: 0, paid: 0, lastProof: START, cut: START + DAY })
    expect(driver.state.nextDue).to.equal(undefined)
    driver.swept(docket, START + DAY + 600)
    expect(driver.state).to.deep.equal(swept)
  })

  it('posts again, under the same id, what a reorganisation removed', () => {
    const driver = aDriver(aPlacement())
    const post = driver.open(due(driver))
    driver.tell({ kind: 'posted', docket: post.docket, at: START + DAY }, START + DAY)
    expect(driver.tell({ kind: 'unposted', docket: post.docket }, START + DAY + 60)).to.deep.equal([post])
  })

  it('revokes an hour after the deadline, once, and not a second before', () => {
    const driver = aDriver(aPlacement())
    const { docket, deadline } = driver.open(due(driver))
    driver.posted(docket, START + DAY)
    expect(driver.tell({ kind: 'tick' }, deadline + HOUR - 1)).to.deep.equal([])
    expect(kinds(driver.tell({ kind: 'tick' }, deadline + HOUR))).to.deep.equal(['revoke'])
    expect(driver.tell({ kind: 'tick' }, deadline + 2 * HOUR)).to.deep.equal([])
    expect(kinds(outstandingEffects(driver.state, POLICY))).to.deep.equal(['revoke'])
  })

  it('does not revoke what is swept and not final yet', () => {
    const driver = aDriver(aPlacement())
    const { docket, deadline } = driver.open(due(driver))
    driver.posted(docket, START + DAY)
    driver.tell({ kind: 'swept', docket, at: deadline }, deadline)
    expect(driver.tell({ kind: 'tick' }, deadline + HOUR)).to.deep.equal([])
    expect(kinds(driver.tell({ kind: 'unswept', docket }, deadline + 2 * HOUR))).to.deep.equal(['revoke'])
  })

  it('asks for a refused revoke again after an hour, under another id', () => {
    const driver = aDriver(aPlacement())
    const { docket, deadline } = driver.open(due(driver))
    driver.posted(docket, START + DAY)
    const [first] = driver.tell({ kind: 'tick' }, deadline + HOUR)
    expect(driver.tell({ kind: 'revoke-failed', docket }, deadline + HOUR + 10)).to.deep.equal([])
    expect(nextDueOf(driver.state, POLICY, deadline + HOUR + 10)).to.equal(deadline + 2 * HOUR)
    const [second] = driver.tell({ kind: 'tick' }, deadline + 2 * HOUR)
    expect(second?.kind).to.equal('revoke')
    expect(second?.id).to.not.equal(first?.id)
  })

  it('makes a blob suspect after one miss and resets the gap, whatever the history', () => {
    const driver = aDriver(aPlacement())
    for (let round = 0; round < 4; round++) driver.pass(due(driver))
    const revokedAt = driver.miss(due(driver))
    expect(driver.state.state).to.equal('suspect')
    expect(driver.state.totals.streak).to.equal(0)
    expect(driver.state.nextDue).to.equal(Math.ceil((revokedAt + DAY) / HOUR) * HOUR)
  })

  it('forfeits the interval of a missed round and pays the next from its cut on', () => {
    const driver = aDriver(aPlacement())
    driver.miss(due(driver))
    const retry = driver.open(due(driver))
    expect(retry).to.deep.include({ retry: true, from: START + DAY, row: 1 })
    expect(driver.state.totals.forfeited).to.equal(DAY)
  })

  it('believes a suspect again after its retry is swept, on the second rung of the ladder', () => {
    const driver = aDriver(aPlacement())
    driver.miss(due(driver))
    driver.pass(due(driver))
    expect(driver.state.state).to.equal('held')
    expect(driver.state.gap).to.be.within(5.25 * DAY, 8.75 * DAY)
  })

  it('calls a blob MIA after the second miss in a row, orders its repair, and asks no more', () => {
    const driver = aDriver(aPlacement())
    driver.miss(due(driver))
    driver.miss(due(driver))
    expect(driver.state.state).to.equal('mia')
    expect(kinds(driver.effects).filter((kind) => kind === 'repair')).to.have.length(1)
    expect(driver.state.nextDue).to.equal(undefined)
  })

  it('does not add up misses between which the blob was read', () => {
    const driver = aDriver(aPlacement())
    const missedAt = driver.miss(due(driver))
    driver.tell({ kind: 'read-verified', at: missedAt + HOUR }, missedAt + HOUR)
    expect(driver.state.state).to.equal('held')
    driver.miss(due(driver))
    expect(driver.state.state).to.equal('suspect')
  })

  it('takes a verified read of a blob it had given up as proof that it is there', () => {
    const driver = aDriver(aPlacement())
    driver.miss(due(driver))
    const missedAt = driver.miss(due(driver))
    driver.tell({ kind: 'repair-started' }, missedAt)
    expect(driver.state.state).to.equal('repairing')
    driver.tell({ kind: 'read-verified', at: missedAt + DAY }, missedAt + DAY)
    expect(driver.state.state).to.equal('held')
  })

  it('cancels a post that is not on the chain after a day, spends its row and asks for the same interval later', () => {
    const driver = aDriver(aPlacement())
    const { docket } = driver.open(due(driver))
    expect(kinds(driver.tell({ kind: 'tick' }, START + 2 * DAY - 1))).to.deep.equal([])
    expect(kinds(driver.tell({ kind: 'tick' }, START + 2 * DAY))).to.deep.equal(['cancel-post'])
    driver.tell({ kind: 'post-failed', docket }, START + 2 * DAY + 60)
    expect(driver.state.state).to.equal('held') // our own fault is nobody's miss
    expect(driver.state.nextDue).to.equal(START + 3 * DAY + HOUR)
    expect(driver.open(due(driver))).to.deep.include({ row: 1, from: START })
  })

  it('orders new rows when three are left, and again each day until they are there', () => {
    const driver = aDriver(aPlacement({ rows: 4 }))
    const now = due(driver)
    const { docket } = driver.open(now)
    expect(kinds(driver.effects)).to.include('top-up')
    driver.posted(docket, now)
    driver.swept(docket, now)
    expect(kinds(driver.tell({ kind: 'tick' }, now + DAY - 1))).to.deep.equal([])
    expect(kinds(driver.tell({ kind: 'tick' }, now + DAY))).to.deep.equal(['top-up'])
    driver.tell({ kind: 'read-verified', at: now + DAY, rows: 13 }, now + DAY)
    expect(rowsLeft(driver.state)).to.equal(12)
    expect(driver.state.topUp).to.equal(undefined)
    expect(driver.state.totals.lastProof).to.equal(now + DAY)
  })

  it('gives up a suspect it cannot ask again after seven days, and only then', () => {
    const driver = aDriver(aPlacement({ rows: 1 }))
    const missedAt = driver.miss(due(driver))
    driver.tell({ kind: 'tick' }, missedAt + 7 * DAY - 1)
    expect(driver.state.state).to.equal('suspect')
    driver.tell({ kind: 'tick' }, missedAt + 7 * DAY)
    expect(driver.state.state).to.equal('mia')
  })

  it('gives up what is held and can be asked no more, seven days after its round was due: no row, and no read', () => {
    const driver = aDriver(aPlacement({ rows: 1 }))
    driver.pass(due(driver))
    expect(driver.state).to.include({ state: 'held' })
    const until = due(driver) + 7 * DAY
    driver.tell({ kind: 'tick' }, until - 1)
    expect(driver.state.state).to.equal('held')
    expect(nextDueOf(driver.state, POLICY, until - 1)).to.be.at.most(until)
    expect(kinds(driver.tell({ kind: 'tick' }, until))).to.include.members(['repair', 'alert'])
    expect(driver.state).to.include({ state: 'mia', goneWhy: 'mute' })
    driver.tell({ kind: 'read-verified', at: until + DAY, rows: 10 }, until + DAY)
    expect(driver.state.state).to.equal('held')
  })

  it('leaves a suspect in peace while the uploader itself sleeps', () => {
    const driver = aDriver(aPlacement())
    const missedAt = driver.miss(due(driver))
    driver.tell({ kind: 'tick' }, missedAt + 20 * DAY)
    expect(driver.state.state).to.equal('suspect')
    expect(driver.open(missedAt + 20 * DAY).retry).to.equal(true)
  })

  it('catches up with one round after a sleep of months, with a deadline that lies ahead', () => {
    const driver = aDriver(aPlacement())
    const now = START + 60 * DAY + 1234
    const post = driver.open(now)
    expect(post).to.deep.include({ from: START, cut: START + 60 * DAY })
    expect(post.deadline).to.be.within(now + 71 * HOUR, now + 78 * HOUR)
  })

  it('asks for another term from 21 days before the end, daily for a week, warning ever louder', () => {
    const driver = aDriver(aPlacement({ term: 30 * DAY }))
    driver.pass(due(driver))
    const end = START + 30 * DAY
    expect(kinds(driver.tell({ kind: 'tick' }, end - 21 * DAY - 1))).to.deep.equal([])
    const [ask] = driver.tell({ kind: 'tick' }, end - 21 * DAY)
    expect(ask).to.deep.include({ kind: 'ask-terms', steward: driver.state.steward })
    const alerts: string[] = []
    const asked: string[] = []
    for (let day = 1; day < 21; day++)
      for (const effect of driver.tell({ kind: 'tick' }, end - (21 - day) * DAY))
        effect.kind === 'alert' ? alerts.push(effect.code) : asked.push(effect.kind)
    expect(asked).to.deep.equal([...Array(6).fill('ask-terms'), 're-auction'])
    expect(alerts).to.deep.equal(['renewal-late', 'renewal-late', 'renewal-late'])
  })

  it('goes on over the end of a term that was renewed as if there were none', () => {
    const driver = aDriver(aPlacement({ term: 30 * DAY }))
    driver.pass(due(driver))
    const end = START + 30 * DAY
    driver.tell({ kind: 'tick' }, end - 20 * DAY)
    driver.tell({ kind: 'renewed', version: 2, end: end + 30 * DAY }, end - 20 * DAY)
    expect(driver.state).to.deep.include({ version: 2, end: end + 30 * DAY })
    expect(driver.state.contract).to.equal(undefined)
    driver.tell({ kind: 'renewed', version: 2, end: end + 90 * DAY }, end - 20 * DAY)
    expect(driver.state.end).to.equal(end + 30 * DAY)
  })

  it('ends with a last cut at the end of the term, and then is over', () => {
    const driver = aDriver(aPlacement({ term: 40 * DAY + 1234 }), { ...POLICY, renew: false })
    let last = 0
    let lastDue = 0
    while (driver.state.state === 'held' && !isSettled(driver.state)) {
      lastDue = due(driver)
      last = driver.pass(lastDue).cut
    }
    expect(lastDue).to.equal(START + 40 * DAY + HOUR) // the first full hour from the end on
    expect(last).to.equal(START + 40 * DAY + 1234)
    expect(driver.state.state).to.equal('ended')
    expect(driver.state.totals.paid).to.equal(40 * DAY + 1234)
    expect(nextDueOf(driver.state, POLICY, START + 41 * DAY)).to.equal(undefined)
  })

  it('gives up at once what the steward itself reports lost, and asks for the rest over the same row', () => {
    const lost = aDriver(aPlacement())
    const kept = aDriver(aPlacement())
    for (const driver of [lost, kept]) driver.posted(driver.open(due(driver)).docket, START + DAY)
    const docket = kept.state.rounds[0]?.docket as string
    const now = START + 2 * DAY
    lost.tell({ kind: 'released', docket, at: now, lost: true }, now)
    expect(lost.state.state).to.equal('mia')
    const [post] = kept.tell(
      { kind: 'released', docket, at: now, lost: false, again: { docket: 'aa', deadline: now + DAY } },
      now,
    )
    expect(post).to.deep.include({ kind: 'post', docket: 'aa', row: 0, from: START, cut: START + DAY })
    expect(kept.state.rows.next).to.equal(1)
    expect(kept.state.state).to.equal('held')
  })

  it('has a large missed docket bisected before it asks any of its blobs alone, again every six hours for three days', () => {
    const driver = aDriver(aPlacement())
    const now = due(driver)
    const round = { docket: 'dd', due: now, deadline: now + 72 * HOUR }
    driver.tell({ kind: 'open', ...round, retry: false, entries: 16 }, now)
    driver.posted('dd', now)
    const missedAt = round.deadline + HOUR
    driver.tell({ kind: 'revoked', docket: 'dd', at: missedAt }, missedAt)
    const asked = driver.tell({ kind: 'revoked-final', docket: 'dd' }, missedAt)
    expect(kinds(asked)).to.deep.equal(['bisect', 'alert'])
    expect(asked[0]).to.deep.include({ id: 'bisect/dd/1', docket: 'dd' })
    expect(driver.state.nextDue).to.equal(missedAt + 3 * DAY)
    let tries = 1
    for (let at = missedAt; at < missedAt + 3 * DAY; ) {
      const next = nextDueOf(driver.state, POLICY, at) as number
      expect(next).to.be.above(at)
      at = next
      tries += kinds(driver.tell({ kind: 'tick' }, at)).filter((kind) => kind === 'bisect').length
    }
    expect(tries).to.equal(12)
    const retry = driver.open(missedAt + 3 * DAY)
    expect(retry.retry).to.equal(true)
    expect(retry.deadline - missedAt, 'over within the seven days').to.be.at.most(7 * DAY)
  })

  it('asks a small missed docket again blob by blob, a day later', () => {
    const driver = aDriver(aPlacement())
    const now = due(driver)
    driver.tell({ kind: 'open', docket: 'dd', due: now, deadline: now + 72 * HOUR, retry: false, entries: 15 }, now)
    driver.posted('dd', now)
    driver.tell({ kind: 'revoked-final', docket: 'dd' }, now + 73 * HOUR)
    expect(driver.state.bisection).to.equal(undefined)
    expect(driver.state.nextDue).to.equal(now + 73 * HOUR + DAY)
  })

  it('believes what a bisection shows: there, or MIA at once, and neither for a docket that was not the last one missed', () => {
    for (const isThere of [true, false]) {
      const driver = aDriver(aPlacement())
      const missedAt = driver.miss(due(driver))
      const { docket } = driver.state.rounds[0] as Round
      driver.tell({ kind: 'disproved', docket: 'ff', at: missedAt }, missedAt)
      expect(driver.state.state).to.equal('suspect')
      if (isThere) driver.tell({ kind: 'read-verified', at: missedAt }, missedAt)
      else expect(kinds(driver.tell({ kind: 'disproved', docket, at: missedAt }, missedAt))).to.include('repair')
      expect(driver.state.state).to.equal(isThere ? 'held' : 'mia')
      expect(driver.state.goneWhy).to.equal(isThere ? undefined : 'disproved')
    }
  })

  it('stops early when told to: a last cut at that moment, no renewal', () => {
    const driver = aDriver(aPlacement())
    driver.pass(due(driver))
    driver.tell({ kind: 'terminated', at: START + 3 * DAY }, START + 3 * DAY)
    expect(driver.open(due(driver)).cut).to.equal(START + 3 * DAY)
  })
})
