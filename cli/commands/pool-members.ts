/** `holdfast pool members`, `standing`, `registrar show`, `registrar log`: what the registrar knows. Nothing is changed. */
import { type Address, parseAddress } from '../../base/curve.ts'
import { HoldfastError } from '../../base/errors.ts'
import { formatTime } from '../../base/units.ts'
import { type HistoryEntry, readHistory } from '../../chain/registry-history.ts'
import { type Member, STANDINGS, type Standing } from '../../chain/registry-members.ts'
import { REASONS } from '../../pool/reasons.ts'
import { watchersOf } from '../../pool/registry-view.ts'
import { detailLog } from '../chain-access.ts'
import type { Context, Options } from '../context.ts'
import { type Doors, openDoors } from '../doors.ts'
import { roleNames } from '../pool-home.ts'
import { formatDay, formatTable, plural, shortId } from '../words.ts'

/** How ids are made: what Registrar.idAlgorithm() says, and docs/spec/pool.md. */
const ID_ALGORITHM = 'last 20 bytes of keccak256 of the uncompressed secp256k1 public key without its first byte 0x04'

export async function poolMembers(context: Context, _args: readonly string[], options: Options): Promise<undefined> {
  const { out } = context
  const wanted =
    options['standing'] === undefined ? undefined : parseStanding(String(options['standing']), '--standing')
  await using scope = new AsyncDisposableStack()
  const { registry } = await openDoors(context, detailLog(context), scope)
  const members = [...registry.members()].filter(({ standing }) => wanted === undefined || standing === wanted)
  for (const member of members) out.record({ type: 'member', ...memberFields(member) })
  if (out.style.quiet && !out.style.json) for (const { id } of members) out.stdout.write(`${id}\n`)
  out.summary({
    command: 'pool',
    fields: { members: members.length, ...(wanted === undefined ? {} : { standing: wanted }) },
    lines:
      members.length === 0
        ? [wanted === undefined ? 'there is nobody' : `nobody is ${wanted}`]
        : formatTable([
            ['ID', 'LEVEL', 'ROLES', 'STANDING', 'SINCE', 'RENEWAL DUE', 'MANAGER', 'MONITORS'],
            ...members.map((member) => [
              member.id,
              member.level,
              roleNames(member.roles).join(',') || '–',
              member.standing,
              formatDay(formatTime(member.registeredAt)),
              formatDay(formatTime(member.renewedAt + member.period)),
              member.manager === undefined ? '–' : shortId(member.manager),
              String(watchersOf(registry, member).length),
            ]),
          ]),
  })
  return
}

export async function poolStanding(context: Context, [text = '']: readonly string[]): Promise<undefined> {
  const { out } = context
  const id = parseAddress(text, 'id')
  await using scope = new AsyncDisposableStack()
  const doors = await openDoors(context, detailLog(context), scope)
  const member = memberOf(doors, id)
  const changes = await historyOf(doors, id, ['StandingChanged'])
  const last = changes.at(-1)
  out.summary({
    command: 'pool',
    fields: {
      id,
      standing: member.standing,
      good: doors.registry.inGoodStanding(id),
      since: formatTime(last?.time ?? member.registeredAt),
      ...(last === undefined ? {} : { by: last.by, reason: last.reason, evidence: last.evidence, block: last.block }),
    },
    lines: [
      `${id} is ${member.standing} since ${formatTime(last?.time ?? member.registeredAt)}${doors.registry.inGoodStanding(id) ? '' : ': it gets no requests'}`,
      last === undefined
        ? 'its standing was never changed'
        : last.reason === 0
          ? `its renewal lapsed; ${last.by} said so`
          : `by ${last.by}, reason ${reasonWords(last.reason)}, evidence ${last.evidence}`,
    ],
    result: member.standing,
  })
  return
}

export async function registrarShow(context: Context, [text]: readonly string[]): Promise<undefined> {
  const { out } = context
  await using scope = new AsyncDisposableStack()
  const doors = await openDoors(context, detailLog(context), scope)
  const { registry, chain } = doors
  if (text !== undefined) {
    const member = memberOf(doors, parseAddress(text, 'id'))
    out.summary({
      command: 'pool',
      fields: memberFields(member),
      lines: formatTable(
        Object.entries(memberFields(member)).map(([name, value]) => [
          name,
          Array.isArray(value) ? value.join(' ') || '–' : String(value ?? '–') || '–',
        ]),
      ),
      result: member.id,
    })
    return
  }
  const members = [...registry.members()]
  const counts = Object.fromEntries(
    STANDINGS.map((standing) => [standing, members.filter((member) => member.standing === standing).length]),
  )
  const master = members.find(({ level }) => level === 'master')?.id
  const policy = registry.policy()
  out.summary({
    command: 'pool',
    fields: {
      registrar: registry.address,
      chainId: chain.chainId,
      master,
      members: members.length,
      standings: counts,
      period: registry.period(),
      policy,
      idAlgorithm: ID_ALGORITHM,
    },
    lines: [
      `registrar  ${registry.address} on chain ${chain.chainId}`,
      `master     ${master}`,
      `members    ${members.length}: ${Object.entries(counts)
        .filter(([, count]) => count > 0)
        .map(([standing, count]) => `${count} ${standing}`)
        .join(', ')}`,
      `renewal    every ${Math.round(registry.period() / 86_400)} days; abandoned after two missed periods, dropped after two more`,
      `policy     fee ${policy.feeShare / 100} %, right to store ${policy.rightShare / 100} %, panel ${policy.panelVotes} of ${policy.panelSeats}, ${policy.inviteOnly ? 'by invitation' : 'open'}`,
      `ids        ${ID_ALGORITHM}`,
    ],
    result: registry.address,
  })
  return
}

export async function registrarLog(context: Context, [text]: readonly string[]): Promise<undefined> {
  const { out } = context
  await using scope = new AsyncDisposableStack()
  const doors = await openDoors(context, detailLog(context), scope)
  const id = text === undefined ? undefined : parseAddress(text, 'id')
  const entries = await historyOf(doors, id)
  for (const { invitation: _, time, ...entry } of entries)
    out.record({ type: 'entry', ...entry, time: formatTime(time) })
  out.summary({
    command: 'pool',
    fields: { entries: entries.length, ...(id === undefined ? {} : { id }) },
    lines:
      entries.length === 0
        ? ['nothing happened']
        : [
            ...formatTable(
              entries.map(({ time, what, id: about, by, detail, reason, evidence }) => [
                formatTime(time),
                what,
                about ?? 'the pool',
                [
                  detail,
                  by === about || by === undefined ? '' : `by ${shortId(by)}`,
                  reason === undefined
                    ? ''
                    : reason === 0
                      ? 'lapsed'
                      : `reason ${reasonWords(reason)}, evidence ${evidence}`,
                ]
                  .filter((each) => each !== '')
                  .join('  '),
              ]),
            ),
            plural(entries.length, 'entry').replace('entrys', 'entries'),
          ],
  })
  return
}

/** "7 (it posted …)"; a code that this program does not know stands alone. */
function reasonWords(code: number | undefined): string {
  const known = REASONS.find((reason) => reason.code === code)
  return known === undefined ? String(code) : `${code} (${known.say})`
}

/** @throws `INPUT_FORMAT` */
export function parseStanding(text: string, name: string): Standing {
  const found = STANDINGS.find((standing) => standing === text)
  if (found === undefined)
    throw new HoldfastError('INPUT_FORMAT', { name, expected: STANDINGS.join(', '), got: text.slice(0, 80) })
  return found
}

/** @throws `POOL_UNREGISTERED` */
export function memberOf({ registry }: Pick<Doors, 'registry'>, id: Address): Member {
  const member = registry.member(id)
  if (member === undefined) throw new HoldfastError('POOL_UNREGISTERED', { peer: id })
  return member
}

/** The log of a member, or of the pool. */
export function historyOf(
  { chain, deployment }: Doors,
  id?: Address,
  events?: NonNullable<Parameters<typeof readHistory>[1]['events']>,
): Promise<readonly HistoryEntry[]> {
  const { address, block } = deployment.contracts.registrar
  return readHistory(chain, {
    registrar: address,
    from: block,
    ...(id === undefined ? {} : { id }),
    ...(events === undefined ? {} : { events }),
  })
}

function memberFields(member: Member) {
  const { id, level, roles, standing, manager, monitors, indexes, secureAddr, insecureAddr } = member
  return {
    id,
    level,
    roles: roleNames(roles),
    standing,
    since: formatTime(member.registeredAt),
    renewedAt: formatTime(member.renewedAt),
    renewalDue: formatTime(member.renewedAt + member.period),
    manager,
    monitors,
    indexes,
    secureAddr,
    insecureAddr,
    publicKey: `0x${Buffer.from(member.publicKey).toString('hex')}`,
  }
}
