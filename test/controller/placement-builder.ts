/** Valid placements and environments for the tests of the controller's rules. */
import type { Address } from '../../base/curve.ts'
import type { Placement } from '../../base/typed-data.ts'
import { DAY, MiB } from '../../base/units.ts'
import { decide, type Env } from '../../controller/decide.ts'
import type { Effect, Fact, PostEffect } from '../../controller/facts.ts'
import { openPlacement, type PlacementState } from '../../controller/placement-state.ts'
import { POLICY } from '../../controller/policy.ts'
import { createDraw, groupDue } from '../../controller/schedule.ts'

/** A moment on the hour. */
export const START = 1_800_000_000 - (1_800_000_000 % 3600)
export const draw = createDraw(new Uint8Array(32).fill(7))
export const at = (now: number, policy = POLICY): Env => ({ now, policy, draw })
export const stewardOf = (n: number): Address => `0x${n.toString(16).padStart(40, '0')}`
const hex = (n: number) => n.toString(16).padStart(64, '0')

export interface Wanted {
  readonly n?: number
  readonly steward?: number
  readonly start?: number
  readonly term?: number
  readonly rows?: number
  readonly price?: bigint
  readonly length?: number
  /** Of a backup. */
  readonly rides?: true
}

/** A placement booked at its start: state `held`. */
export function aPlacement({
  n = 1,
  steward = 1,
  start = START,
  term = 90 * DAY,
  rows = 9,
  price = 5_300_000_000_000_000n,
  length = 8 * MiB,
  rides,
}: Wanted = {}): PlacementState {
  const terms: Placement = {
    uploader: stewardOf(0xffff),
    steward: stewardOf(steward),
    blobId: Uint8Array.from({ length: 32 }, (_, i) => (i > 27 ? (n >> (8 * (31 - i))) & 255 : 0)),
    length,
    price,
    egressPrice: 0n,
    egressFree: 0,
    start,
    end: start + term,
    grace: 14 * DAY,
    bond: 0n,
    answersRoot: new Uint8Array(32),
    tokenHash: new Uint8Array(32),
    advert: new Uint8Array(32),
    offerUntil: start + DAY,
    version: 1,
  }
  const made = openPlacement({
    id: hex(n),
    ref: hex(0),
    kind: 'share',
    segment: 0,
    share: n,
    placement: terms,
    rows,
    ...(rides ? { rides } : {}),
  })
  return decide(made, { kind: 'booked', at: start }, at(start)).next
}

/** Drives one placement by hand and remembers every effect. */
export function aDriver(first: PlacementState, policy = POLICY, index?: () => bigint) {
  const effects: Effect[] = []
  let state = first
  const driver = {
    effects,
    get state() {
      return state
    },
    tell(fact: Fact, now: number): readonly Effect[] {
      const { next, effects: asked } = decide(state, fact, {
        ...at(now, policy),
        ...(index === undefined ? {} : { index }),
      })
      state = next
      effects.push(...asked)
      return asked
    },
    /** Opens the round that is due and gives its post. */
    open(now: number): PostEffect {
      const plan = groupDue([state], now, policy)[0]
      if (!plan) throw new Error(`nothing is due at ${now}`)
      const asked = driver.tell(
        { kind: 'open', docket: plan.id, due: plan.due, deadline: plan.deadline, retry: plan.retry },
        now,
      )
      const post = asked.find((effect) => effect.kind === 'post')
      if (!post) throw new Error('no post')
      return post
    },
    posted(docket: string, now: number): void {
      driver.tell({ kind: 'posted', docket, at: now }, now)
      driver.tell({ kind: 'posted-final', docket }, now)
    },
    swept(docket: string, now: number): void {
      driver.tell({ kind: 'swept', docket, at: now }, now)
      driver.tell({ kind: 'swept-final', docket }, now)
    },
    /** The whole of a round that is answered. */
    pass(now: number): PostEffect {
      const post = driver.open(now)
      driver.posted(post.docket, now)
      driver.swept(post.docket, now + 600)
      return post
    },
    /** The whole of a round that is not: returns when it was revoked. */
    miss(now: number): number {
      const post = driver.open(now)
      driver.posted(post.docket, now)
      const late = post.deadline + 3600
      driver.tell({ kind: 'tick' }, late)
      driver.tell({ kind: 'revoked', docket: post.docket, at: late }, late)
      driver.tell({ kind: 'revoked-final', docket: post.docket }, late)
      return late
    },
  }
  return driver
}
