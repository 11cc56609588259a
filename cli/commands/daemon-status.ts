/** `holdfast steward status` and `controller status`: what one daemon says of itself. */
import { formatSize, parseHold } from '../../base/units.ts'
import type { Accounts, ControllerStatus } from '../../controller/api-types.ts'
import { alertLines } from '../alert-lines.ts'
import { chooseActor } from '../choose-actor.ts'
import type { CommandRun, Context, Options } from '../context.ts'
import { openLedgerView } from '../ledger-view.ts'
import { openDaemonApi } from '../local-api.ts'
import { formatFromNow, formatTable, plural, shortHold, shortId } from '../words.ts'

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
  backup,
  alerts,
}: ControllerStatus): readonly string[] {
  const states = Object.entries(placements).map(([state, count]) => `${state} ${count}`)
  return [
    `account    ${account}   ${amount(balance)} HOLD, ${amount(open)} in open bounties, ${amount(coin)} coin`,
    `placements ${states.length === 0 ? 'none' : states.join('   ')}`,
    `bounties   ${bounties.posted} posted, ${bounties.swept} swept, ${bounties.revoked} revoked, ${bounties.open} open; next act ${formatFromNow(nextDue, Date.parse(chain.time) / 1000)}`,
    ...(backup === undefined ? [] : [backupLine(backup)]),
    ...alertLines(alerts),
  ]
}

/** What of the ledger outlives this machine. */
export function backupLine({ state, version, at, failure }: NonNullable<ControllerStatus['backup']>): string {
  const last = version === undefined ? '' : `; number ${version} says what was known ${at}`
  const words = {
    off: 'off: the recovery words bring back keys and money, not the ledger',
    none: 'none yet: there is nothing to lose',
    held: 'none is made: a newer one than this ledger comes from is there; holdfast controller backup gives it up',
    pending: 'pending: the newest objects are only on this machine',
    done: 'done',
  }[state]
  return `backup     ${words}${last}${failure === undefined ? '' : `\n! no backup: ${failure}`}`
}

/** An exact amount, as people read it. */
const amount = (exact: string): string => shortHold(parseHold(exact))

function accountLines({ stewards }: Accounts): readonly string[] {
  if (stewards.length === 0) return []
  const rows = stewards.map((each) => [
    shortId(each.steward),
    String(each.placements),
    formatSize(each.bytes),
    amount(each.posted),
    amount(each.swept),
    amount(each.revoked),
    amount(each.open),
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
  readonly isPaused: boolean
  readonly isDraining: boolean
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
  /** Of living placements. */
  readonly lost: {
    readonly placements: number
    readonly bytes: number
    readonly blobs: readonly { readonly blobId: string; readonly since: string; readonly why: string }[]
    readonly releases: readonly {
      readonly bounty: string
      readonly lost: number
      readonly rest: number
      readonly taken?: string
    }[]
  }
  readonly alerts: readonly string[]
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

const takesNew = ({ isPaused, isDraining }: StewardStatus): string =>
  isDraining ? ', runs empty' : isPaused ? ', paused: takes nothing new' : ''

/** Disk used is disk paid, or explained. */
function stewardLines(id: string, status: StewardStatus): readonly string[] {
  const { disk, chain, quota, promised, reserve, free, standing = 'unknown', nextDue, lost, alerts } = status
  const now = Date.parse(chain.time) / 1000
  return [
    `steward    ${id}   ${standing}${takesNew(status)}   block ${chain.block}`,
    `holds      ${disk.blobs} blobs under ${plural(status.placements, 'placement')}; ${plural(status.openBounties, 'open bounty').replace(/bountys$/, 'bounties')}, next act ${formatFromNow(nextDue, now)}`,
    `disk       paid ${formatSize(disk.paid)}   in grace ${formatSize(disk.grace)}   garbage ${formatSize(disk.garbage)}   overhead ${formatSize(disk.overhead)}   of ${formatSize(quota)} offered, ${formatSize(promised)} promised`,
    `volume     ${formatSize(free)} free, ${formatSize(reserve)} kept free`,
    `earned     ${amount(status.earned)} HOLD; served ${formatSize(status.served)} to readers since it started`,
    ...(disk.missingBlobs > 0
      ? [
          `! ${plural(disk.missingBlobs, 'blob')} it is paid for ${disk.missingBlobs === 1 ? 'is' : 'are'} missing (${formatSize(disk.missing)})`,
        ]
      : []),
    ...(lost.placements > 0
      ? [
          `! ${plural(lost.placements, 'placement')} ${lost.placements === 1 ? 'has' : 'have'} lost their bytes (${formatSize(lost.bytes)}); their uploaders are told when they next ask for them`,
          ...lost.blobs
            .slice(0, 10)
            .map(({ blobId, since, why }) => `!   ${blobId.slice(0, 16)} since ${since}: ${why}`),
        ]
      : []),
    ...lost.releases.slice(-5).map(({ bounty, lost: gone, rest, taken }) => {
      const told = taken === undefined ? 'its uploader has not asked yet' : 'its uploader knows'
      return `! bounty ${bounty.slice(0, 16)} was given back: ${gone} lost, ${rest} sound; ${told}`
    }),
    ...alertLines(alerts),
  ]
}
