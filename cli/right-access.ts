/** Rights to store, from the steward of this home (P8): what it stores for others lets its operator store elsewhere without money. */
import type { Address } from '../base/curve.ts'
import { asHoldfastError, HoldfastError } from '../base/errors.ts'
import { fromTagged } from '../base/tagged-json.ts'
import type { Granted, RightOrder } from '../steward/right.ts'
import type { Context } from './context.ts'
import { openDaemonApi } from './local-api.ts'
import { listProcesses } from './run-file.ts'

/** A steward draws, reads and waits for each of those it asks. Milliseconds. */
const ORDER_MS = 600_000

/**
 * Asks the running stewards of the home one after another, until one has rights.
 * @throws `RIGHT_UNPROVEN` when none has, `API_UNREACHABLE` when none runs
 */
export async function orderRights(context: Context, order: RightOrder): Promise<readonly Granted[]> {
  const { home, signal } = context
  const { live } = await listProcesses(home.run)
  let why: HoldfastError | undefined
  for (const { role, id } of live) {
    if (role !== 'steward' || id === undefined) continue
    const client = await openDaemonApi(home.steward(id as Address), 'steward')
    try {
      return fromTagged(await client.post('/right', order, { timeoutMs: ORDER_MS, signal })) as readonly Granted[]
    } catch (cause) {
      signal.throwIfAborted()
      why = asHoldfastError(cause)
    } finally {
      client.close()
    }
  }
  throw why ?? new HoldfastError('API_UNREACHABLE', { role: 'steward', url: home.stewards })
}
