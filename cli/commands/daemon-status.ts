/** `holdfast steward status` and `controller status`: what one daemon says of itself. */
import { formatSize } from '../../base/units.ts'
import type { Accounts, ControllerStatus } from '../../controller/api-types.ts'
import { chooseActor } from '../choose-actor.ts'
import type { CommandRun, Context, Options } from '../context.ts'
import { openLedgerView } from '../ledger-view.ts'
import { openDaemonApi } from '../local-api.ts'
import { formatFromNow, formatTable, shortId } from '../words.ts'

export const controllerStatus: CommandRun = async (context) => {
  const { out } = context
  await using view = await openLedgerView(context)
  const [status, accounts] = [await view.status(), await view.accounts()]
  out.summary({
    command: 'controller',
    fields: { ...status, accounts, asOf: view.asOf },
    lines: [...statusLines(status), ...accountLines(accounts)],
    result: status.account,
  })
  return undefined
}

function statusLines({
  account,
  balance,
  open,
  coin,
  placements,
  bounties,
  nextDue,
  chain,
  alerts,
}: ControllerStatus): readonly string[] {
  const states = Object.entries(placements).map(([state, count]) => `${state} ${count}`)
  return [
    `account    ${account}   ${balance} HOLD, ${open} in open bounties, ${coin} coin`,
    `placements ${states.length === 0 ? 'none' : states.join('   ')}`,
    `bounties   ${bounties.posted} posted, ${bounties.swept} swept, ${bounties.revoked} revoked, ${bounties.open} open; next act ${formatFromNow(nextDue, Date.parse(chain.time) / 1000)}`,
    ...alerts.map((alert) => `! ${alert}`),
  ]
}

function accountLines({ stewards }: Accounts): readonly string[] {
  if (stewards.length === 0) return []
  const rows = stewards.map((each) => [
    shortId(each.steward),
    String(each.placements),
    formatSize(each.bytes),
    each.posted,
    each.swept,
    each.revoked,
    each.open,
    String(each.missed),
  ])
  return formatTable(
    [['STEWARD', 'PLACEMENTS', 'BYTES', 'POSTED', 'SWEPT', 'REVOKED', 'OPEN', 'MISSED'], ...rows],
    [1, 2, 3, 4, 5, 6, 7],
  )
}

export const stewardStatus: CommandRun = async (context: Context, _args, options: Options) => {
  const { out, signal } = context
  const { id, paths } = await chooseActor(context, 'steward', options)
  const client = await openDaemonApi(paths, 'steward')
  const status = (await client.get('/status', { signal })) as Readonly<Record<string, unknown>>
  client.close()
  const rows = Object.entries(status).map(([name, value]) => [
    name,
    typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value),
  ])
  out.summary({
    command: 'steward',
    fields: { id, dataDir: paths.dir, ...status },
    lines: formatTable(rows),
    result: id,
  })
  return undefined
}
