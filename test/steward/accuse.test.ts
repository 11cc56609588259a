import { expect } from 'chai'
import { fromHex, toHex } from '../../base/bytes.ts'
import { addressOf, recoverSigner } from '../../base/curve.ts'
import { demandDigest, poolIdOf } from '../../base/typed-data.ts'
import { DAY, HOUR } from '../../base/units.ts'
import { answerOf } from '../../blob/challenge.ts'
import { judge } from '../../pool/evidence.ts'
import { type EvidenceOf, encodeEvidence } from '../../pool/evidence-form.ts'
import { fetchBlob } from '../../pool/fetch-blob.ts'
import { signReport } from '../../pool/report.ts'
import type { Reports } from '../../pool/reporter.ts'
import { rng, stopNodes } from '../net/nodes.ts'
import { aBlob, aDeal, aRig, closeRigs, codeOf, DOMAIN, NOW } from './rig.ts'
import { settled } from './settled.ts'

function collected() {
  const said: { accused: string; kind: string; subject: Uint8Array; evidence: unknown }[] = []
  const demands: { uploader: string; bountyId: Uint8Array; docketHash: Uint8Array; signature: Uint8Array }[] = []
  const reports: Reports = {
    reportTo: (accused, kind, subject, evidence) => void said.push({ accused, kind, subject, evidence }),
    demand: (uploader, demand) => void demands.push({ uploader, ...demand }),
    unfinished: () => 0,
  }
  return { said, demands, reports }
}

describe('steward/accuse', () => {
  afterEach(async () => {
    await stopNodes()
    await closeRigs()
  })

  it('reports a bounty that its bytes do not open, and lends the bytes: a monitor that reads them finds the same', async () => {
    const { said, reports } = collected()
    const rig = await aRig({ deps: { reports } })
    const deal = await aDeal(rig)
    const blob = aBlob()
    await deal.store(blob)
    const { fact } = deal.uploader.bounty(rig.steward.id, [blob], { claimKey: addressOf(rng.bytes(32)) })
    rig.chain.mine(fact)
    await settled(rig)
    expect(said.map(({ accused, kind, subject }) => [accused, kind, toHex(subject)])).to.deep.equal([
      [deal.uploader.account, 'bogus-bounty', fact.id],
    ])
    const evidence = said[0]?.evidence as EvidenceOf<'bogus-bounty'>
    const [shown] = evidence.blobs
    expect(shown?.length).to.equal(blob.length)
    const blobId = evidence.docket.subarray(4, 36)
    const read = (token: Uint8Array) => fetchBlob(deal.net, rig.target(), { blobId, token, length: blob.length })
    const { bytes } = await read(shown?.token as Uint8Array)
    expect(await codeOf(read(rng.bytes(32)))).to.equal('GRANT_WRONG')
    const pool = { chainId: DOMAIN.chainId, contract: DOMAIN.contract }
    const report = signReport(rig.secret, {
      pool: poolIdOf(pool),
      accused: deal.uploader.account,
      kind: 'bogus-bounty',
      subject: fromHex(fact.id, 32),
      at: NOW,
      evidence: encodeEvidence('bogus-bounty', evidence),
    })
    const found = judge(report, {
      market: DOMAIN,
      pool,
      bounty: () => ({ ...evidence.bounty, postedAt: NOW }),
      answer: (id, nonce) => answerOf(DOMAIN, id, bytes, nonce),
    })
    expect(found, found.why).to.include({ class: 'self-verifying', outcome: 'proven' })
  })

  it('demands a docket that does not come within twelve hours, once, and says when it will', async () => {
    const { said, demands, reports } = collected()
    const rig = await aRig({ deps: { reports } })
    const deal = await aDeal(rig)
    const blob = aBlob()
    await deal.store(blob)
    const { fact } = deal.uploader.bounty(rig.steward.id, [blob], { withNote: false })
    rig.chain.mine(fact)
    await settled(rig)
    expect(demands).to.have.length(0)
    const { nextDue = 0 } = await rig.steward.tick(rig.chain.head)
    expect(nextDue - rig.chain.now()).to.be.within(12 * HOUR - 60, 12 * HOUR)
    rig.chain.advance(12 * HOUR)
    await settled(rig)
    expect(demands).to.have.length(1)
    const [demand] = demands
    if (demand === undefined) return
    expect(demand.uploader).to.equal(deal.uploader.account)
    expect(toHex(demand.bountyId)).to.equal(fact.id)
    expect(recoverSigner(demandDigest(DOMAIN, demand), demand.signature)).to.equal(rig.steward.id)
    expect(said.map(({ kind }) => kind)).to.deep.equal(['withheld-docket'])
    rig.chain.advance(DAY)
    await settled(rig)
    expect(demands).to.have.length(1)
  })
})
