import { expect } from 'chai'
import { addressOf } from '../../base/curve.ts'
import { DEFAULT_POLICY_TERMS } from '../../chain/bindings/deployment-plan.ts'
import { PANEL_POLICY } from '../../pool/panel.ts'
import { deskPolicyOf, panelPolicyOf } from '../../pool/pool-policy.ts'
import { DESK_POLICY, type Heard, mutedWhy } from '../../pool/report-desk.ts'
import { NOW, word } from './report-builder.ts'

describe('pool/pool-policy', () => {
  const { initial } = DEFAULT_POLICY_TERMS

  it('says in a pool as it is created what pool.md says', () => {
    expect(panelPolicyOf(initial)).to.deep.equal(PANEL_POLICY)
    expect(deskPolicyOf(initial)).to.deep.equal(DESK_POLICY)
  })

  it('mutes by the pool’s own share: four dismissed of ten, and not where half may be', () => {
    const own = Array.from(
      { length: 10 },
      (_, i): Heard => ({
        hash: String(i),
        accuser: addressOf(word('accuser')),
        accused: addressOf(word('accused')),
        kind: 'refused',
        subject: '',
        takenAt: NOW,
        outcome: i < 4 ? 'dismissed' : 'proven',
      }),
    )
    expect(mutedWhy(own, deskPolicyOf(initial))).to.equal('4 of 10 reports were dismissed')
    expect(mutedWhy(own, deskPolicyOf({ muteShare: 5_000 }))).to.equal(undefined)
  })
})
