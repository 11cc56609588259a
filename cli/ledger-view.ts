/** What the ledger says, for commands that only read: from the controller that runs, else from its directory (interface.md §12, row 45). */
import type { ControllerStatus, ObjectSummary } from '../controller/api-types.ts'
import type { Context } from './context.ts'
import type { LedgerView } from './ledger-answers.ts'
import { isControllerRunning, openControllerApi } from './local-api.ts'

/** @throws `CONFIG_NOT_INITIALISED` when this home has no ledger, `STORE_LOCKED` when another process holds it */
export async function openLedgerView(context: Context): Promise<LedgerView> {
  if (await isControllerRunning(context)) return openRemoteView(context)
  const { openStoredView } = await import('./stored-ledger.ts')
  return openStoredView(context)
}

async function openRemoteView(context: Context): Promise<LedgerView> {
  const client = await openControllerApi(context)
  const call = async <Answer>(path: string): Promise<Answer> =>
    (await client.get(path, { signal: context.signal })) as Answer
  const status = await call<ControllerStatus>('/status')
  const now = Math.floor(Date.parse(status.chain.time) / 1000)
  return {
    isOffline: false,
    asOf: status.chain.time,
    objects: async () => ({ now, objects: await call<readonly ObjectSummary[]>('/objects') }),
    object: (id) => call(`/objects/${id}`),
    shares: (id, history) => call(`/objects/${id}/shares${history ? '?history=1' : ''}`),
    plan: (days) => call(`/plan?days=${days}`),
    accounts: () => call('/accounts'),
    rounds: () => call('/rounds'),
    auctions: () => call('/auctions'),
    auction: (id) => call(`/auctions/${id}`),
    status: async () => status,
    [Symbol.asyncDispose]: async () => client.close(),
  }
}
