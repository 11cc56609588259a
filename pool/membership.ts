/**
 * Membership of one actor: registered, renewed at half the period, endpoints up to date. What to do is a pure plan over the
 * registrar's view and chain time; acts go out through the owner's outbox, so repeating a check is harmless.
 */
import { toHex, utf8 } from '../base/bytes.ts'
import { type Address, addressOf, publicKeyOf } from '../base/curve.ts'
import { sha256 } from '../base/hash.ts'
import type { Log, UnixTime } from '../base/ports.ts'
import { unixTime } from '../base/units.ts'
import type { MemberView, RegistryView } from './registry-view.ts'

/** A call of the registrar by the member itself. */
export type MembershipAct =
  /** `publicKey`: 64 bytes, without the leading 0x04. */
  | {
      readonly kind: 'register'
      readonly publicKey: Uint8Array
      readonly secureAddr: string
      readonly insecureAddr: string
    }
  | { readonly kind: 'renew' }
  | { readonly kind: 'endpoints'; readonly secureAddr: string; readonly insecureAddr: string }

/** Parts of the period after which the operator hears of it. pool.md. */
const WARNINGS = [90, 75, 50] as const

export interface MembershipPlan {
  readonly act?: 'register' | 'renew' | 'endpoints'
  /** Percent of the period that passed without renewal, when it is one of 50, 75 and 90 or more. */
  readonly warning?: (typeof WARNINGS)[number]
  /** When something is to be done or said next. Chain time. */
  readonly nextDue?: UnixTime
}

/** Periods without renewal after which the registrar takes none any more and the key may be dropped. contracts/libraries/Renewals.sol. */
const PERIODS_TO_DROP = 4

/**
 * What membership needs now, of an agent or a delegate alike. Pure; the most urgent act only, as the next check finds the next one. A key that may be
 * dropped cannot be renewed: it registers again when it has been dropped.
 * @param plain its plain endpoint; '' for none, which is registered, too, so that nobody goes on dialling it
 */
export function planMembership(
  member: MemberView | undefined,
  endpoint: string,
  now: UnixTime,
  plain = '',
): MembershipPlan {
  if (member === undefined) return { act: 'register' }
  const passed = ((now - member.renewedAt) * 100) / member.period
  const warning = WARNINGS.find((percent) => passed >= percent)
  const next = [...WARNINGS].reverse().find((percent) => passed < percent)
  if (passed >= PERIODS_TO_DROP * 100) return { warning: 90 }
  return {
    ...(passed >= 50
      ? { act: 'renew' as const }
      : endpoint !== '' && (member.secureAddr !== endpoint || member.insecureAddr !== plain)
        ? { act: 'endpoints' as const }
        : {}),
    ...(warning === undefined ? {} : { warning }),
    ...(next === undefined ? {} : { nextDue: unixTime(Math.ceil(member.renewedAt + (member.period * next) / 100)) }),
  }
}

export interface MembershipOptions {
  readonly secret: Uint8Array
  readonly registry: RegistryView
  /** Chain time. */
  time(): UnixTime
  /** Own addresses as one endpoint (`endpointOf`); '' for an actor that is not reached. */
  endpoint(): string
  /** The same of the plain endpoint; absent: there is none. */
  plainEndpoint?(): string
  /** Hands an act to the outbox under a name: the same name again is the same act. */
  submit(name: string, act: MembershipAct): Promise<void>
  readonly log: Log
}

export interface MembershipState {
  /** `unregistered`, or the member's standing. */
  readonly standing: string
  /** Registered and in good standing: may serve. */
  readonly isGood: boolean
  readonly warning?: number
  readonly nextDue?: UnixTime
}

export interface Membership {
  readonly id: Address
  /** Looks, acts where needed, and says how it stands. Call it on every tick and head. */
  check(): Promise<MembershipState>
}

export function createMembership(options: MembershipOptions): Membership {
  const { registry, log } = options
  const id = addressOf(options.secret)
  const publicKey = publicKeyOf(options.secret, false).slice(1)
  let warned = 0
  let standing = ''
  let submitted = ''

  async function perform(
    act: NonNullable<MembershipPlan['act']>,
    member: MemberView | undefined,
    endpoint: string,
    plain: string,
  ): Promise<void> {
    const addresses = { secureAddr: endpoint, insecureAddr: plain }
    // An endpoint may come back later, so its name carries the moment; one that is on its way is not sent again.
    const change = toHex(
      sha256(utf8([member?.secureAddr ?? '', endpoint, member?.insecureAddr ?? '', plain].join('\n'))).subarray(0, 8),
    )
    const name = {
      register: `register/${id}`,
      renew: `renew/${id}/${member?.renewedAt}`,
      endpoints: `endpoints/${id}/${change}`,
    }[act]
    if (name === submitted) return
    const suffix = act === 'endpoints' ? `/${options.time()}` : ''
    await options.submit(
      name + suffix,
      act === 'register'
        ? { kind: act, publicKey, ...addresses }
        : act === 'renew'
          ? { kind: act }
          : { kind: act, ...addresses },
    )
    submitted = name
    log.info('pool.membership', { id, act })
  }

  async function check(): Promise<MembershipState> {
    const member = registry.member(id)
    const endpoint = options.endpoint()
    const plain = options.plainEndpoint?.() ?? ''
    const plan = planMembership(member, endpoint, options.time(), plain)
    if (plan.act === undefined) submitted = ''
    else await perform(plan.act, member, endpoint, plain)
    if ((plan.warning ?? 0) > warned)
      log.warn('pool.renewal', {
        id,
        percent: plan.warning,
        fix: 'see that the chain answers and that there is gas; four periods late: holdfast pool registrar lapse',
      })
    warned = plan.warning ?? 0
    const now = member?.standing ?? 'unregistered'
    const isGood = registry.inGoodStanding(id)
    if (now !== standing && member !== undefined) log[isGood ? 'info' : 'warn']('pool.standing', { id, standing: now })
    standing = now
    return {
      standing: now,
      isGood,
      ...(plan.warning === undefined ? {} : { warning: plan.warning }),
      ...(plan.nextDue === undefined ? {} : { nextDue: plan.nextDue }),
    }
  }

  return { id, check }
}
