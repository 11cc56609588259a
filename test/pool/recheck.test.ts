import { expect } from 'chai'
import { addressOf } from '../../base/curve.ts'
import { encodeEvidenceFile, type PanelRecord, verifyEvidenceFile } from '../../pool/evidence-file.ts'
import { PANEL_POLICY } from '../../pool/panel.ts'
import { recheckVerdict } from '../../pool/recheck.ts'
import type { Report } from '../../pool/report.ts'
import { aMonitorsRegistry, aPanel, aPanelsChain, aRefusal, DRAWN_IN } from './panel-builder.ts'
import { aClearing, aReport, MARKET, POOL, POOL_ID, steward, uploader, word } from './report-builder.ts'

const env = { pool: POOL_ID, domain: POOL, market: MARKET }
const accused = addressOf(uploader)
const fileOf = (report: Report, change: object = {}) =>
  encodeEvidenceFile({
    v: 1,
    chainId: MARKET.chainId,
    market: MARKET.contract,
    registrar: POOL.contract,
    report,
    ...change,
  })
const verdict = (evidence: Uint8Array, change: object = {}) =>
  ({ class: 'self-verifying', finding: 'wrong-clearing', accused, evidence, ...change }) as const

describe('pool/recheck', () => {
  const { shown, hash } = aClearing(({ price, lots }) => ({ price: price + 1n, lots }))
  const wrong = aReport('wrong-clearing', shown, { accused, subject: hash })

  it('holds for a clearing that anybody can compute again, and for the accused and the finding of its report alone', () => {
    expect(recheckVerdict(verdict(fileOf(wrong)), env).found).to.equal('holds')
    expect(recheckVerdict(verdict(fileOf(wrong), { accused: addressOf(steward) }), env).found).to.equal('fails')
    expect(recheckVerdict(verdict(fileOf(wrong), { finding: 'contradiction' }), env).found).to.equal('fails')
  })

  it('fails for a clearing that follows from its bids, for another pool or market, and for bytes that are no evidence', () => {
    const right = aClearing()
    const report = aReport('wrong-clearing', right.shown, { accused, subject: right.hash })
    expect(recheckVerdict(verdict(fileOf(report)), env).found).to.equal('fails')
    const other = { ...env, market: { ...MARKET, contract: POOL.contract } }
    expect(recheckVerdict(verdict(fileOf(wrong)), other).found).to.equal('fails')
    expect(recheckVerdict(verdict(fileOf(wrong)), { ...env, pool: word('another pool') }).found).to.equal('fails')
    expect(recheckVerdict(verdict(word('noise')), env).found).to.equal('fails')
  })

  describe('of a panel', () => {
    const report = aRefusal()
    const registry = aMonitorsRegistry(report)
    const chain = { ...env, facts: aPanelsChain(), registry }
    const told = (panel: PanelRecord, count: readonly [number, number, number], change: object = {}) =>
      verdict(fileOf(report, { panel }), {
        class: 'panel',
        finding: 'refused',
        accused: addressOf(steward),
        panel: { drawn: count[0], voted: count[1], convicting: count[2] },
        ...change,
      })
    const panel = aPanel(report)

    it('counts the ballots again: holds as they are, and fails for one more, for none, and for another class', () => {
      expect(recheckVerdict(told(panel, [10, 10, 10]), chain)).to.deep.equal({ found: 'holds', policy: PANEL_POLICY })
      const short = { ...panel, votes: panel.votes.slice(1) }
      expect(recheckVerdict(told(short, [10, 10, 10]), chain).found).to.equal('fails')
      expect(recheckVerdict(told(short, [10, 9, 9]), chain).found).to.equal('holds')
      expect(recheckVerdict(told({ ...panel, votes: [] }, [10, 10, 10]), chain).found).to.equal('fails')
      expect(recheckVerdict(told({ ...panel, votes: [] }, [0, 0, 0]), chain).found).to.equal('fails')
      expect(recheckVerdict(told(panel, [10, 10, 10], { class: 'advice' }), chain).found).to.equal('fails')
      const [first, ...others] = panel.votes
      const turned = { ...panel, votes: [{ ...(first as (typeof others)[number]), vote: 0 }, ...others] }
      expect(recheckVerdict(told(turned, [10, 10, 9]), chain).why).to.match(/^EVIDENCE_INVALID: .*not its own/)
    })

    it('fails by name for an invented policy, which convicted where the pool\u2019s would not have', () => {
      const invented = { seats: 3, votes: 2, least: 3 }
      const made = aPanel(report, { policy: invented })
      expect(verifyEvidenceFile(fileOf(report, { panel: made })).panel, 'coherent in itself').to.deep.include({
        outcome: 'convicted',
        class: 'panel',
        policy: invented,
        block: DRAWN_IN,
      })
      expect(recheckVerdict(told(made, [3, 3, 3]), chain).why).to.match(
        /^EVIDENCE_POLICY: .*3 seats, 2 votes.*31 seats, 21 votes/,
      )
      const own = { ...chain, facts: aPanelsChain(invented) }
      expect(recheckVerdict(told(made, [3, 3, 3]), own)).to.deep.equal({ found: 'holds', policy: invented })
      const impossible = { ...panel, policy: { seats: 31, votes: 10, least: 7 } }
      expect(() => verifyEvidenceFile(fileOf(report, { panel: impossible }))).to.throw(/no pool lets 10 of 31/)
    })

    it('fails for a panel of friends, unless the verdict was taken before and they have gone since', () => {
      const friends = aPanel(report, { count: 7, from: 3 })
      expect(recheckVerdict(told(friends, [7, 7, 7]), chain).why).to.match(/other monitors/)
      expect(recheckVerdict(told(friends, [7, 7, 7]), { ...env, facts: aPanelsChain() }).found).to.equal('holds')
      expect(recheckVerdict(told(panel, [10, 10, 10]), { ...env, registry }).found, 'no chain').to.equal('fails')
    })
  })

  it('leaves open what only the chain could tell, and asks nothing of advice', () => {
    expect(recheckVerdict(verdict(word('noise'), { class: 'advice' }), env).found).to.equal('unknown')
  })
})
