import { expect } from 'chai'
import { addressOf } from '../../base/curve.ts'
import { hasCode } from '../../base/errors.ts'
import { DAY, HOUR } from '../../base/units.ts'
import { assertPanelOfPool, assertWhollyDrawn } from '../../pool/check-panel.ts'
import { drawTimeOf, isDrawnBy, PANEL_POLICY } from '../../pool/panel.ts'
import { ROLE } from '../../pool/registry-view.ts'
import { aMonitorsRegistry, aPanel, aPanelsChain, aRefusal, DRAWN_IN } from './panel-builder.ts'
import { NOW, word } from './report-builder.ts'

function codeOf(act: () => void): string {
  try {
    act()
  } catch (cause) {
    if (hasCode(cause, 'EVIDENCE_INVALID', 'EVIDENCE_POLICY')) return cause.code
    throw cause
  }
  return 'holds'
}

describe('pool/check-panel', () => {
  const report = aRefusal()
  const panel = aPanel(report)

  it('holds for the pool’s policy at the block of the draw, and for no invented one, no other block, no later hour', () => {
    const chain = aPanelsChain()
    const of = (facts = chain, one = panel) => codeOf(() => assertPanelOfPool(one, report, facts))
    expect(of()).to.equal('holds')
    expect(of(aPanelsChain({ ...PANEL_POLICY, votes: 25 }))).to.equal('EVIDENCE_POLICY')
    expect(of({ ...chain, policy: undefined }), 'before the pool').to.equal('EVIDENCE_POLICY')
    const { policy: _, ...unsaid } = panel
    expect(of(chain, unsaid), 'of an earlier version').to.equal('holds')
    expect(of(aPanelsChain({ seats: 9, votes: 5, least: 7 }), unsaid)).to.equal('EVIDENCE_POLICY')
    expect(of({ ...chain, block: undefined })).to.equal('EVIDENCE_INVALID')
    const block = chain.block as NonNullable<typeof chain.block>
    expect(of({ ...chain, block: { ...block, hash: word('another block') } })).to.equal('EVIDENCE_INVALID')
    expect(of({ ...chain, block: { ...block, before: block.time - 1 } }), 'not the first').to.equal('EVIDENCE_INVALID')
  })

  it('knows the first block of an hour after the report, also on a chain that stood still, and none after two days', () => {
    const report = { at: NOW }
    const due = drawTimeOf(report)
    const by = (time: number, before?: number) => isDrawnBy(report, { time, before })
    expect(by(due, due - 1)).to.equal(true)
    expect(by(due - 1, due - 2)).to.equal(false)
    expect(by(due + 10, due)).to.equal(false)
    expect(by(due + HOUR + 10, due + HOUR - 1)).to.equal(true)
    expect(by(due + 9 * DAY, due - 60), 'the chain stood still').to.equal(true)
    expect(by(due + 9 * DAY, due + 9 * DAY - HOUR)).to.equal(false)
    expect(by(due + 1)).to.equal(true)
  })

  it('draws again from the registrar’s monitors: nobody left out, nobody brought along, nobody kept away', () => {
    const registry = aMonitorsRegistry(report)
    const of = (one = panel) => codeOf(() => assertWhollyDrawn(one, report, registry))
    expect(of()).to.equal('holds')
    const friends = { ...panel, candidates: panel.candidates.slice(0, 7) }
    expect(of(friends), 'three honest ones left out').to.equal('EVIDENCE_INVALID')
    const [first] = panel.candidates
    const kept = { ...panel, excluded: [...panel.excluded, first?.id as string] }
    expect(of(kept), 'kept away').to.equal('EVIDENCE_INVALID')
    expect(of({ ...panel, excluded: [report.accuser] }), 'the accused judges').to.equal('EVIDENCE_INVALID')
    const [one, ...others] = panel.candidates
    const joined = {
      ...panel,
      candidates: [{ id: one?.id as typeof report.accused, cluster: others[0]?.id ?? '' }, ...others],
    }
    expect(of(joined), 'a network made up').to.equal('EVIDENCE_INVALID')
    const stranger = addressOf(word('a steward'))
    registry.set(stranger, { roles: ROLE.repository })
    expect(of({ ...panel, candidates: [...panel.candidates, { id: stranger, cluster: '' }] })).to.equal(
      'EVIDENCE_INVALID',
    )
  })

  it('takes the file’s word for monitors that changed after the draw', () => {
    const registry = aMonitorsRegistry(report)
    const [first, second] = panel.candidates
    registry.set(first?.id as typeof report.accused, { standing: 'banned', changedIn: DRAWN_IN + 1 })
    registry.set(second?.id as typeof report.accused, { secureAddr: '/ip4/10.9.9.9/tcp/1', changedIn: DRAWN_IN + 1 })
    registry.set(addressOf(word('new')), { roles: ROLE.monitor, changedIn: DRAWN_IN + 1 })
    registry.set(report.accused, { secureAddr: '/ip4/10.9.8.9/tcp/1', changedIn: DRAWN_IN + 1 })
    expect(codeOf(() => assertWhollyDrawn(panel, report, registry))).to.equal('holds')
    registry.set(first?.id as typeof report.accused, { standing: 'banned', changedIn: DRAWN_IN - 1 })
    expect(codeOf(() => assertWhollyDrawn(panel, report, registry))).to.equal('EVIDENCE_INVALID')
  })
})
