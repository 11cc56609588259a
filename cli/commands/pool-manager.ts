/** `holdfast pool manager status|assign|undo`: what this home's manager daemon says and does. */
import { parseAddress } from '../../base/curve.ts'
import { HoldfastError } from '../../base/errors.ts'
import type { ManagerStatus } from '../../pool/manager.ts'
import type { CommandRun, Context } from '../context.ts'
import { openDaemonApi } from '../local-api.ts'
import { shortId } from '../words.ts'

export const managerStatus: CommandRun = async (context) => {
  const status = (await ask(context, (api) => api.get('/status', { signal: context.signal }))) as ManagerStatus
  show(context, status)
  return undefined
}

export const managerAssign: CommandRun = async (context, ids) => {
  const { out, signal } = context
  const agents = ids.map((id) => parseAddress(id, 'id'))
  if (context.options.dryRun === true) {
    out.summary({
      command: 'pool manager assign',
      fields: { dryRun: true, agents },
      lines: ['would give the roles and watchers that are missing'],
    })
    return undefined
  }
  const status = (await ask(context, async (api) => {
    for (const id of agents) await api.post('/admit', { id }, { signal })
    return api.post('/look', {}, { signal })
  })) as ManagerStatus
  show(context, status)
  return undefined
}

export const managerUndo: CommandRun = async (context, [text = ''], options) => {
  const { out, signal } = context
  const id = parseAddress(text, 'delegate')
  const since = sinceOf(options['since'])
  if (context.options.dryRun === true) {
    out.summary({
      command: 'pool manager undo',
      fields: { dryRun: true, delegate: id },
      lines: [`would put back the standings that ${id} changed and nobody after it`],
    })
    return undefined
  }
  const { undone } = (await ask(context, (api) => api.post('/undo', { id, since }, { signal }))) as {
    readonly undone: readonly { readonly id: string; readonly to: string }[]
  }
  out.summary({
    command: 'pool manager undo',
    fields: { delegate: id, undone },
    lines: undone.length === 0 ? ['nothing was to be put back'] : undone.map(({ id, to }) => `${id} is ${to} again`),
    result: String(undone.length),
  })
  return undefined
}

type Api = Awaited<ReturnType<typeof openDaemonApi>>

async function ask(context: Context, question: (api: Api) => Promise<unknown>): Promise<unknown> {
  const api = await openDaemonApi(context.home.manager, 'manager')
  try {
    return await question(api)
  } finally {
    api.close()
  }
}

/** Seconds. @throws `INPUT_FORMAT` */
function sinceOf(value: unknown): number {
  if (typeof value !== 'string') return 0
  const ms = Date.parse(value)
  if (Number.isNaN(ms))
    throw new HoldfastError('INPUT_FORMAT', {
      name: '--since',
      expected: 'a time like 2026-01-31T00:00:00Z',
      got: value.slice(0, 40),
    })
  return Math.floor(ms / 1000)
}

function show({ out }: Context, status: ManagerStatus): void {
  const { id, block, agents, short, uninvited, decisions, silentChanges, unfinished } = status
  const standings = Object.entries(agents).map(([standing, count]) => `${standing} ${count}`)
  out.summary({
    command: 'pool manager',
    fields: { ...status },
    lines: [
      `manager    ${id}   block ${block}, ${unfinished} transactions on their way`,
      `agents     ${standings.length === 0 ? 'none' : standings.join('   ')}`,
      ...(short.length === 0
        ? []
        : [`! ${short.length} agents have fewer monitors than three: more are needed in other networks`]),
      ...(uninvited.length === 0
        ? []
        : [`! ${uninvited.length} agents wait for an invitation: pool manager assign ID takes one in`]),
      ...silentChanges.map(({ id, what }) => `! ${shortId(id)}: its ${what} changed and no event said so`),
      ...decisions.slice(0, 10).map(({ at, id, why, back }) => `${at}  ${shortId(id)}  ${why}; way back: ${back}`),
    ],
    result: id,
  })
}
