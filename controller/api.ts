/** The controller's local HTTP API: what is shown, the tick of a dev chain, and the put desk for uploads of other processes. */
import { HoldfastError } from '../base/errors.ts'
import { fromTagged, toTagged } from '../base/tagged-json.ts'
import { formatHold, formatTime } from '../base/units.ts'
import type { Route } from '../net/http-server.ts'
import type { PutBook } from '../uploader/put-book.ts'
import type { ControllerStatus } from './api-types.ts'
import type { Controller } from './controller.ts'
import { BOOK_METHODS } from './remote-book.ts'
import {
  findObject,
  type Outlook,
  viewAccounts,
  viewObject,
  viewObjectDetail,
  viewPlan,
  viewShares,
  viewTotals,
} from './views.ts'

export interface ApiDeps {
  readonly controller: Controller
  readonly book: PutBook
  outlook(): Outlook
  /** Wei: HOLD in the market, and the chain's coin. */
  balance(): Promise<bigint>
  coin(): Promise<bigint>
  readonly account: ControllerStatus['account']
  readonly chainId: number
  headAge(): number
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
      alerts: controller.alerts
        .slice(-20)
        .map(({ at, code, placement }) => `${formatTime(at)} ${code} ${placement.slice(0, 16)}`),
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
      path: '/accounts',
      summary: 'Money by counter-party.',
      handler: async () => viewAccounts(deps.outlook(), await deps.balance()),
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
