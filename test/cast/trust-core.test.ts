/** Those who turn the trust core against its members: what they do is seen, proved, and put back. */
import { expect } from 'chai'
import { signDigest } from '../../base/curve.ts'
import { unixTime } from '../../base/units.ts'
import { isTwoFaced, twoFacedEvidence, twoFacedManager } from '../../pool/assignment.ts'
import { stolenDigest } from '../../pool/check-verdict.ts'
import { aPool, aVerdict, idOf, POOL, START, secretOf } from '../pool/manager-stage.ts'
import { show } from './show.ts'
import { moveAddress, swapKey } from './silent-key-change.ts'
import { banAll } from './stolen-delegate-key.ts'
import { twoFaces } from './two-faced-manager.ts'

describe('cast: the trust core', () => {
  it('TwoFacedManager: told two members different things: two signatures take it out of service, whoever brings them', async () => {
    const stage = await aPool()
    const { staged, agent, registry } = stage
    const liar = idOf('second')
    const about = { pool: POOL, agent, serial: START }
    const [one, other] = twoFaces(secretOf('second'), about, [[idOf('monitor 1')], [idOf('monitor 2')]])
    expect(isTwoFaced(one, other)).to.equal(true)
    expect(isTwoFaced(one, one)).to.equal(false)
    expect(twoFacedManager(twoFacedEvidence(one, { ...other, serial: START + 1 }), POOL)).to.equal(undefined)
    const evidence = twoFacedEvidence(other, one)
    expect(twoFacedEvidence(one, other)).to.deep.equal(evidence)
    await staged.manager.take(aVerdict('monitor 3', liar, 'two-faced', { class: 'self-verifying', evidence }))
    await staged.mine()
    expect(registry.member(liar)?.standing).to.equal('violation')
    // an honest manager says one thing under one number, however often it is asked, also after a restart
    const said = await staged.manager.say(agent)
    const again = await stage.manager('manager', staged.journal)
    expect(isTwoFaced(said, await again.manager.say(agent))).to.equal(false)
    expect(await again.manager.say(agent)).to.deep.equal(said)
    const lost = registry.member(agent)?.monitors.length === 3 ? 0 : 1
    show('TwoFacedManager', {
      gain: registry.inGoodStanding(liar) ? 1 : 0,
      peer: registry.inGoodStanding(idOf('manager')) ? 1 : 0,
      loss: lost,
    })
  })

  it('SilentKeyChange: another key under an id, and an address that no event announced, are told once; what an event announced is not', async () => {
    const stage = await aPool()
    const { staged, registry, agent } = stage
    expect((await staged.manager.status()).silentChanges).to.deep.equal([])
    swapKey(registry, agent, secretOf('thief'))
    moveAddress(registry, idOf('monitor 1'), '/ip4/10.6.6.6/tcp/1')
    moveAddress(registry, idOf('monitor 2'), '/ip4/10.7.7.7/tcp/1')
    stage.announced = new Map([[idOf('monitor 2'), new Set(['endpoints'] as const)]])
    for (const days of [31, 62]) {
      stage.now = START + days * 86_400
      await staged.manager.look()
    }
    const { silentChanges } = await staged.manager.status()
    expect(silentChanges.map(({ id, what }) => `${id} ${what}`)).to.have.members([
      `${agent} id`,
      `${agent} key`,
      `${idOf('monitor 1')} endpoints`,
    ])
    expect(staged.waiting(), 'a view that lies moves no standing').to.deep.equal([])
    show('SilentKeyChange', { gain: 0, peer: 1, loss: registry.member(agent)?.standing === 'compliant' ? 0 : 1 })
  })

  it('StolenDelegateKey: bans all it can; the master lowers the key, every act is in the log, another manager puts all of it back', async () => {
    const stage = await aPool()
    const { staged, registry, agent } = stage
    const thief = idOf('second')
    const victims = [agent, ...[1, 2, 3].map((n) => idOf(`monitor ${n}`))]
    stage.now += 60
    expect(banAll(stage, thief, victims)).to.equal(4)
    expect(victims.filter((id) => registry.inGoodStanding(id))).to.deep.equal([])
    // the key says itself that it is stolen: owner or thief, either way it is done for
    registry.set(idOf('monitor 3'), { standing: 'compliant' })
    const evidence = signDigest(secretOf('second'), stolenDigest(POOL))
    await staged.manager.take(
      aVerdict('monitor 3', thief, 'key-stolen', { class: 'self-verifying', evidence, at: stage.now }),
    )
    await staged.mine()
    expect(registry.member(thief)?.standing).to.equal('compromised')
    registry.set(thief, { level: 'agent', roles: 0 })
    expect(banAll(stage, thief, victims), 'acts after it was lowered').to.equal(0)
    registry.set(idOf('monitor 3'), { standing: 'banned' })
    const undone = await staged.manager.undo(thief, unixTime(START + 60))
    await staged.mine()
    expect(undone).to.have.length(4)
    expect(stage.acts.filter(({ by }) => by === thief)).to.have.length(4)
    const lost = victims.filter((id) => registry.member(id)?.standing !== 'compliant').length
    show('StolenDelegateKey', { gain: registry.inGoodStanding(thief) ? 1 : 0, peer: 1, loss: lost })
  })
})
