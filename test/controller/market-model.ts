/**
 * A controller and its chain in a few hundred lines, for replaying what may happen: blocks that come and go, sweeps, transactions that wait
 * or fail, a process that dies before a commit or between a commit and what it asked for. Only the rules under test are real.
 */
import { decide, outstandingEffects } from '../../controller/decide.ts'
import type { Effect, Fact, PostEffect } from '../../controller/facts.ts'
import { missedRoundOf, type PlacementState } from '../../controller/placement-state.ts'
import type { Policy } from '../../controller/policy.ts'
import { nextDueOf } from '../../controller/progress.ts'
import { againDeadlineOf, againPlanOf } from '../../controller/release.ts'
import { amountOf, groupDue } from '../../controller/schedule.ts'
import { draw } from './placement-builder.ts'

export interface Event {
  readonly kind: 'posted' | 'swept' | 'revoked'
  readonly docket: string
}

interface Block {
  readonly time: number
  readonly events: readonly Event[]
}

interface Intent {
  readonly kind: 'post' | 'revoke' | 'release'
  readonly docket: string
  readonly deadline: number
  status: 'waiting' | 'mined' | 'failed'
}

export interface Docket {
  readonly placements: readonly string[]
  readonly posts: readonly PostEffect[]
  readonly amount: bigint
  readonly deadline: number
}

export interface Market {
  readonly placements: Map<string, PlacementState>
  /** Everything told to each placement, for replay. */
  readonly told: Map<string, { readonly fact: Fact; readonly now: number }[]>
  readonly dockets: Map<string, Docket>
  /** Released dockets, with the placements that are lost. Committed with the state. */
  readonly releases: Map<string, ReadonlySet<string>>
  readonly alerts: string[]
  readonly renewals: string[]
  now: number
  /** Blocks between an event and its finality. */
  readonly finality: number
  readonly policy: Policy
}

/** One market with these placements. `finality` 0: final at once. */
export function aMarket(placements: readonly PlacementState[], now: number, policy: Policy, finality = 2) {
  const market: Market = {
    placements: new Map(placements.map((placement) => [placement.id, placement])),
    told: new Map(placements.map((placement) => [placement.id, []])),
    dockets: new Map(),
    releases: new Map(),
    alerts: [],
    renewals: [],
    now,
    finality,
    policy,
  }
  let chain: Block[] = [{ time: now, events: [] }]
  /** Blocks the controller has seen, and up to which of them it called final. Committed with the state. */
  let seen: readonly Block[] = []
  let finalUpTo = 0
  const intents = new Map<string, Intent>()
  const performed = new Set<string>()
  const first = new Map(market.placements)

  /** Bounties open on the chain as it is now. */
  function openOnChain(): Map<string, Docket> {
    const open = new Map<string, Docket>()
    for (const block of chain)
      for (const { kind, docket } of block.events) {
        if (kind !== 'posted') open.delete(docket)
        else if (open.has(docket)) throw new Error('a bounty was posted while it was open')
        else open.set(docket, market.dockets.get(docket) as Docket)
      }
    return open
  }

  /** One step of the controller: facts, one commit, then what it asks for. A crash loses what is not committed, or what is not performed. */
  function step(
    run: (tell: (id: string, fact: Fact) => void, at: (id: string) => PlacementState) => void,
    crash: 'no' | 'before-commit' | 'before-perform',
    commit: () => void = () => undefined,
  ): void {
    const draft = new Map<string, PlacementState>()
    const said: [string, Fact][] = []
    const effects: Effect[] = []
    const at = (id: string) => (draft.get(id) ?? market.placements.get(id)) as PlacementState
    run((id, fact) => {
      const decision = decide(at(id), fact, { now: market.now, policy: market.policy, draw })
      draft.set(id, decision.next)
      said.push([id, fact])
      effects.push(...decision.effects)
    }, at)
    if (crash === 'before-commit') return
    for (const [id, next] of draft) market.placements.set(id, next)
    for (const [id, fact] of said) market.told.get(id)?.push({ fact, now: market.now })
    intend(effects)
    commit()
    if (crash === 'no') perform(effects)
    else restart()
  }

  function intend(effects: readonly Effect[]): void {
    const posts = new Map<string, PostEffect[]>()
    for (const effect of effects) {
      if (effect.kind === 'post') posts.set(effect.docket, [...(posts.get(effect.docket) ?? []), effect])
      if (effect.kind === 'revoke' && !intents.has(effect.id))
        intents.set(effect.id, { kind: 'revoke', docket: effect.docket, deadline: effect.deadline, status: 'waiting' })
    }
    for (const [docket, all] of posts) {
      if (intents.has(`post/${docket}`)) continue // known already: the sender sends it again by itself
      const [one] = all as [PostEffect]
      market.dockets.set(docket, {
        posts: all,
        placements: all.map((post) => post.placement),
        amount: amountOf(all),
        deadline: one.deadline,
      })
      intents.set(`post/${docket}`, { kind: 'post', docket, deadline: one.deadline, status: 'waiting' })
    }
  }

  function perform(effects: readonly Effect[]): void {
    for (const effect of effects) {
      if (effect.kind === 'alert') market.alerts.push(effect.code)
      if (effect.kind === 'cancel-post') {
        const intent = intents.get(`post/${effect.docket}`)
        if (intent?.status === 'waiting') fail(`post/${effect.docket}`)
      }
      if (performed.has(effect.id)) continue
      performed.add(effect.id)
      if (effect.kind === 'renew') market.renewals.push(effect.id)
    }
  }

  /** After a crash: what the state still asks for is performed again; what was never started is caught up with. */
  function restart(): void {
    for (const placement of market.placements.values()) perform(outstandingEffects(placement, market.policy))
  }

  function fail(id: string): void {
    const intent = intents.get(id) as Intent
    intent.status = 'failed'
    if (intent.kind === 'release') return // the ordinary revoke does as well
    const fact: Fact = { kind: intent.kind === 'post' ? 'post-failed' : 'revoke-failed', docket: intent.docket }
    step((tell) => tellDocket(tell, intent.docket, fact), 'no')
  }

  function tellDocket(tell: (id: string, fact: Fact) => void, docket: string, fact: Fact): void {
    for (const id of market.dockets.get(docket)?.placements ?? []) tell(id, fact)
  }

  function tellReleased(tell: (id: string, fact: Fact) => void, docket: string, lost: ReadonlySet<string>): void {
    const { placements, deadline } = market.dockets.get(docket) as Docket
    const again = {
      docket: againPlanOf(docket),
      deadline: againDeadlineOf(deadline, market.now),
      entries: placements.length - lost.size,
    }
    const released = { kind: 'released', docket, at: market.now } as const
    for (const id of placements)
      tell(id, lost.has(id) ? { ...released, lost: true } : { ...released, lost: false, again })
  }

  /** Stewards give back what is posted and final, with the blobs of these bits on their lists; once a round. */
  function release(bits: number, crash: 'no' | 'before-commit' | 'before-perform' = 'no'): void {
    for (const [docket, { placements, deadline, posts }] of [...market.dockets]) {
      const isOpen = placements.every((id) =>
        market.placements
          .get(id)
          ?.rounds.some((round) => round.docket === docket && round.phase === 'posted' && round.final),
      )
      if (!isOpen || posts[0]?.again || market.releases.has(docket) || market.now > deadline) continue
      const lost = placements.filter((_, i) => (bits >> (i % 4)) & 1)
      if (lost.length === 0 || crash === 'before-commit') continue
      market.releases.set(docket, new Set(lost))
      intents.set(`release/${docket}`, { kind: 'release', docket, deadline, status: 'waiting' })
    }
    if (crash !== 'no') restart()
  }

  /** Bisections come to their end: blobs of these bits are not there any more. */
  function bisect(bits: number): void {
    let n = 0
    for (const [id, placement] of [...market.placements]) {
      const missed = placement.bisection && missedRoundOf(placement)
      if (!missed) continue
      const isLost = ((bits >> (n++ % 4)) & 1) === 1
      const fact: Fact = isLost
        ? { kind: 'disproved', docket: missed.docket, at: market.now }
        : { kind: 'read-verified', at: market.now }
      step((tell) => tell(id, fact), 'no')
    }
  }

  /** A block with whatever of the waiting transactions `takes` lets in, and these sweeps. */
  function mine(sweeps: readonly string[] = [], takes: (n: number) => boolean = () => true): void {
    const open = openOnChain()
    const events: Event[] = []
    const refused: string[] = []
    let n = 0
    for (const [id, intent] of intents) {
      if (intent.status !== 'waiting' || !takes(n++)) continue
      const bounty = open.get(intent.docket)
      if (intent.kind === 'post' && market.now <= intent.deadline) {
        open.set(intent.docket, market.dockets.get(intent.docket) as Docket)
        events.push({ kind: 'posted', docket: intent.docket })
        intent.status = 'mined'
      } else if (
        (intent.kind === 'revoke' && bounty && market.now >= bounty.deadline + 3600) ||
        (intent.kind === 'release' && bounty)
      ) {
        open.delete(intent.docket)
        events.push({ kind: 'revoked', docket: intent.docket })
        intent.status = 'mined'
      } else if (intent.kind !== 'release' || market.now > intent.deadline + 3600) refused.push(id)
    }
    for (const docket of sweeps) {
      const bounty = open.get(docket)
      if (!bounty || market.now > bounty.deadline) continue
      open.delete(docket)
      events.push({ kind: 'swept', docket })
    }
    chain = [...chain, { time: market.now, events }]
    for (const id of refused) fail(id)
  }

  /**
   * The last blocks never were; their transactions wait again, but sweeps are the stewards' to repeat.
   * @param deep also blocks the controller was told are final
   */
  function reorganise(depth: number, deep: boolean): void {
    const kept = Math.max(1, chain.length - depth, deep ? 0 : finalUpTo)
    for (const { kind, docket } of chain.slice(kept).flatMap((block) => block.events))
      for (const intent of intents.values())
        if (
          intent.docket === docket &&
          intent.status === 'mined' &&
          kind !== 'swept' &&
          (intent.kind === 'post') === (kind === 'posted')
        )
          intent.status = 'waiting'
    chain = chain.slice(0, kept)
  }

  /** The feed brings the controller up to date. */
  function follow(crash: 'no' | 'before-commit' | 'before-perform' = 'no'): void {
    let shared = 0
    while (shared < seen.length && seen[shared] === chain[shared]) shared++
    const nextFinal = Math.max(finalUpTo, chain.length - market.finality)
    const target = chain
    step(
      (tell) => {
        for (const block of seen.slice(shared).toReversed())
          for (const { kind, docket } of block.events.toReversed())
            tellDocket(tell, docket, { kind: `un${kind}` as 'unposted' | 'unswept' | 'unrevoked', docket })
        for (const block of target.slice(shared))
          for (const { kind, docket } of block.events) tellDocket(tell, docket, { kind, docket, at: block.time })
        for (const block of target.slice(Math.min(finalUpTo, shared), nextFinal))
          for (const { kind, docket } of block.events) {
            const lost = kind === 'revoked' ? market.releases.get(docket) : undefined
            if (lost) tellReleased(tell, docket, lost)
            else tellDocket(tell, docket, { kind: `${kind}-final`, docket })
          }
      },
      crash,
      () => {
        seen = target
        finalUpTo = nextFinal
      },
    )
  }

  /** The timer: ticks for what is due, and the dockets of the moment. */
  function tick(crash: 'no' | 'before-commit' | 'before-perform' = 'no'): void {
    step((tell, at) => {
      for (const id of market.placements.keys())
        if ((nextDueOf(at(id), market.policy, market.now) ?? Number.POSITIVE_INFINITY) <= market.now)
          tell(id, { kind: 'tick' })
      const all = [...market.placements.keys()].map(at)
      for (const { id: docket, due, deadline, retry, placements: ids } of groupDue(all, market.now, market.policy))
        for (const id of ids) tell(id, { kind: 'open', docket, due, deadline, retry, entries: ids.length })
    }, crash)
  }

  /** A peer answers: what was asked for and not done is done now. */
  function answerPeers(): void {
    for (const [id, placement] of [...market.placements]) {
      if (placement.topUp)
        step((tell) => tell(id, { kind: 'read-verified', at: market.now, rows: placement.rows.total + 9 }), 'no')
      const { contract, price, version, end, term } = placement
      if (contract?.phase === 'asking')
        step((tell) => tell(id, { kind: 'contract', fact: { kind: 'quoted', price } }), 'no')
      if (market.placements.get(id)?.contract?.phase === 'offered')
        step((tell) => tell(id, { kind: 'renewed', version: version + 1, end: end + term }), 'no')
    }
  }

  function nextDue(): number | undefined {
    const times = [...market.placements.values()].map((placement) => nextDueOf(placement, market.policy, market.now))
    const known = times.filter((time) => time !== undefined)
    return known.length === 0 ? undefined : Math.min(...known)
  }

  /** The state of a placement made again from the facts it was told. */
  function replay(id: string): PlacementState {
    return (market.told.get(id) ?? []).reduce(
      (state, { fact, now: then }) => decide(state, fact, { now: then, policy: market.policy, draw }).next,
      first.get(id) as PlacementState,
    )
  }

  const events = () => chain.flatMap((block) => block.events)
  return {
    market,
    openOnChain,
    mine,
    reorganise,
    follow,
    tick,
    release,
    bisect,
    answerPeers,
    nextDue,
    replay,
    restart,
    events,
  }
}
