/** What happened to one member, or in the pool, and who did it: read from the registrar's log when somebody asks. */
import { fromHex } from '../base/bytes.ts'
import type { Address } from '../base/curve.ts'
import { type UnixTime, unixTime } from '../base/units.ts'
import { addressTopic, decodeLog, REGISTRAR, topicOf } from './abi.ts'
import type { ChainLog, Hex } from './chain-data.ts'
import { LEVELS, STANDINGS } from './registry-members.ts'
import type { Chain } from './rpc.ts'

/** One entry of the registrar's log. */
export interface HistoryEntry {
  /** The contract's name of the event: `StandingChanged`. */
  readonly what: string
  /** Whom it is about; undefined for what concerns the whole pool. */
  readonly id: Address | undefined
  /** Who did it; the member itself where nobody else may. */
  readonly by: Address | undefined
  /** What it is now, in words: "banned", "roles 5". */
  readonly detail: string
  /** Changes of standing only. */
  readonly reason?: number
  /** Hash of what a change of standing rests on, 32 bytes hex; changes of standing only. */
  readonly evidence?: Hex
  /** `InvitationPresented` only. */
  readonly invitation?: Uint8Array
  readonly block: number
  /** Chain time. */
  readonly time: UnixTime
  readonly txHash: Hex
}

/** Events whose first topic after the name is the member. */
const OF_MEMBERS = [
  'Registered',
  'Renewed',
  'EndpointsChanged',
  'LevelChanged',
  'RolesChanged',
  'StandingChanged',
  'ManagerAssigned',
  'MonitorsAssigned',
  'IndexesAssigned',
  'InvitationPresented',
  'Resigned',
  'Dropped',
] as const

export interface HistoryQuery {
  readonly registrar: Address
  /** Block of its deployment. */
  readonly from: number
  /** Left out: of all, and of the pool. */
  readonly id?: Address
  /** Only these events of members. */
  readonly events?: readonly (typeof OF_MEMBERS)[number][]
}

/** The log in order. @throws `CHAIN_…` */
export async function readHistory(chain: Chain, query: HistoryQuery): Promise<readonly HistoryEntry[]> {
  const { registrar, from, id, events } = query
  const names = events ?? (id === undefined ? undefined : OF_MEMBERS)
  const topics = names?.map((name) => topicOf(REGISTRAR, name))
  const filter = topics === undefined ? [] : [[topics, ...(id === undefined ? [] : [addressTopic(id)])]]
  const logs = await chain.logs({ address: registrar, topics: filter }, from, await chain.head())
  const times = new Map<number, UnixTime>()
  const entries: HistoryEntry[] = []
  for (const log of logs) {
    const event = decodeLog(REGISTRAR, log)
    if (event === undefined) continue
    entries.push(entryOf(event, log, log.blockTime ?? (await timeOf(chain, log.blockNumber, times))))
  }
  return entries
}

async function timeOf(chain: Chain, block: number, known: Map<number, UnixTime>): Promise<UnixTime> {
  const found = known.get(block) ?? unixTime((await chain.block(block))?.timestamp ?? 0)
  known.set(block, found)
  return found
}

function entryOf(
  { name, values }: { readonly name: string; readonly values: Readonly<Record<string, unknown>> },
  log: ChainLog,
  time: UnixTime,
): HistoryEntry {
  const lower = (value: unknown) => (typeof value === 'string' ? (value.toLowerCase() as Address) : undefined)
  const id = lower(values.id)
  return {
    what: name,
    id,
    by: lower(values.by) ?? id,
    detail: describe(name, values),
    ...(name === 'StandingChanged'
      ? { reason: Number(values.reason), evidence: String(values.evidenceHash) as Hex }
      : {}),
    ...(name === 'InvitationPresented' ? { invitation: fromHex(values.invitation as string) } : {}),
    block: log.blockNumber,
    time,
    txHash: log.txHash,
  }
}

function describe(name: string, values: Readonly<Record<string, unknown>>): string {
  const list = (value: unknown) => [...(value as Iterable<string>)].map((each) => each.toLowerCase()).join(' ')
  switch (name) {
    case 'Registered':
      return LEVELS[Number(values.level)] ?? 'none'
    case 'LevelChanged':
      return LEVELS[Number(values.level)] ?? 'none'
    case 'RolesChanged':
      return `roles ${values.roles}`
    case 'StandingChanged':
      return STANDINGS[Number(values.standing)] ?? `standing ${values.standing}`
    case 'EndpointsChanged':
      return [values.secureAddr, values.insecureAddr].filter((each) => each !== '').join(' ') || 'none'
    case 'ManagerAssigned':
      return String(values.manager).toLowerCase()
    case 'MonitorsAssigned':
      return list(values.monitors) || 'none'
    case 'IndexesAssigned':
      return list(values.indexes) || 'none'
    case 'PeriodChanged':
      return `${Number(values.period) / 86_400} days`
    case 'PermitUsed':
      return `permit ${String(values.permit)}, scopes ${values.scopes}`
    case 'PermitRevoked':
      return `permit ${String(values.permit)}`
    default:
      return ''
  }
}
