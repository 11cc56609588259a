/**
 * A probe: the whole of a blob read like any reader does, by a peer that nobody knows. What came of it is told apart: served, answered and
 * not served, or not answered at all, for silence convicts of nothing (pool.md).
 */
import { asHoldfastError, type ErrorCode, type HoldfastError } from '../base/errors.ts'
import type { NetNode, Target } from '../net/node.ts'
import { fetchBlob } from './fetch-blob.ts'

/** What is read. */
export interface ProbeWish {
  readonly blobId: Uint8Array
  readonly token: Uint8Array
  readonly length?: number
}

export type ProbeResult =
  | { readonly kind: 'served'; readonly ms: number; readonly bytes: Uint8Array }
  /** It answered, and did not serve. */
  | { readonly kind: 'failed'; readonly ms: number; readonly code: ErrorCode }
  /** Nobody there, or too busy to say: says nothing about what is held. */
  | { readonly kind: 'silent'; readonly ms: number; readonly code: ErrorCode }

/** Errors that say nothing about what the other side holds. */
const SILENT: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'NET_UNREACHABLE',
  'PEER_BUSY',
  'PEER_CLOCK',
  'PEER_HANDSHAKE',
  'PEER_STANDING',
  'POOL_UNREGISTERED',
  'INTERRUPTED',
  'STORE_UNUSABLE',
  'INTERNAL',
])

/** Longest probe. Milliseconds; protocol's own time limits of a read end it sooner where nothing comes. */
const PROBE_MS = 120_000

/** One read. @param openNode a node with a key of its own, used once */
export async function probeOnce(
  openNode: () => Promise<Pick<NetNode, 'open' | 'stop'>>,
  holder: Target,
  wish: ProbeWish,
  options: { readonly monotonic: () => number; readonly signal: AbortSignal },
): Promise<ProbeResult> {
  const began = options.monotonic()
  const ms = () => Math.round(options.monotonic() - began)
  const net = await openNode()
  let isAnswered = false
  try {
    const watched: Pick<NetNode, 'open'> = {
      open: async (...args) => {
        const wire = await net.open(...args)
        isAnswered = true
        return wire
      },
    }
    const signal = AbortSignal.any([options.signal, AbortSignal.timeout(PROBE_MS)])
    const { bytes } = await fetchBlob(watched, holder, { ...wish, signal })
    return { kind: 'served', ms: ms(), bytes }
  } catch (cause) {
    return resultOf(asHoldfastError(cause), isAnswered && !options.signal.aborted, ms())
  } finally {
    await net.stop()
  }
}

function resultOf({ code }: HoldfastError, isAnswered: boolean, ms: number): ProbeResult {
  return isAnswered && !SILENT.has(code) ? { kind: 'failed', ms, code } : { kind: 'silent', ms, code }
}
