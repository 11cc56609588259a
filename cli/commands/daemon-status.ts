/** `holdfast steward status` and `controller status`: what one daemon says of itself. */
import { formatSize, formatTime } from '../../base/units.ts'
import type { Accounts, ControllerStatus } from '../../controller/api-types.ts'
import { chooseActor } from '../choose-actor.ts'
import type { CommandRun, Context, Options } from '../context.ts'
import { openLedgerView } from '../ledger-view.ts'
import { openDaemonApi } from '../local-api.ts'
import { formatFromNow, formatTable, plural, shortId } from '../words.ts'

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

/** What a steward answers to `/status`; amounts are decimals of HOLD, sizes bytes. */
interface StewardStatus {
  readonly chain: { readonly block: number; readonly time: string }
  readonly isOpen: boolean
  readonly quota: number
  readonly reserve: number
  readonly used: number
  readonly promised: number
  readonly free: number
  readonly disk: Readonly<
    Record<'paid' | 'grace' | 'garbage' | 'overhead' | 'missing' | 'blobs' | 'missingBlobs', number>
  >
  readonly served: number
  readonly placements: number
  readonly openBounties: number
  readonly earned: string
  readonly standing?: string
  readonly nextDue?: string
  readonly alerts: readonly { readonly at: number; readonly code: string; readonly about: string }[]
}

export const stewardStatus: CommandRun = async (context: Context, _args, options: Options) => {
  const { out, signal } = context
  const { id, paths } = await chooseActor(context, 'steward', options)
  const client = await openDaemonApi(paths, 'steward')
  const status = (await client.get('/status', { signal })) as StewardStatus
  client.close()
  out.summary({
    command: 'steward',
    fields: { ...status, id, dataDir: paths.dir },
    lines: stewardLines(id, status),
    result: id,
  })
  return undefined
}

/** Disk used is disk paid, or explained. */
function stewardLines(id: string, status: StewardStatus): readonly string[] {
  const { disk, chain, quota, promised, reserve, free, standing = 'unknown', nextDue, alerts } = status
  const now = Date.parse(chain.time) / 1000
  return [
    `steward    ${id}   ${standing}${status.isOpen ? '' : ', takes nothing new'}   block ${chain.block}`,
    `holds      ${disk.blobs} blobs under ${plural(status.placements, 'placement')}; ${plural(status.openBounties, 'open bounty').replace(/bountys$/, 'bounties')}, next act ${formatFromNow(nextDue, now)}`,
    `disk       paid ${formatSize(disk.paid)}   in grace ${formatSize(disk.grace)}   garbage ${formatSize(disk.garbage)}   overhead ${formatSize(disk.overhead)}   of ${formatSize(quota)} offered, ${formatSize(promised)} promised`,
    `volume     ${formatSize(free)} free, ${formatSize(reserve)} kept free`,
    `earned     ${status.earned} HOLD; served ${formatSize(status.served)} to readers since it started`,
    ...(disk.missingBlobs > 0
      ? [
          `! ${plural(disk.missingBlobs, 'blob')} it is paid for ${disk.missingBlobs === 1 ? 'is' : 'are'} missing (${formatSize(disk.missing)})`,
        ]
      : []),
    ...alerts.slice(-10).map(({ at, code, about }) => `! ${formatTime(at)} ${code} ${about}`),
  ]
}
