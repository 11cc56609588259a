/** What the registrar's events make of its members, one after the other. Pure; the view of registry.ts is these, replayed. */
import { fromHex } from '../base/bytes.ts'
import { type Address, ZERO_ADDRESS } from '../base/curve.ts'
import type { Policy } from './bindings/deployment-plan.ts'

/** By the number the contract gives them. contracts/interfaces/IRegistrar.sol. */
export const STANDINGS = ['compliant', 'probation', 'violation', 'banned', 'abandoned', 'compromised'] as const
export const LEVELS = ['none', 'agent', 'delegate', 'master'] as const
export type Standing = (typeof STANDINGS)[number]
export type Level = (typeof LEVELS)[number]

/** One member, as the events tell. Times and period in seconds of chain time. */
export interface Member {
  readonly id: Address
  /** 64 bytes: the uncompressed key without 0x04. */
  readonly publicKey: Uint8Array
  readonly secureAddr: string
  readonly insecureAddr: string
  readonly level: Level
  /** Bit set. protocol.md §7. */
  readonly roles: number
  readonly standing: Standing
  readonly manager: Address | undefined
  /** Who was last assigned to watch it; each one's role and standing now are for the reader to look up. */
  readonly monitors: readonly Address[]
  readonly indexes: readonly Address[]
  /** The first of the indexes. */
  readonly index: Address | undefined
  /** It resigned, and has given no endpoint since. */
  readonly hasLeft: boolean
  readonly registeredAt: number
  readonly renewedAt: number
  readonly period: number
  /** Block of the last change of level, roles, standing or endpoints: since then it has been as it is. */
  readonly changedIn: number
}

/** What the events tell beside the members. */
export interface Terms {
  /** Oldest first. */
  readonly policies: readonly { readonly since: number; readonly policy: Policy }[]
  readonly period: number
}

/** Before the first event; no pool is without one. */
export const NO_TERMS: Terms = { policies: [], period: 0 }

/** As the coder gives it. */
type Event = { readonly name: string; readonly values: Readonly<Record<string, unknown>> }

/** Pure. @param block of the event */
export function termsAfter(terms: Terms, { name, values }: Event, block: number): Terms {
  if (name === 'PeriodChanged') return { ...terms, period: Number(values.period) }
  if (name !== 'PolicyChanged') return terms
  return { ...terms, policies: [...terms.policies, { since: block, policy: policyOf(values.policy) }] }
}

/** IRegistrar.Policy as the coder gives it. */
function policyOf(value: unknown): Policy {
  const { feeShare, rightShare, muteShare, panelSeats, panelVotes, panelLeast, inviteOnly } = (
    value as { toObject(): Record<string, unknown> }
  ).toObject()
  return {
    feeShare: Number(feeShare),
    rightShare: Number(rightShare),
    muteShare: Number(muteShare),
    panelSeats: Number(panelSeats),
    panelVotes: Number(panelVotes),
    panelLeast: Number(panelLeast),
    inviteOnly: inviteOnly === true,
  }
}

/** Takes one event into a view of the members. @param block of the event */
export function apply(view: Map<Address, Member>, { name, values }: Event, block: number): void {
  const id = String(values.id ?? '').toLowerCase() as Address
  if (name === 'Registered') {
    const registeredAt = Number(values.registeredAt)
    view.set(id, {
      id,
      publicKey: fromHex(values.pubkey as string, 64),
      secureAddr: values.secureAddr as string,
      insecureAddr: values.insecureAddr as string,
      level: LEVELS[Number(values.level)] ?? 'none',
      ...NO_WORK,
      hasLeft: false,
      standing: 'compliant',
      registeredAt,
      renewedAt: registeredAt,
      period: Number(values.period),
      changedIn: block,
    })
    return
  }
  if (name === 'Dropped') {
    view.delete(id)
    return
  }
  const member = view.get(id)
  const change = member && changeOf(name, values)
  if (member && change) view.set(id, { ...member, ...change, changedIn: CHANGES.has(name) ? block : member.changedIn })
}

/** What changes who may watch or judge whom. */
const CHANGES: ReadonlySet<string> = new Set([
  'EndpointsChanged',
  'LevelChanged',
  'Resigned',
  'RolesChanged',
  'StandingChanged',
])

/** What ends with a change of level, and with resigning, as in the contract. */
const NO_WORK = { roles: 0, manager: undefined, monitors: [], indexes: [], index: undefined } as const

function changeOf(name: string, values: Readonly<Record<string, unknown>>): Partial<Member> | undefined {
  switch (name) {
    case 'Renewed':
      return { renewedAt: Number(values.renewedAt), period: Number(values.period) }
    case 'EndpointsChanged':
      return {
        secureAddr: values.secureAddr as string,
        insecureAddr: values.insecureAddr as string,
        hasLeft: false,
      }
    case 'LevelChanged':
      return { level: LEVELS[Number(values.level)] ?? 'none', ...NO_WORK }
    case 'Resigned':
      return { ...NO_WORK, secureAddr: '', insecureAddr: '', hasLeft: true }
    case 'RolesChanged':
      return { roles: Number(values.roles) }
    case 'StandingChanged':
      return { standing: STANDINGS[Number(values.standing)] ?? 'banned' } // a standing this program does not know serves nobody
    case 'ManagerAssigned': {
      const manager = (values.manager as string).toLowerCase() as Address
      return { manager: manager === ZERO_ADDRESS ? undefined : manager }
    }
    case 'MonitorsAssigned':
      return { monitors: addressesOf(values.monitors) }
    case 'IndexesAssigned': {
      const indexes = addressesOf(values.indexes)
      return { indexes, index: indexes[0] }
    }
    default:
      return undefined // permits, invitations, policy and period are not part of a member
  }
}

function addressesOf(value: unknown): readonly Address[] {
  return [...(value as Iterable<string>)].map((address) => address.toLowerCase() as Address)
}
