/** Real nodes on loopback for tests, closed after each test whatever happened. */
import { randomBytes } from 'node:crypto'
import { addressOf } from '../../base/curve.ts'
import type { Clock, Log, Rng } from '../../base/ports.ts'
import { unixTime } from '../../base/units.ts'
import { type Gate, type NetNode, type NetOptions, openNode, type Target } from '../../net/node.ts'

/** The machine's own clock. */
export const clock: Clock = {
  now: () => unixTime(Math.floor(Date.now() / 1000)),
  monotonic: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted === true) return reject(signal.reason)
      const onAbort = () => {
        clearTimeout(timer)
        reject(signal?.reason)
      }
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', onAbort)
        resolve()
      }, ms)
      signal?.addEventListener('abort', onAbort, { once: true })
    }),
}

export const rng: Rng = { bytes: (length) => new Uint8Array(randomBytes(length)) }

export interface LogLine {
  readonly level: string
  readonly event: string
  readonly data: Readonly<Record<string, unknown>>
}

/** A log that keeps its lines. */
export function aLog(): Log & { readonly lines: LogLine[] } {
  const lines: LogLine[] = []
  const at =
    (level: string) =>
    (event: string, data: Readonly<Record<string, unknown>> = {}) =>
      void lines.push({ level, event, data })
  return { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

/** Lets everybody pass as who its channel says it is. */
export const openGate: Gate = {
  outbound: async (wire, remote) => {
    await wire.close()
    return { id: remote, channel: remote, roles: 0 }
  },
  inbound: async (_wire, remote) => ({ id: remote, channel: remote, roles: 0 }),
}

const running = new Set<NetNode>()

/** A node on a loopback port of its own; `listen: []` for a client. */
export async function aNode(options: Partial<NetOptions> = {}): Promise<NetNode> {
  const node = await openNode({
    listen: ['/ip4/127.0.0.1/tcp/0'],
    gate: openGate,
    log: aLog(),
    clock,
    secret: rng.bytes(32),
    ...options,
  })
  running.add(node)
  return node
}

/** Where a node can be reached, by id. */
export function targetOf(node: NetNode): Target {
  return { id: node.actor, addresses: node.addresses() }
}

/** A fresh secret and its address. */
export function anIdentity(): { secret: Uint8Array; id: `0x${string}` } {
  const secret = rng.bytes(32)
  return { secret, id: addressOf(secret) }
}

/** Call in `afterEach`. */
export async function stopNodes(): Promise<void> {
  await Promise.all([...running].map((node) => node.stop()))
  running.clear()
}

/** Polls until `condition` holds. @throws after `ms`. */
export async function eventually(
  condition: () => boolean | Promise<boolean>,
  ms = 5_000,
  what = 'the condition',
): Promise<void> {
  const until = performance.now() + ms
  while (!(await condition())) {
    if (performance.now() > until) throw new Error(`${what} did not come true within ${ms} ms`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
