/**
 * Moving a dev chain's time without leaving anyone behind (architecture.md, "Time"): ask every live daemon whether it is done at the head;
 * when all are, jump to the earliest moment at which one of them has something to do, and mine. Never past a due time.
 */
import { asHoldfastError, HoldfastError, hasCode } from '../base/errors.ts'
import type { TickAnswer } from '../base/ports.ts'
import type { Chain } from '../chain/rpc.ts'
import { DEV_CHAIN_ID, quantity } from '../chain/rpc.ts'
import type { ApiClient } from '../net/http-client.ts'

/** A daemon that takes part. */
export interface Ticking {
  /** For messages: "controller", "steward 0x1234abcd". */
  readonly name: string
  readonly client: Pick<ApiClient, 'post'>
  /** False once its process is gone. */
  isAlive(): Promise<boolean>
}

export interface AdvanceDeps {
  readonly chain: Pick<Chain, 'chainId' | 'head' | 'request'>
  readonly daemons: readonly Ticking[]
  readonly signal: AbortSignal
  /** Nobody asks the stewards: whenever the chain moved, what they do gets so long to begin. Milliseconds; default 0. */
  readonly quietMs?: number
  /** Told after each jump, when all are idle again. */
  onHop?(hop: {
    readonly block: number
    readonly time: number
    readonly target: number
    readonly hops: number
  }): void | Promise<void>
}

export interface Advanced {
  readonly advancedSeconds: number
  /** Chain time at the end. */
  readonly now: number
  readonly block: number
  readonly hops: number
  /** Daemons whose process was gone, and that were left out. */
  readonly skipped: readonly string[]
}

/** A daemon answers a tick within about a second, done or not; this is for one that hangs. Milliseconds. */
const TICK_MS = 30_000

/**
 * Moves the chain to `target` and returns when every due act is done.
 * @param target chain time
 * @throws `CHAIN_NOT_DEV` on any other chain; the signal's reason, naming who was busy and why
 */
export async function advanceTo(deps: AdvanceDeps, target: number): Promise<Advanced> {
  const { chain, signal, onHop } = deps
  if (chain.chainId !== DEV_CHAIN_ID) throw new HoldfastError('CHAIN_NOT_DEV', { got: chain.chainId })
  const start = await chain.head()
  const skipped = new Set<string>()
  let live = deps.daemons
  let hops = 0
  let mined = start.number
  for (;;) {
    const quiet = { ms: deps.quietMs ?? 0, block: mined }
    const settled = await settle(chain, live, signal, quiet, (gone) => {
      skipped.add(gone.name)
      live = live.filter((daemon) => daemon !== gone)
    })
    const { head, nextDue } = settled
    if (hops > 0) await onHop?.({ block: head.number, time: head.timestamp, target, hops })
    if (head.timestamp >= target)
      return {
        advancedSeconds: head.timestamp - start.timestamp,
        now: head.timestamp,
        block: head.number,
        hops,
        skipped: [...skipped],
      }
    const next = Math.max(head.timestamp + 1, Math.min(nextDue ?? target, target))
    await chain.request('evm_setNextBlockTimestamp', [quantity(next)], signal)
    await chain.request('evm_mine', [], signal)
    mined = head.number + 1
    hops++
  }
}

/**
 * Waits until all daemons are idle at a head that did not move meanwhile. Asked twice: what the last to finish had just handed to another
 * one (a docket, a renewal) leaves no trace on the chain, and the other may have said before that it was idle.
 */
async function settle(
  chain: AdvanceDeps['chain'],
  daemons: readonly Ticking[],
  signal: AbortSignal,
  quiet: { readonly ms: number; readonly block: number },
  onGone: (daemon: Ticking) => void,
) {
  let remaining = daemons
  let quietAt = quiet.block
  const askAll = async (block: number) => {
    const answers = await Promise.all(
      remaining.map(async (daemon) => ({ daemon, answer: await untilIdle(daemon, block, signal) })),
    )
    for (const { daemon, answer } of answers) if (answer === undefined) onGone(daemon)
    remaining = answers.flatMap(({ daemon, answer }) => (answer === undefined ? [] : [daemon]))
    return answers.flatMap(({ answer }) => (answer?.nextDue === undefined ? [] : [answer.nextDue as number]))
  }
  for (;;) {
    const head = await chain.head()
    const hasMoved = async () => (await chain.head()).number !== head.number
    await askAll(head.number)
    // What one of them sent may be news to the others.
    if (await hasMoved()) continue
    const dues = await askAll(head.number)
    if (await hasMoved()) continue
    if (quiet.ms > 0 && quietAt !== head.number) {
      quietAt = head.number
      await new Promise((resolve) => setTimeout(resolve, quiet.ms))
      if (await hasMoved()) continue
    }
    return { head, nextDue: dues.length === 0 ? undefined : Math.min(...dues) }
  }
}

/** Undefined when its process is gone. */
async function untilIdle(daemon: Ticking, block: number, signal: AbortSignal): Promise<TickAnswer | undefined> {
  let busy = 'it has not answered yet'
  for (;;) {
    try {
      const answer = (await daemon.client.post('/tick', { block }, { signal, timeoutMs: TICK_MS })) as TickAnswer
      if (answer.idle) return answer
      busy = answer.busy ?? 'it does not say why'
    } catch (cause) {
      if (signal.aborted) throw stopped(signal, daemon.name, busy)
      if (!(await daemon.isAlive())) return undefined
      busy = asHoldfastError(cause).message
      if (!hasCode(cause, 'API_UNREACHABLE', 'TIMED_OUT')) throw cause
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    if (signal.aborted) throw stopped(signal, daemon.name, busy)
  }
}

function stopped(signal: AbortSignal, name: string, busy: string): unknown {
  if (!hasCode(signal.reason, 'TIMED_OUT')) return signal.reason
  return new HoldfastError('TIMED_OUT', {
    what: `advancing (${name} was not idle: ${busy})`,
    limit: String(signal.reason.data.limit ?? 'its limit'),
  })
}
