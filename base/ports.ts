/** Ports: the small interfaces through which lower parts receive what only `cli/` may own: time, chance, and a place for state. */
import type { Seconds, UnixTime } from './units.ts'

/** Time, injected. Wall time serves handshakes and logs only; deadlines on chain live in chain time; time-outs use `monotonic`. */
export interface Clock {
  /** Wall clock, UTC. Seconds, whole. */
  now(): UnixTime
  /** Never goes back. Milliseconds since an arbitrary start. */
  monotonic(): number
  /** Resolves after `ms`, or rejects with the signal's reason. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

/** Chance, injected: cryptographically strong in the product, seeded in tests. */
export interface Rng {
  /** `length` fresh random bytes. */
  bytes(length: number): Uint8Array
}

/** Something that runs. Nothing starts by itself; `stop` drains and is safe to call twice. */
export interface Service {
  start(): Promise<void>
  stop(): Promise<void>
}

/** One change of a keyed record. `value` undefined deletes. */
export interface Change {
  readonly key: string
  readonly value: Uint8Array | undefined
}

/** A keyed store whose batches are atomic and synced: when `commit` resolves, all of it survives a power cut; else none of it does. */
export interface Journal {
  get(key: string): Promise<Uint8Array | undefined>
  /** Ascending by key, from `prefix` on, as long as keys start with it. */
  list(
    prefix: string,
    options?: { readonly limit?: number; readonly after?: string },
  ): AsyncIterable<readonly [string, Uint8Array]>
  commit(changes: readonly Change[]): Promise<void>
}

/** A structured log line; the composition root decides where it goes. Never secrets. */
export interface Log {
  debug(event: string, data?: Readonly<Record<string, unknown>>): void
  info(event: string, data?: Readonly<Record<string, unknown>>): void
  warn(event: string, data?: Readonly<Record<string, unknown>>): void
  error(event: string, data?: Readonly<Record<string, unknown>>): void
}

/** What every daemon answers to `POST /api/v1/tick`. */
export interface TickAnswer {
  /** Cursor at the asked block, no unfinished outbox entry, no job running, no timer due. */
  readonly idle: boolean
  /** Earliest chain time at which this daemon has something to do. */
  readonly nextDue?: UnixTime
  /** Why it is not idle; for people. */
  readonly busy?: string
}

export type { Seconds, UnixTime }
