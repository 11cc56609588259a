/** Keeps one actor a member of its pool while its daemon runs: registered, renewed, endpoints up to date (pool/membership.ts decides). */

import { addressOf } from '../base/curve.ts'
import { asHoldfastError } from '../base/errors.ts'
import type { Journal, Log, TickAnswer } from '../base/ports.ts'
import { encodeCall, REGISTRAR } from '../chain/abi.ts'
import type { Outbox } from '../chain/outbox.ts'
import type { Hex } from '../chain/rpc.ts'
import type { Route } from '../net/http-server.ts'
import type { NetNode } from '../net/node.ts'
import type { PlainHost } from '../net/plain-host.ts'
import { createMembership, type Membership, type MembershipAct, type MembershipState } from '../pool/membership.ts'
import { endpointOf } from '../pool/registry-view.ts'
import type { Doors } from './doors.ts'

export interface MemberKeeper {
  /** As of the last look. */
  readonly state: MembershipState | undefined
  /** Looks now. */
  check(): Promise<MembershipState>
}

export interface MembershipParts {
  readonly secret: Uint8Array
  readonly doors: Doors
  readonly net: Pick<NetNode, 'addresses'>
  /** Where the plain endpoint is open. */
  readonly plain?: Pick<PlainHost, 'addresses'> | undefined
  readonly outbox: Outbox
  /** The outbox's journal: acts are intended there. */
  readonly journal: Journal
  readonly log: Log
  readonly scope: AsyncDisposableStack
}

/** Longest pause between two looks when the chain stands still. Milliseconds. */
const LOOK_MS = 10 * 60_000

/** Looks once, then with every change of the registry, and now and then. */
export async function openMembership(
  parts: MembershipParts,
): Promise<{ readonly keeper: MemberKeeper; readonly withTick: (routes: readonly Route[]) => readonly Route[] }> {
  const { secret, doors, net, plain, outbox, journal, log, scope } = parts
  const { chain, registry } = doors
  const membership = createMembership({
    secret,
    registry,
    time: () => chain.time(),
    endpoint: () => endpointOf(net.addresses()),
    plainEndpoint: () => endpointOf(plain?.addresses() ?? []),
    submit: async (name, act) => {
      await journal.commit(
        outbox.intent({
          id: name,
          to: registry.address,
          kind: 'membership',
          urgency: 0,
          data: dataOf(act, addressOf(secret)),
        }),
      )
      outbox.kick()
    },
    log,
  })
  const keeper = keepMember(membership)
  const look = () => {
    keeper.check().catch((cause: unknown) =>
      log.warn('membership not checked', {
        code: asHoldfastError(cause).code,
        message: asHoldfastError(cause).message,
      }),
    )
  }
  await keeper.check()
  const timer = setInterval(look, LOOK_MS)
  timer.unref()
  const ends = [
    registry.onChange(look),
    chain.onHead(() => {
      if (keeper.state?.nextDue !== undefined && chain.time() >= keeper.state.nextDue) look()
    }),
    () => clearInterval(timer),
  ]
  scope.defer(async () => {
    for (const end of ends) end()
  })
  return { keeper, withTick: (routes) => withMembership(routes, keeper, () => registry.refresh()) }
}

function dataOf(act: MembershipAct, id: string): Hex {
  if (act.kind === 'register')
    return encodeCall(REGISTRAR, 'register', [act.publicKey, act.secureAddr, act.insecureAddr])
  if (act.kind === 'renew') return encodeCall(REGISTRAR, 'renew', [id])
  return encodeCall(REGISTRAR, 'setEndpoints', [act.secureAddr, act.insecureAddr])
}

/** One look at a time; whoever asks meanwhile gets the next one, which sees the newest view. */
export function keepMember(membership: Pick<Membership, 'check'>): MemberKeeper {
  let state: MembershipState | undefined
  let last: Promise<unknown> = Promise.resolve()
  return {
    get state() {
      return state
    },
    check: () => {
      const turn = last.then(async () => {
        state = await membership.check()
        return state
      })
      last = turn.catch(() => undefined) // its own caller hears of it
      return turn
    },
  }
}

/** A daemon's routes with a tick that also looks after its membership. */
export function withMembership(
  routes: readonly Route[],
  keeper: Pick<MemberKeeper, 'check'>,
  refresh: () => Promise<void>,
): readonly Route[] {
  return routes.map((route) => {
    if (route.method !== 'POST' || route.path !== '/tick') return route
    return {
      ...route,
      handler: async (request) => {
        await refresh()
        // First: an act it decides on is on its way before the daemon says whether anything is.
        const { nextDue } = await keeper.check()
        const answer = (await route.handler(request)) as TickAnswer
        const dues = [answer.nextDue, nextDue].filter((due) => due !== undefined)
        return { ...answer, ...(dues.length === 0 ? {} : { nextDue: Math.min(...dues) }) }
      },
    }
  })
}
