import { expect } from 'chai'
import { toHex, utf8 } from '../../base/bytes.ts'
import { addressOf, signDigest } from '../../base/curve.ts'
import { HoldfastError } from '../../base/errors.ts'
import { sha256 } from '../../base/hash.ts'
import { demandDigest, poolIdOf } from '../../base/typed-data.ts'
import { HOUR } from '../../base/units.ts'
import {
  DOCKET_PROTOCOL,
  decodeDocketMessage,
  encodeDocketMessage,
  MAX_DOCKET_FRAME,
} from '../../net/messages/docket.ts'
import { decodeEvidenceFile, encodeEvidenceFile, verifyEvidenceFile } from '../../pool/evidence-file.ts'
import { addressesOf } from '../../pool/registry-view.ts'
import { isVerdictSigned } from '../../pool/report.ts'
import { MonitorMarket, type Serving } from './monitor-market.ts'
import { aBounty, aReceipt, aReport, MARKET, NOW, steward, uploader, word } from './report-builder.ts'

const blob = utf8('a blob that somebody wants back')
const blobId = sha256(blob)
const token = word('token')
const receipt = aReceipt(blobId, token, blob.length)

async function codeOf(act: Promise<unknown>): Promise<string> {
  try {
    await act
  } catch (cause) {
    if (cause instanceof HoldfastError) return cause.code
    throw cause
  }
  return 'nothing thrown'
}

describe('pool/monitor', () => {
  let market: MonitorMarket
  let serving: Serving
  beforeEach(() => {
    market = new MonitorMarket()
    serving = 'honest'
  })
  afterEach(() => market.end())

  const refusedBy = (by = uploader, at = NOW) =>
    aReport('refused', { token, receipt }, { by, accused: addressOf(steward), subject: blobId, at })

  it('convicts a BogusBountyUploader on one report, tells its manager, and the evidence holds again from the file alone', async () => {
    const manager = await market.manager()
    const poster = await market.member({ secret: uploader })
    market.registry.set(poster.id, { manager: manager.id })
    const accuser = await market.member({ secret: steward, roles: 1 })
    const one = await market.monitor()
    const bogus = aBounty([blob], addressOf(word('thrown away')))
    market.bounties.set(toHex(bogus.id), bogus.onChain)
    const blobs = [{ length: blob.length, token: new Uint8Array(0), bytes: blob }]
    const report = aReport(
      'bogus-bounty',
      { bounty: bogus.bounty, docket: bogus.docket, blobs },
      { accused: poster.id, subject: bogus.id },
    )
    expect(await market.report(accuser, one, report)).to.include({ kind: 'taken' })
    await market.settle(one)
    expect(market.verdicts).to.have.length(1)
    const [verdict] = market.verdicts
    if (verdict === undefined) return
    expect(verdict).to.include({
      accused: poster.id,
      finding: 'bogus-bounty',
      class: 'self-verifying',
      reason: 7,
      monitor: one.id,
    })
    expect(isVerdictSigned(verdict)).to.equal(true)
    const found = verifyEvidenceFile(verdict.evidence)
    expect(found.hash).to.equal(toHex(verdict.evidenceHash))
    expect(found.judgement).to.include({ class: 'self-verifying', needs: 'chain' })
    expect(verifyEvidenceFile(verdict.evidence, { bounty: () => bogus.onChain }).convicts).to.equal(true)
    expect(one.monitor.view()).to.include({ reports: 1, open: 0, verdicts: 1, told: 1 })
  })

  it('fetches the bytes that a report lends it, and judges with them', async () => {
    const poster = await market.member({ secret: uploader })
    const accuser = await market.steward(steward, blob, word('lent'), () => serving)
    const one = await market.monitor()
    const bogus = aBounty([blob], addressOf(word('thrown away')))
    market.bounties.set(toHex(bogus.id), bogus.onChain)
    const blobs = [{ length: blob.length, token: word('lent'), bytes: new Uint8Array(0) }]
    const report = aReport(
      'bogus-bounty',
      { bounty: bogus.bounty, docket: bogus.docket, blobs },
      { accused: poster.id, subject: bogus.id },
    )
    await market.report(accuser, one, report)
    await market.settle(one)
    expect(one.monitor.verdicts().map(({ verdict }) => verdict.class)).to.deep.equal(['self-verifying'])
    expect(one.monitor.verdicts()[0]?.waits).to.contain('not registered') // no manager: it waits, and the monitor shows it
  })

  it('lets a HostageSteward be looked at by a panel of seven, whose sealed votes convict it', async () => {
    const manager = await market.manager()
    const accused = await market.steward(steward, blob, token, () => serving)
    market.registry.set(accused.id, { manager: manager.id })
    const reader = await market.member({ secret: uploader })
    const monitors = await Promise.all(Array.from({ length: 7 }, () => market.monitor()))
    const [first] = monitors
    if (first === undefined) return
    serving = 'refuses'
    await market.report(reader, first, refusedBy())
    await market.settle(...monitors)
    expect(first.monitor.cases()[0]).to.include({ stage: 'panel', outcome: 'open' })
    const { nextDue = 0 } = await first.monitor.tick()
    expect(nextDue).to.equal(Math.floor(NOW / HOUR) * HOUR + HOUR)
    market.now = nextDue
    await market.settle(...monitors)
    expect(market.verdicts).to.have.length(1)
    const [verdict] = market.verdicts
    if (verdict === undefined) return
    expect(verdict).to.deep.include({
      finding: 'refused',
      class: 'panel',
      panel: { drawn: 7, voted: 7, convicting: 7 },
    })
    const found = verifyEvidenceFile(verdict.evidence)
    expect(found.convicts).to.equal(true)
    expect(found.panel).to.deep.include({ outcome: 'convicted', class: 'panel' })
  }).timeout(60_000)

  it('follows the pool’s own policy: where all seven have to convict, six do not, and the file says so', async () => {
    market.policy = { ...market.policy, panelSeats: 7, panelVotes: 7 }
    await market.steward(steward, blob, token, () => serving)
    const reader = await market.member({ secret: uploader })
    const blind = () => ({ probe: async () => ({ kind: 'silent', ms: 1, code: 'NET_UNREACHABLE' }) as const })
    const monitors = await Promise.all(Array.from({ length: 7 }, (_, i) => market.monitor(i === 6 ? blind : undefined)))
    const [first] = monitors
    if (first === undefined) return
    serving = 'refuses'
    await market.report(reader, first, refusedBy())
    await market.settle(...monitors)
    market.now += HOUR
    await market.settle(...monitors)
    expect(first.monitor.verdicts(), 'no conviction').to.have.length(0)
    expect(first.monitor.cases()[0]).to.deep.include({ outcome: 'open', votes: { drawn: 7, voted: 6, convicting: 6 } })
    market.policy = { ...market.policy, panelVotes: 6 }
    market.now += 2 * 86_400
    await market.report(reader, first, refusedBy(uploader, market.now))
    await market.settle(...monitors)
    market.now += HOUR
    await market.settle(...monitors)
    const [told] = first.monitor.verdicts()
    expect(told?.verdict).to.deep.include({ class: 'panel', panel: { drawn: 7, voted: 6, convicting: 6 } })
    const { panel } = verifyEvidenceFile(told?.verdict.evidence ?? new Uint8Array())
    expect(panel).to.deep.include({ outcome: 'convicted', policy: { seats: 7, votes: 6, least: 7 } })
  }).timeout(60_000)

  describe('told of an appeal', () => {
    /** A steward that three monitors found holding a blob back, and the evidence. */
    async function convicted() {
      const manager = await market.manager()
      const accused = await market.steward(steward, blob, token, () => serving)
      market.registry.set(accused.id, { manager: manager.id })
      const reader = await market.member({ secret: uploader })
      const monitors = await Promise.all(Array.from({ length: 4 }, () => market.monitor()))
      const [first, second] = monitors
      if (first === undefined || second === undefined) throw new Error('four')
      serving = 'refuses'
      await market.report(reader, first, refusedBy())
      await market.settle(...monitors)
      market.now += HOUR
      await market.settle(...monitors)
      const [verdict] = market.verdicts
      if (verdict === undefined) throw new Error('it was found out')
      const hearing = { kind: 'hearing', about: verdict.evidenceHash, evidence: verdict.evidence } as const
      /** Until the panel of the next hour has sat. */
      async function sit() {
        await market.settle(...monitors)
        market.now += HOUR
        await market.settle(...monitors)
      }
      return { manager, accused, reader, monitors, second, verdict, hearing, sit }
    }

    it('has another panel look: it acquits who serves now, also when out of standing, once', async () => {
      const { manager, accused, second, hearing, sit } = await convicted()
      market.registry.set(accused.id, { standing: 'banned' })
      serving = 'honest'
      expect(await market.say(manager, second, hearing)).to.deep.equal({ kind: 'taken', hash: hearing.about })
      await market.say(manager, second, hearing)
      await sit()
      expect(market.verdicts).to.have.length(2)
      expect(market.verdicts[1]).to.deep.include({
        monitor: second.id,
        finding: 'refused',
        panel: { drawn: 3, voted: 3, convicting: 0 },
      })
      const { evidence, panel } = market.verdicts[1] as NonNullable<(typeof market.verdicts)[1]>
      expect(verifyEvidenceFile(evidence)).to.include({ convicts: false, accused: accused.id })
      expect(verifyEvidenceFile(evidence).panel?.count).to.deep.equal(panel)
    }).timeout(30_000)

    it('confirms what is still so, and says nothing of who is silent', async () => {
      const { manager, accused, monitors, second, hearing, sit } = await convicted()
      await market.say(manager, second, hearing)
      await sit()
      expect(market.verdicts[1]?.panel).to.deep.equal({ drawn: 3, voted: 3, convicting: 3 })
      await accused.node.stop()
      const third = monitors[2] as typeof second
      await market.say(manager, third, hearing)
      await sit()
      expect(market.verdicts).to.have.length(2)
      expect(third.monitor.cases().at(-1)).to.deep.include({
        stage: 'closed',
        outcome: 'open',
        votes: { drawn: 3, voted: 0, convicting: 0 },
      })
    }).timeout(60_000)

    it('looks for nobody but the manager of the accused, and at nothing else than what a panel found', async () => {
      const { manager, reader, second, hearing } = await convicted()
      expect(await codeOf(market.say(reader, second, hearing))).to.equal('PEER_REFUSED')
      const other = { ...hearing, about: word('another') }
      expect(await codeOf(market.say(manager, second, other))).to.equal('EVIDENCE_INVALID')
      const { report: _, ...bare } = decodeEvidenceFile(hearing.evidence)
      const evidence = encodeEvidenceFile(bare)
      expect(await codeOf(market.say(manager, second, { ...hearing, about: sha256(evidence), evidence }))).to.equal(
        'EVIDENCE_INVALID',
      )
      expect(second.monitor.cases()).to.have.length(0)
    }).timeout(30_000)
  })

  it('only advises with fewer than seven independent monitors', async () => {
    const accused = await market.steward(steward, blob, token, () => serving)
    const reader = await market.member({ secret: uploader })
    const monitors = await Promise.all(Array.from({ length: 3 }, () => market.monitor()))
    const [first] = monitors
    if (first === undefined) return
    serving = 'wrong-bytes'
    await market.report(
      reader,
      first,
      aReport('wrong-bytes', { token, receipt }, { by: uploader, accused: accused.id, subject: blobId }),
    )
    await market.settle(...monitors)
    market.now += HOUR
    await market.settle(...monitors)
    expect(first.monitor.verdicts()[0]?.verdict).to.deep.include({
      class: 'advice',
      panel: { drawn: 3, voted: 3, convicting: 3 },
    })
  }).timeout(30_000)

  it('dismisses who accuses an honest steward of refusing, convicts nobody of silence, and of nothing that is not owed', async () => {
    const accused = await market.steward(steward, blob, token, () => serving)
    const reader = await market.member({ secret: uploader })
    const one = await market.monitor()
    await market.report(reader, one, refusedBy())
    await market.settle(one)
    expect(one.monitor.cases()[0]).to.include({ stage: 'closed', outcome: 'dismissed' })
    serving = 'refuses'
    const bare = aReport('slow', { token }, { by: uploader, accused: accused.id, subject: blobId })
    await market.report(reader, one, bare)
    await market.settle(one)
    expect(one.monitor.cases()[1]?.why).to.contain('need not: no placement is shown')
    await accused.node.stop()
    await market.report(
      reader,
      one,
      aReport('timeout', { token, receipt }, { by: uploader, accused: accused.id, subject: blobId }),
    )
    await market.settle(one)
    expect(one.monitor.cases()[2]).to.include({ stage: 'closed', outcome: 'open' })
    expect(one.monitor.cases()[2]?.why).to.contain('silence convicts of nothing')
    expect(one.monitor.verdicts()).to.have.length(0)
  }).timeout(30_000)

  it('accuses no steward that pruned what nobody paid for', async () => {
    const accused = await market.steward(steward, blob, token, () => serving)
    const reader = await market.member({ secret: uploader })
    const one = await market.monitor()
    serving = 'refuses'
    market.isPaid = false
    market.now = NOW + 48 * 86_400
    await market.report(reader, one, refusedBy(uploader, market.now))
    await market.settle(one)
    expect(one.monitor.cases()[0]?.why).to.contain('not paid for')
    expect(accused.id).to.equal(one.monitor.cases()[0]?.accused)
  })

  it('takes a stranger\u2019s report when it shows a placement that both signed, and no other stranger\u2019s', async () => {
    await market.steward(steward, blob, token, () => serving)
    const anonymous = await market.member({ anonymous: true })
    const one = await market.monitor()
    expect(await market.report(anonymous, one, refusedBy())).to.include({ kind: 'taken' })
    const stranger = refusedBy(word('a stranger'))
    expect(await codeOf(market.report(anonymous, one, stranger))).to.equal('POOL_UNREGISTERED')
  })

  it('refuses bad reports by name, counts them, and keeps nothing of them', async () => {
    const accused = await market.steward(steward, blob, token, () => serving)
    const reader = await market.member({ secret: uploader })
    const one = await market.monitor()
    const good = refusedBy()
    await market.report(reader, one, good)
    await market.settle(one)
    const kept = async () => {
      const keys: string[] = []
      for await (const [key] of one.journal.list('')) if (!key.startsWith('refused/')) keys.push(key)
      return keys
    }
    const before = await kept()
    const about = { by: uploader, accused: accused.id, subject: blobId }
    const foreign = { ...about, pool: poolIdOf({ chainId: 1, contract: MARKET.contract }) }
    const cases: readonly [string, Parameters<typeof market.report>[2]][] = [
      ['EVIDENCE_REPLAYED', good],
      ['EVIDENCE_REPLAYED', aReport('refused', { token }, about)],
      ['EVIDENCE_FOREIGN', aReport('slow', { token }, foreign)],
      ['EVIDENCE_INVALID', { ...aReport('slow', { token }, about), at: NOW - 1 }],
      ['EVIDENCE_INVALID', aReport('slow', { token }, { ...about, at: NOW - 31 * 86_400 })],
      ['EVIDENCE_INVALID', aReport('slow', { token }, { ...about, at: NOW + 2 * HOUR })],
      ['EVIDENCE_INVALID', aReport('slow', { token }, { ...about, by: steward })],
      ['EVIDENCE_INVALID', { ...aReport('slow', { token }, about), evidence: utf8('nothing of that form') }],
      ['POOL_UNREGISTERED', aReport('slow', { token }, { ...about, by: word('nobody') })],
      [
        'POOL_UNREGISTERED',
        aReport('slow', { token }, { ...about, accused: addressOf(word('nobody')), by: word('nobody too') }),
      ],
    ]
    for (const [code, report] of cases) expect(await codeOf(market.report(reader, one, report)), code).to.equal(code)
    market.registry.set(reader.id, { standing: 'banned' })
    const through = await market.member()
    expect(await codeOf(market.report(through, one, aReport('slow', { token }, about)))).to.equal('PEER_STANDING')
    expect(await kept()).to.deep.equal(before)
    expect(one.monitor.view().refused).to.deep.equal({
      EVIDENCE_REPLAYED: 2,
      EVIDENCE_FOREIGN: 1,
      EVIDENCE_INVALID: 5,
      POOL_UNREGISTERED: 2,
      PEER_STANDING: 1,
    })
  })

  it('mutes an accuser whose reports are dismissed too often, and hears no more than 48 of anybody in a day', async () => {
    await market.steward(steward, blob, token, () => serving)
    const reader = await market.member({ secret: uploader })
    const one = await market.monitor()
    for (let day = 0; day < 8; day++) {
      market.now = NOW + day * 86_400
      await market.report(reader, one, refusedBy(uploader, market.now))
      await market.settle(one)
    }
    market.now += 86_400
    expect(await codeOf(market.report(reader, one, refusedBy(uploader, market.now)))).to.equal('EVIDENCE_MUTED')
    const other = await market.member()
    const of = (i: number) =>
      aReport(
        'timeout',
        {},
        { by: other.secret, accused: addressOf(steward), subject: word(`blob ${i}`), at: market.now },
      )
    for (let i = 0; i < 48; i++) await market.report(other, one, of(i))
    expect(await codeOf(market.report(other, one, of(48)))).to.equal('PEER_BUSY')
  }).timeout(60_000)

  it('takes up after a restart what was left undone, and answers a call with the ballot it gave before', async () => {
    await market.steward(steward, blob, token, () => serving)
    const reader = await market.member({ secret: uploader })
    const one = await market.monitor()
    serving = 'refuses'
    await market.report(reader, one, refusedBy())
    await market.settle(one)
    await one.monitor.stop()
    await one.node.stop()
    market.now += HOUR
    const again = await market.monitor(() => ({}), one.journal, one.secret)
    await market.settle(again)
    expect(again.monitor.cases()[0]).to.deep.include({ stage: 'closed', votes: { drawn: 1, voted: 1, convicting: 1 } })
    expect(again.monitor.verdicts()[0]?.verdict.class).to.equal('advice')
  }).timeout(30_000)

  describe('standing in for withheld dockets', () => {
    const bounty = aBounty([blob])
    const demand = {
      kind: 'demand',
      bountyId: bounty.id,
      docketHash: bounty.bounty.docketHash,
      signature: signDigest(
        steward,
        demandDigest(MARKET, { bountyId: bounty.id, docketHash: bounty.bounty.docketHash }),
      ),
    } as const

    it('passes on a docket that its uploader left here to the steward that demanded it', async () => {
      const taken: Uint8Array[] = []
      const holder = await market.member({ secret: steward, roles: 1 })
      await holder.node.handle(
        DOCKET_PROTOCOL,
        async (wire) => {
          const push = decodeDocketMessage(await wire.receive(MAX_DOCKET_FRAME))
          await wire.send(encodeDocketMessage({ kind: 'go' }))
          const bytes = new Uint8Array((push as { length: number }).length)
          await wire.receiveInto(bytes)
          taken.push(bytes)
          await wire.send(encodeDocketMessage({ kind: 'taken' }))
        },
        { maxStreams: 2 },
      )
      const one = await market.monitor()
      market.bounties.set(toHex(bounty.id), bounty.onChain)
      await market.say(holder, one, demand)
      await market.settle(one)
      expect(taken).to.have.length(0)
      const anonymous = await market.member({ anonymous: true })
      const target = { id: one.id, addresses: addressesOf(market.registry.member(one.id) as never) }
      const wire = await anonymous.node.open(target, DOCKET_PROTOCOL)
      const { docketHash } = bounty.bounty
      await wire.send(
        encodeDocketMessage({ kind: 'push', bountyId: bounty.id, docketHash, length: bounty.docket.length }),
      )
      expect(decodeDocketMessage(await wire.receive(MAX_DOCKET_FRAME)).kind).to.equal('go')
      await wire.sendBytes(bounty.docket)
      expect(decodeDocketMessage(await wire.receive(MAX_DOCKET_FRAME)).kind).to.equal('taken')
      await wire.close()
      await market.settle(one)
      expect(taken.map(toHex)).to.deep.equal([toHex(bounty.docket)])
      expect(one.monitor.view().demands).to.equal(0)
    })

    it('finds against an uploader whose docket nobody brought, a day before the deadline, and takes demands of nobody else', async () => {
      const holder = await market.member({ secret: steward, roles: 1 })
      const one = await market.monitor()
      expect(await codeOf(market.say(holder, one, demand))).to.equal('BOUNTY_INVALID')
      market.bounties.set(toHex(bounty.id), bounty.onChain)
      const forged = { ...demand, signature: signDigest(uploader, word('x')) }
      expect(await codeOf(market.say(holder, one, forged))).to.equal('BOUNTY_INVALID')
      await market.say(holder, one, demand)
      const { nextDue } = await one.monitor.tick()
      expect(nextDue).to.equal(bounty.bounty.deadline - 86_400)
      market.now = bounty.bounty.deadline - 86_400
      await market.settle(one)
      expect(
        one.monitor.verdicts().map(({ verdict }) => [verdict.accused, verdict.finding, verdict.class]),
      ).to.deep.equal([[addressOf(uploader), 'withheld-docket', 'advice']])
    })
  })
})
