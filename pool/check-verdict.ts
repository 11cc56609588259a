/**
 * Which verdicts and appeals a manager takes at all: signed, for this pool, by whoever is entitled, about whom it manages. What they do to a
 * standing is decided after that (pool/decide-standing.ts). A refusal leaves no trace but a count.
 */
import { equalBytes, utf8 } from '../base/bytes.ts'
import { type Address, recoverSigner } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import { keccak256 } from '../base/hash.ts'
import { type Appeal, appealDigest, type Verdict } from '../net/messages/report.ts'
import { clustersOf } from '../pricing/clusters.ts'
import { twoFacedManager } from './assignment.ts'
import type { Recheck } from './decide-standing.ts'
import { reasonOf } from './reasons.ts'
import { addressesOf, type MemberView, membersWith, type RegistryView, ROLE } from './registry-view.ts'
import { isVerdictSigned } from './report.ts'

export interface CheckEnv {
  readonly me: Address
  readonly pool: Uint8Array
  readonly registry: RegistryView
}

/** The accused, when the verdict is one this manager may act on. @throws `POOL_VERDICT` */
export function assertVerdict(verdict: Verdict, { me, pool, registry }: CheckEnv): MemberView {
  if (!equalBytes(verdict.pool, pool)) throw refused('it is for another pool')
  if (!isVerdictSigned(verdict)) throw refused('its signature or the hash of its evidence is wrong')
  if (verdict.accused === verdict.monitor) throw refused('nobody judges itself')
  if (verdict.accused === me) throw refused('a manager does not judge itself: tell another one')
  const monitor = registry.member(verdict.monitor)
  if (monitor === undefined || (monitor.roles & ROLE.monitor) === 0 || !registry.inGoodStanding(monitor.id))
    throw refused(`${verdict.monitor} is no monitor in good standing`)
  const accused = registry.member(verdict.accused)
  if (accused === undefined) throw refused(`${verdict.accused} is not registered`)
  const reason = reasonOf(verdict.reason)
  if (reason === undefined || reason.name !== verdict.finding)
    throw refused(`reason ${verdict.reason} is not that of ${verdict.finding.slice(0, 40)}`)
  if (accused.level === 'master') throw refused('the master has no standing to lose')
  if (accused.level === 'agent' && accused.manager !== me) throw refused(`${accused.id} has another manager`)
  if (accused.level === 'agent' && !accused.monitors.includes(monitor.id))
    throw refused(`${monitor.id} is not assigned to ${accused.id}`)
  return accused
}

/** The convicted one, when the appeal is its own. @throws `POOL_APPEAL` */
export function assertAppeal(appeal: Appeal, { me, pool, registry }: CheckEnv): MemberView {
  if (!equalBytes(appeal.pool, pool)) throw unheard('it is for another pool')
  if (recoverSigner(appealDigest(appeal), appeal.signature) !== appeal.agent) throw unheard('its signature is wrong')
  const member = registry.member(appeal.agent)
  if (member === undefined) throw unheard(`${appeal.agent} is not registered`)
  if (member.level === 'agent' && member.manager !== me) throw unheard(`${appeal.agent} has another manager`)
  return member
}

/** Monitors in good standing that are not of the accused's cluster: the panel is drawn from these. */
export function independentMonitors(registry: RegistryView, accused: Address): number {
  const members = [...registry.members()]
  const clusters = clustersOf(members.map((member) => ({ id: member.id, addresses: addressesOf(member) })))
  let count = 0
  for (const { id } of membersWith(registry, ROLE.monitor))
    if (id !== accused && (!clusters.isMeaningful || clusters.of.get(id) !== clusters.of.get(accused))) count++
  return count
}

/** What the owner, or the thief, of a key signs to have it put out of service: keccak256("holdfast/stolen/1" ‖ pool). */
export function stolenDigest(pool: Uint8Array): Uint8Array {
  return keccak256(utf8('holdfast/stolen/1'), pool)
}

/** What a manager can check of self-verifying evidence without asking anybody. Other kinds are `unknown`, and count as advice. */
export function recheckOwnKinds(
  { finding, accused, evidence }: Pick<Verdict, 'finding' | 'accused' | 'evidence'>,
  pool: Uint8Array,
): Recheck {
  if (finding === 'two-faced') return twoFacedManager(evidence, pool) === accused ? 'holds' : 'fails'
  if (finding === 'key-stolen') return recoverSigner(stolenDigest(pool), evidence) === accused ? 'holds' : 'fails'
  return 'unknown'
}

function refused(what: string): HoldfastError {
  return new HoldfastError('POOL_VERDICT', { what })
}

function unheard(what: string): HoldfastError {
  return new HoldfastError('POOL_APPEAL', { what })
}
