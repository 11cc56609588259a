/** The controller's local HTTP API: what is shown, the tick of a dev chain, and the put desk for uploads of other processes. */
import type { Address } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import { fromTagged, toTagged } from '../base/tagged-json.ts'
import { formatHold, formatTime, type UnixTime, unixTime } from '../base/units.ts'
import type { Route } from '../net/http-server.ts'
import type { PutBook } from '../uploader/put-book.ts'
import { BOOK_METHODS } from '../uploader/put-book.ts'
import { viewRounds } from './accounts.ts'
import type { ReadTrouble } from './accuse.ts'
import type { ControllerStatus, RemovalView } from './api-types.ts'
import type { Controller } from './controller.ts'
import type { Outlook } from './outlook.ts'
import type { ObjectRecord } from './records.ts'
import type { RemoveOrder } from './remove.ts'
import type { Repairs } from './repairs.ts'
import { viewAuction, viewAuctions, viewPrices } from './view-market.ts'
import { viewPlan } from './view-plan.ts'
import { findObject, viewAccounts, viewObject, viewObjectDetail, viewShares, viewTotals } from './views.ts'

export interface ApiDeps {
  readonly controller: Controller
  readonly book: PutBook
  readonly repairs: Pick<Repairs, 'view' | 'order'>
  remove(object: ObjectRecord, order: RemoveOrder, signal: AbortSignal): Promise<RemovalView>
  outlook(): Outlook
  /** Wei: HOLD in the market, and the chain's coin. */
  balance(): Promise<bigint>
  coin(): Promise<bigint>
  readonly account: ControllerStatus['account']
  readonly chainId: number
  /** When the market was created. */
  readonly since: UnixTime
  headAge(): number
  backup(): ControllerStatus['backup']
  /** Nothing when the ledger is not backed up. */
  orderBackup(): Promise<void>
  /** Reports a read that failed at a steward which owes it. */
  accuse(steward: Address, blob: string, kind: ReadTrouble): void
}

const byId = {
  params: { type: 'object', properties: { id: { type: 'string', pattern: '^[0-9a-f]{8,64}$' } }, required: ['id'] },
}
const days = {
  query: {
    type: 'object',
    properties: { days: { type: 'string', pattern: '^[0-9]{1,4}$' } },
    additionalProperties: false,
  },
}
const history = {
  query: { type: 'object', properties: { history: { type: 'string', enum: ['0', '1'] } }, additionalProperties: false },
}
const repairBody = {
  body: {
    type: 'object',
    required: ['objects', 'dryRun'],
    properties: {
      objects: { type: 'array', maxItems: 10_000, items: { type: 'string', pattern: '^[0-9a-f]{8,64}$' } },
      dryRun: { type: 'boolean' },
    },
  },
}
const removeBody = {
  body: {
    type: 'object',
    required: ['objects', 'soon', 'dryRun'],
    properties: {
      objects: { type: 'array', minItems: 1, maxItems: 10_000, items: { type: 'string', pattern: '^[0-9a-f]{8,64}$' } },
      soon: { type: 'boolean' },
      dryRun: { type: 'boolean' },
    },
  },
}
const troublesBody = {
  body: {
    type: 'object',
    required: ['troubles'],
    properties: {
      troubles: {
        type: 'array',
        maxItems: 1_000,
        items: {
          type: 'object',
          required: ['steward', 'blob', 'kind'],
          properties: {
            steward: { type: 'string', pattern: '^0x[0-9a-f]{40}$' },
            blob: { type: 'string', pattern: '^[0-9a-f]{64}$' },
            kind: { type: 'string', enum: ['timeout', 'slow', 'refused', 'wrong-bytes'] },
          },
        },
      },
    },
  },
}
const tickBody = {
  body: { type: 'object', required: ['block'], properties: { block: { type: 'integer', minimum: 0 } } },
}
const bookBody = { body: { type: 'object', required: ['args'], properties: { args: { type: 'array', maxItems: 4 } } } }

/** The table of routes. */
export function controllerRoutes(deps: ApiDeps): Route[] {
  const { controller, book } = deps
  const status = async (): Promise<ControllerStatus> => {
    const [balance, coin] = [await deps.balance(), await deps.coin()]
    const outlook = deps.outlook()
    const nextDue = controller.nextDue()
    const backup = deps.backup()
    return {
      role: 'controller',
      account: deps.account,
      chain: {
        id: deps.chainId,
        block: controller.block,
        time: formatTime(outlook.now),
        headAgeSeconds: deps.headAge(),
      },
      balance: formatHold(balance),
      open: viewAccounts(outlook, balance).open,
      coin: formatHold(coin),
      ...viewTotals(outlook, balance),
      ...(nextDue === undefined ? {} : { nextDue: formatTime(nextDue) }),
      ...(backup === undefined ? {} : { backup }),
      alerts: controller.alerts.map(({ at, code, placement }) => {
        const steward = outlook.ledger.placements.get(placement)?.steward
        return `${formatTime(at)} ${code} ${placement.slice(0, 16)}${steward === undefined ? '' : ` ${steward}`}`
      }),
    }
  }
  const shown: Route[] = [
    { method: 'GET', path: '/status', summary: 'Health, money, and what comes next.', handler: status },
    {
      method: 'GET',
      path: '/objects',
      summary: 'All objects.',
      handler: () => [...deps.outlook().ledger.objects.values()].map((object) => viewObject(deps.outlook(), object)),
    },
    {
      method: 'GET',
      path: '/objects/:id',
      summary: 'One object by its id or a unique prefix, with its sealed capability.',
      schema: byId,
      handler: ({ params }) => viewObjectDetail(deps.outlook(), findObject(deps.outlook(), params.id ?? '')),
    },
    {
      method: 'GET',
      path: '/objects/:id/shares',
      summary: 'Its placements: shares and manifest copies.',
      schema: { ...byId, ...history },
      handler: ({ params, query }) =>
        viewShares(deps.outlook(), findObject(deps.outlook(), params.id ?? ''), query.history === '1'),
    },
    {
      method: 'GET',
      path: '/plan',
      summary: 'What is going to be done, and why.',
      schema: days,
      handler: ({ query }) => viewPlan(deps.outlook(), Number(query.days ?? '30')),
    },
    {
      method: 'GET',
      path: '/prices',
      summary: 'The price index and its past.',
      schema: days,
      handler: ({ query }) => {
        const { ledger, now } = deps.outlook()
        return viewPrices(ledger, deps.account, { now: unixTime(now), since: deps.since }, Number(query.days ?? '90'))
      },
    },
    {
      method: 'GET',
      path: '/auctions',
      summary: 'All auctions this controller held.',
      handler: () => viewAuctions(deps.outlook().ledger),
    },
    {
      method: 'GET',
      path: '/auctions/:id',
      summary: 'One auction by its advert or a unique prefix, with its bids.',
      schema: byId,
      handler: ({ params }) => viewAuction(deps.outlook().ledger, params.id ?? ''),
    },
    {
      method: 'GET',
      path: '/accounts',
      summary: 'Money by counter-party.',
      handler: async () => viewAccounts(deps.outlook(), await deps.balance()),
    },
    {
      method: 'GET',
      path: '/rounds',
      summary: 'Every round, oldest first: which way it was settled, why, and what became of it.',
      handler: () => viewRounds(deps.outlook().ledger),
    },
    {
      method: 'POST',
      path: '/repair',
      summary:
        'Orders everything that is missing of some objects (none named: of all) to be made again; tells what that is.',
      schema: repairBody,
      handler: ({ body }) => {
        const { objects, dryRun } = body as { objects: readonly string[]; dryRun: boolean }
        const { ledger } = deps.outlook()
        const named = objects.map((id) => findObject(deps.outlook(), id))
        const views = (named.length > 0 ? named : [...ledger.objects.values()]).map((object) => {
          const view = deps.repairs.view(object, true)
          if (!dryRun && view.parts.length > 0) deps.repairs.order(object.ref)
          return view
        })
        return views.filter(({ parts }) => parts.length > 0)
      },
    },
    {
      method: 'POST',
      path: '/remove',
      summary:
        'Lets objects go: nothing of them is renewed or repaired; `soon`: their stewards are given notice. Tells when they end, and whom the notice did not reach.',
      schema: removeBody,
      handler: async ({ body, signal }) => {
        const { objects, soon, dryRun } = body as { objects: readonly string[]; soon: boolean; dryRun: boolean }
        const named = objects.map((id) => findObject(deps.outlook(), id))
        const views: RemovalView[] = []
        for (const object of named) views.push(await deps.remove(object, { soon, dryRun }, signal))
        return views
      },
    },
    {
      method: 'POST',
      path: '/backup',
      summary: 'Backs the ledger up now, also over a newer backup that the ledger does not come from.',
      handler: async () => {
        await deps.orderBackup()
        return deps.backup()
      },
    },
    {
      method: 'POST',
      path: '/troubles',
      summary: 'Reads of our blobs that failed elsewhere: monitors of their stewards hear of them.',
      schema: troublesBody,
      handler: ({ body }) => {
        const { troubles } = body as {
          troubles: readonly { readonly steward: Address; readonly blob: string; readonly kind: ReadTrouble }[]
        }
        for (const { steward, blob, kind } of troubles) deps.accuse(steward, blob, kind)
        return undefined
      },
    },
    {
      method: 'POST',
      path: '/tick',
      summary: 'Catch up with a block; tells whether anything is left to do at this moment of chain time.',
      schema: tickBody,
      handler: ({ body }) => controller.tick((body as { block: number }).block),
    },
  ]
  const desk = BOOK_METHODS.map(
    (method): Route => ({
      method: 'POST',
      path: `/put/${method}`,
      summary: `PutBook.${method}; arguments and answer are tagged JSON.`,
      schema: bookBody,
      handler: async ({ body }) => {
        const args = fromTagged((body as { args: unknown }).args)
        if (!Array.isArray(args))
          throw new HoldfastError('INPUT_FORMAT', { name: 'args', expected: 'a list', got: typeof args })
        const answer = await (book[method] as (...args: unknown[]) => Promise<unknown>)(...args)
        return answer === undefined ? undefined : toTagged(answer)
      },
    }),
  )
  return [...shown, ...desk]
}
