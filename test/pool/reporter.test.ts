import { expect } from 'chai'
import { addressOf } from '../../base/curve.ts'
import { monitorsOf } from '../../pool/assigned-monitors.ts'
import { ROLE } from '../../pool/registry-view.ts'
import { createReporter } from '../../pool/reporter.ts'
import { aLog, eventually } from '../net/nodes.ts'
import { MonitorMarket } from './monitor-market.ts'
import { DOMAIN, FakeRegistry, type PoolNode } from './pool-nodes.ts'
import { steward, uploader, word } from './report-builder.ts'

describe('pool/reporter', () => {
  let market: MonitorMarket
  beforeEach(() => {
    market = new MonitorMarket()
  })
  afterEach(() => market.end())
  const reporterOf = ({ secret, node }: PoolNode, log = aLog()) =>
    createReporter({ secret, pool: DOMAIN, registry: market.registry, net: node, now: () => market.now, log })

  it('says it to one monitor of the accused in the background, and the same thing once a day', async () => {
    await market.member({ secret: steward, roles: ROLE.repository })
    const monitors = [await market.monitor(), await market.monitor()]
    const reports = reporterOf(await market.member({ secret: uploader }))
    const say = () => reports.reportTo(addressOf(steward), 'timeout', word('blob'), {})
    say()
    say()
    expect(reports.unfinished()).to.equal(1)
    await eventually(() => reports.unfinished() === 0)
    const cases = () => monitors.flatMap(({ monitor }) => monitor.cases())
    expect(cases().map(({ accused, kind }) => [accused, kind])).to.deep.equal([[addressOf(steward), 'timeout']])
    market.now += 86_401
    say()
    await eventually(() => cases().length === 2)
    await reports.stop()
  })

  it('goes to another monitor when the first is gone, gives up without a word to its owner, and holds no more than its queue', async () => {
    await market.member({ secret: steward, roles: ROLE.repository })
    const one = await market.monitor()
    const two = await market.monitor()
    const [first] = monitorsOf(market.registry, addressOf(steward), 1)
    const [gone, there] = first?.id === one.id ? [one, two] : [two, one]
    await gone.node.stop()
    const log = aLog()
    const reports = reporterOf(await market.member({ secret: uploader }), log)
    reports.reportTo(addressOf(steward), 'timeout', word('blob'), {})
    await eventually(() => there.monitor.cases().length === 1)
    await there.node.stop()
    for (let i = 0; i < 100; i++) reports.reportTo(addressOf(steward), 'slow', word(`blob ${i}`), {})
    expect(reports.unfinished()).to.be.at.most(64)
    await reports.stop()
    expect(log.lines.filter(({ event }) => event === 'report.dropped').length).to.be.at.least(36)
  }).timeout(30_000)

  it('chooses the assigned monitors first, then the same ones from wherever it looks, and never the accused itself', () => {
    const registry = new FakeRegistry()
    const ids = Array.from({ length: 6 }, (_, i) => addressOf(word(`monitor ${i}`)))
    for (const id of ids) registry.set(id, { roles: ROLE.monitor })
    const accused = addressOf(word('accused'))
    const chosen = monitorsOf(registry, accused, 3).map(({ id }) => id)
    const mirrored = new FakeRegistry()
    for (const id of [...ids].reverse()) mirrored.set(id, { roles: ROLE.monitor })
    expect(monitorsOf(mirrored, accused, 3).map(({ id }) => id)).to.deep.equal(chosen)
    registry.set(accused, { monitors: [ids[5] as never, addressOf(word('no monitor'))] })
    expect(monitorsOf(registry, accused, 3)[0]?.id).to.equal(ids[5])
    registry.set(ids[5] as never, { standing: 'banned' })
    expect(monitorsOf(registry, accused, 6).map(({ id }) => id)).to.not.include(ids[5])
    expect(monitorsOf(registry, ids[0] as never, 6).map(({ id }) => id)).to.not.include(ids[0])
  })
})
