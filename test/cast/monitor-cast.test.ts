/** FalseReporter and HostageSteward before real panels of ten monitors, two of them lying: who is convicted, and who loses what. */
import { expect } from 'chai'
import { utf8 } from '../../base/bytes.ts'
import { addressOf } from '../../base/curve.ts'
import { sha256 } from '../../base/hash.ts'
import { HOUR } from '../../base/units.ts'
import { encodeEvidenceFile, verifyEvidenceFile } from '../../pool/evidence-file.ts'
import { MonitorMarket, type MonitorNode, type Serving } from '../pool/monitor-market.ts'
import { aReceipt, aReport, MARKET, POOL, steward, uploader, word } from '../pool/report-builder.ts'
import { lying } from './false-reporter.ts'
import { show } from './show.ts'

const blob = utf8('bytes that are served, or not')
const blobId = sha256(blob)
const token = word('token')
const receipt = aReceipt(blobId, token, blob.length)

describe('cast: reporters and hostages before a panel', function () {
  this.timeout(120_000)
  let market: MonitorMarket
  let serving: Serving = 'honest'
  let monitors: readonly MonitorNode[] = []
  let liars: readonly MonitorNode[] = []

  beforeEach(async () => {
    market = new MonitorMarket()
    serving = 'honest'
    const accused = await market.steward(steward, blob, token, () => serving)
    const manager = await market.manager()
    market.registry.set(accused.id, { manager: manager.id })
    const honest = await Promise.all(Array.from({ length: 8 }, () => market.monitor()))
    liars = await Promise.all(Array.from({ length: 2 }, () => market.monitor(lying)))
    monitors = [...honest, ...liars]
  })
  afterEach(() => market.end())

  const judged = async () => {
    await market.settle(...monitors)
    market.now += HOUR
    await market.settle(...monitors)
  }

  it('a ring of FalseReporter, one in five, accuses an honest steward to each other and to the honest: no panel follows it', async () => {
    const [first, second] = liars as [MonitorNode, MonitorNode]
    // the ring's uploader has a placement to show, or nothing would be owed and no panel called
    const ally = await market.member({ secret: uploader })
    const accuse = (to: MonitorNode, kind: 'refused' | 'wrong-bytes', by = ally) =>
      market.report(
        by,
        to,
        aReport(
          kind,
          { token, receipt },
          { by: by.secret, accused: addressOf(steward), subject: blobId, at: market.now },
        ),
      )
    await accuse(first, 'refused')
    await accuse(second, 'wrong-bytes')
    await accuse(monitors[0] as MonitorNode, 'refused')
    await accuse(second, 'refused', first)
    await judged()
    const cases = monitors.flatMap(({ monitor }) => monitor.cases())
    expect(cases.map(({ stage }) => stage)).to.deep.equal(['closed', 'closed', 'closed', 'closed'])
    const held = cases.filter(({ votes }) => votes !== undefined)
    expect(held, 'panels that liars called').to.have.length(3)
    // a monitor that accuses has no seat itself: its own report only costs it a vote. On a busy machine an honest read may be too slow to vote
    for (const { votes, accuser } of held)
      expect(votes).to.include(accuser === first.id ? { drawn: 9, convicting: 1 } : { drawn: 10, convicting: 2 })
    expect(monitors[0]?.monitor.cases()[0]?.outcome).to.equal('dismissed')
    show('FalseReporter', { gain: 0, peer: 100, loss: market.verdicts.length })
  })

  it('a verdict that FalseReporter makes up has no ballots, and its own file says so', () => {
    const report = aReport(
      'refused',
      { token, receipt },
      { by: uploader, accused: addressOf(steward), subject: blobId },
    )
    const file = (votes: never[]) =>
      encodeEvidenceFile({
        v: 1,
        chainId: MARKET.chainId,
        market: MARKET.contract,
        registrar: POOL.contract,
        report,
        panel: {
          block: { number: 1, hash: word('block') },
          candidates: monitors.map(({ id }) => ({ id, cluster: '' })),
          excluded: [],
          votes,
        },
      })
    expect(verifyEvidenceFile(file([]))).to.deep.include({ convicts: false })
  })

  it('HostageSteward is convicted by the same ten, and an honest accuser is believed', async () => {
    serving = 'refuses'
    const reader = await market.member({ secret: uploader })
    const report = aReport(
      'refused',
      { token, receipt },
      { by: uploader, accused: addressOf(steward), subject: blobId, at: market.now },
    )
    await market.report(reader, monitors[0] as MonitorNode, report)
    await judged()
    expect(market.verdicts.map((verdict) => [verdict.accused, verdict.class])).to.deep.equal([
      [addressOf(steward), 'panel'],
    ])
    const followed = market.verdicts.length * 100
    show('HostageSteward', { gain: 100 - followed, peer: 100 })
    show('FalseReporter', { gain: 0, peer: followed })
  })
})
