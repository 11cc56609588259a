import { expect } from 'chai'
import { utf8 } from '../../base/bytes.ts'
import { signDigest } from '../../base/curve.ts'
import { hasCode } from '../../base/errors.ts'
import { sha256 } from '../../base/hash.ts'
import { DAY, HOUR } from '../../base/units.ts'
import { appealDigest } from '../../net/messages/report.ts'
import { encodeEvidenceFile } from '../../pool/evidence-file.ts'
import { encodeEvidence } from '../../pool/evidence-form.ts'
import { ROLE } from '../../pool/registry-view.ts'
import { signReport } from '../../pool/report.ts'
import { aPool, aVerdict, idOf, POOL, START, secretOf } from './manager-stage.ts'
import { aPanel } from './panel-builder.ts'
import { DOMAIN } from './pool-nodes.ts'

/** Where the evidence of the stage was made. */
const SHOWN = { chainId: DOMAIN.chainId, market: DOMAIN.contract, registrar: DOMAIN.contract }

async function codeOfFailure(act: Promise<unknown>): Promise<string> {
  try {
    await act
    return 'none'
  } catch (cause) {
    if (hasCode(cause, 'POOL_VERDICT', 'POOL_APPEAL')) return cause.message
    throw cause
  }
}

describe('pool/manager', () => {
  it('gives a newcomer its manager, role and three monitors in one act, and looks again without acting again', async () => {
    const { staged, registry, agent } = await aPool()
    expect(registry.member(agent)).to.include({ manager: idOf('manager'), roles: 1 })
    expect(registry.member(agent)?.monitors).to.have.members([1, 2, 3].map((n) => idOf(`monitor ${n}`)))
    await staged.manager.look()
    expect(staged.waiting()).to.deep.equal([])
  })

  it('commits verdict, evidence, decision and transaction in one batch; a restart between decision and transaction neither doubles nor loses it', async () => {
    const stage = await aPool()
    const { staged, agent, registry } = stage
    const verdict = aVerdict('monitor 1', agent, 'selective-serving')
    const commits = staged.journal.commits
    expect(await staged.manager.take(verdict)).to.include({ kind: 'change', next: 'probation' })
    expect(staged.journal.commits - commits).to.equal(1)
    // the process dies here: another one opens the same journal, and the monitor says it again
    const again = await stage.manager('manager', staged.journal)
    expect((await again.manager.take(verdict)).kind).to.equal('noted')
    expect(again.waiting()).to.have.length(1)
    expect(await again.mine()).to.equal(1)
    expect(registry.member(agent)?.standing).to.equal('probation')
    const third = await stage.manager('manager', staged.journal)
    expect((await third.manager.take(verdict)).kind).to.equal('noted')
    expect(third.waiting()).to.deep.equal([])
    expect((await third.manager.status()).decisions).to.have.length(1)
  })

  it('refuses verdicts of strangers, of monitors of others, for another pool, about itself, with bytes changed, and keeps nothing of them', async () => {
    const stage = await aPool()
    const { staged, agent } = stage
    stage.add('monitor 4', { roles: 4, secureAddr: '/ip4/10.0.4.1/tcp/1' })
    const good = aVerdict('monitor 1', agent, 'selective-serving')
    const bad = {
      stranger: aVerdict('stranger', agent, 'selective-serving'),
      'not assigned': aVerdict('monitor 4', agent, 'selective-serving'),
      pool: aVerdict('monitor 1', agent, 'selective-serving', { pool: new Uint8Array(32) }),
      'itself: tell': aVerdict('monitor 1', idOf('manager'), 'selective-serving'),
      evidence: { ...good, evidence: utf8('other bytes') },
      signature: { ...good, at: START + 1 },
      'does not verify': aVerdict('monitor 1', agent, 'selective-serving', { class: 'self-verifying' }),
      silence: aVerdict('monitor 1', agent, 'timeout'),
    }
    const before = staged.journal.commits
    for (const verdict of Object.values(bad))
      expect(await codeOfFailure(staged.manager.take(verdict))).to.match(/verdict is not taken/)
    expect(staged.journal.commits).to.equal(before)
  })

  it('hears the convicted one, lifts an advice that nobody confirms in 14 days, and says when it will look', async () => {
    const stage = await aPool()
    const { staged, agent, registry } = stage
    const verdict = aVerdict('monitor 1', agent, 'selective-serving')
    await staged.manager.take(verdict)
    await staged.mine()
    const terms = { pool: POOL, agent, about: verdict.evidenceHash, at: START, evidence: utf8('I was there') }
    const forged = { ...terms, signature: signDigest(secretOf('monitor 1'), appealDigest(terms)) }
    expect(await codeOfFailure(staged.manager.hear(forged))).to.match(/signature/)
    const appeal = { ...terms, signature: signDigest(secretOf('agent'), appealDigest(terms)) }
    expect((await staged.manager.hear(appeal)).outcome).to.equal('open')
    expect((await staged.manager.tick()).nextDue).to.equal(START + 14 * DAY)
    stage.now = START + 14 * DAY
    await staged.manager.look()
    await staged.mine()
    expect(registry.member(agent)?.standing).to.equal('compliant')
  })

  it('tells the monitors of an appeal against a panel, again whoever was deaf, and restores when one of them acquits', async () => {
    const stage = await aPool()
    const { agent, registry, told, deaf } = stage
    const report = signReport(secretOf('reader'), {
      pool: POOL,
      accused: agent,
      kind: 'refused',
      subject: sha256(utf8('blob')),
      at: START - 2 * HOUR,
      evidence: encodeEvidence('refused', { token: sha256(utf8('token')) }),
    })
    const evidenceOf = (by = report) =>
      encodeEvidenceFile({ v: 1, ...SHOWN, report: by, panel: { ...aPanel(by, { count: 3 }), votes: [] } })
    const found = { panel: { drawn: 3, voted: 3, convicting: 3 }, evidence: evidenceOf() }
    const verdict = aVerdict('monitor 1', agent, 'refused', found)
    await stage.staged.manager.take(verdict)
    await stage.staged.mine()
    expect(registry.member(agent)?.standing).to.equal('probation')
    deaf.add(idOf('monitor 2'))
    const terms = { pool: POOL, agent, about: verdict.evidenceHash, at: START, evidence: utf8('look again') }
    const appeal = { ...terms, signature: signDigest(secretOf('agent'), appealDigest(terms)) }
    expect((await stage.staged.manager.hear(appeal)).outcome).to.equal('open')
    await stage.staged.manager.stop()
    const names = () => told.map(({ to }) => to)
    expect(names()).to.have.members([idOf('monitor 1'), idOf('monitor 3')])
    expect(told[0]?.message).to.deep.equal({ kind: 'hearing', about: verdict.evidenceHash, evidence: verdict.evidence })
    // the process dies; the next one tells whoever has not heard, when its hour has come
    deaf.clear()
    const again = await stage.manager('manager', stage.staged.journal)
    expect((await again.manager.tick()).nextDue).to.equal(START + HOUR)
    expect(told).to.have.length(2)
    stage.now = START + HOUR
    await again.manager.look()
    await again.manager.tick()
    expect(names().slice(2)).to.deep.equal([idOf('monitor 2')])
    const own = signReport(secretOf('monitor 2'), { ...report, at: stage.now })
    const acquittal = { panel: { drawn: 2, voted: 2, convicting: 0 }, evidence: evidenceOf(own), at: stage.now }
    await again.manager.take(aVerdict('monitor 2', agent, 'refused', acquittal))
    await again.mine()
    expect(registry.member(agent)?.standing).to.equal('compliant')
    await again.manager.look()
    expect((await again.manager.tick()).nextDue, 'nobody is told any more').to.be.above(stage.now + DAY)
    expect([...stage.staged.journal.content.keys()].filter((key) => key.startsWith('hearing/'))).to.deep.equal([])
    const late = { panel: { drawn: 2, voted: 2, convicting: 2 }, evidence: evidenceOf({ ...own, at: stage.now + 1 }) }
    expect(await again.manager.take(aVerdict('monitor 2', agent, 'refused', late)), 'takes nobody down').to.include({
      kind: 'noted',
    })
  })

  it('restores the abandoned that renewed, and gives a fallen monitor’s agents another one', async () => {
    const stage = await aPool()
    const { staged, agent, registry } = stage
    registry.set(agent, { standing: 'abandoned', renewedAt: START })
    stage.add('monitor 4', { roles: 4, manager: idOf('manager'), secureAddr: '/ip4/10.0.4.1/tcp/1' })
    registry.set(idOf('monitor 1'), { standing: 'banned' })
    await staged.manager.look()
    await staged.mine()
    await staged.manager.look()
    await staged.mine()
    expect(registry.member(agent)?.standing).to.equal('compliant')
    expect(registry.member(agent)?.monitors).to.have.members([2, 3, 4].map((n) => idOf(`monitor ${n}`)))
  })

  it('asks what a monitor serves that a fallen manager left without a role, and gives it that role again', async () => {
    const stage = await aPool()
    const { staged, registry } = stage
    const stripped = idOf('monitor 2')
    stage.offers.set(stripped, ROLE.monitor)
    stage.now += DAY // no newcomer any more: whoever is not asked now stores from now on
    registry.set(stripped, { manager: idOf('second'), roles: 0, monitors: [] })
    await staged.manager.look()
    const ofIt = staged.waiting().filter(({ id }) => id === stripped)
    expect(ofIt, 'its manager can still act').to.deep.equal([])
    registry.set(idOf('second'), { roles: 0 })
    await staged.manager.look()
    await staged.mine()
    expect(registry.member(stripped)).to.include({ manager: idOf('manager'), roles: ROLE.monitor })
  })
})
