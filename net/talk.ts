/** One conversation with a peer, on a stream of its own. */
import type { NetNode, Target } from './node.ts'
import type { Wire } from './wire.ts'

/**
 * Opens a stream, has `say` use it, and closes it; when that fails the stream is aborted with the cause, so that neither side waits for the other.
 * @throws what `open`, `say` and the peer throw
 */
export async function talk<Result>(
  net: Pick<NetNode, 'open'>,
  target: Target,
  protocol: string,
  signal: AbortSignal | undefined,
  say: (wire: Wire) => Promise<Result>,
): Promise<Result> {
  const wire = await net.open(target, protocol, signal === undefined ? {} : { signal })
  try {
    const result = await say(wire)
    await wire.close()
    return result
  } catch (cause) {
    wire.abort(cause)
    throw cause
  }
}
