/** `holdfast pool registrar register|role|standing|renew|lapse`: single acts, by whoever may do them. */
import { existsSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { fromHex } from '../../base/bytes.ts'
import { type Address, parseAddress, publicKeyOf } from '../../base/curve.ts'
import { HoldfastError } from '../../base/errors.ts'
import { sha256 } from '../../base/hash.ts'
import { formatTime, MiB } from '../../base/units.ts'
import {
  encodeAbandon,
  encodeAssignManager,
  encodeDrop,
  encodeRegister,
  encodeRenew,
  encodeSetLevel,
  encodeSetRoles,
  encodeSetStanding,
} from '../../chain/registry.ts'
import type { Member } from '../../chain/registry-members.ts'
import type { Hex } from '../../chain/rpc.ts'
import { invitedMembers } from '../../pool/invitation.ts'
import { SCOPES } from '../../pool/permit.ts'
import { ROLE } from '../../pool/registry-view.ts'
import { detailLog } from '../chain-access.ts'
import type { Context, Options } from '../context.ts'
import { type Doors, openDoors } from '../doors.ts'
import { performAct } from '../pool-act.ts'
import { chooseOwnActor, endpointsFor, openManager, openMaster, openOwnActor, roleNames } from '../pool-home.ts'
import { powerFor } from '../pool-permit.ts'
import { historyOf, memberOf, parseStanding } from './pool-members.ts'

const AGENT_ROLES = ROLE.repository | ROLE.index | ROLE.monitor
const DELEGATE_ROLES = ROLE.manager | ROLE.registrar
/** Evidence files are read whole. Bytes. */
const EVIDENCE_LIMIT = 64 * MiB

/** What an act was, for the last line. */
interface Done {
  readonly fields: Readonly<Record<string, unknown>>
  readonly line: string
  readonly id: Address
}

async function act(
  context: Context,
  doors: Doors,
  secret: Uint8Array,
  calls: readonly Hex[],
  { fields, line, id }: Done,
): Promise<undefined> {
  const isDry = context.options.dryRun === true
  const done = await performAct(context, doors.chain, secret, { registrar: doors.registry.address, calls, what: line })
  context.out.summary({
    command: 'pool',
    fields: { ...(isDry ? { dryRun: true } : {}), id, ...fields, ...done },
    lines: [isDry ? `would ${line}; nothing was sent (dry run)` : `done: ${line}`],
    result: id,
  })
}

export async function registrarRegister(
  context: Context,
  _args: readonly string[],
  options: Options,
): Promise<undefined> {
  const actor = await chooseOwnActor(context, options)
  const [secure, insecure] = endpointsFor(actor, options)
  await using scope = new AsyncDisposableStack()
  const doors = await openDoors(context, detailLog(context), scope)
  const { secret, id } = await openOwnActor(context, actor, options)
  if (doors.registry.member(id) !== undefined) {
    context.out.summary({
      command: 'pool',
      fields: { id, registered: false },
      lines: [`${id} is registered already`],
      result: id,
    })
    return
  }
  const call = encodeRegister(publicKeyOf(secret, false).subarray(1), secure, insecure)
  return await act(context, doors, secret, [call], {
    fields: { secure, insecure },
    line: `register ${actor.kind} ${id}`,
    id,
  })
}

export async function registrarRole(
  context: Context,
  [text = '', names = '']: readonly string[],
  options: Options,
): Promise<undefined> {
  const id = parseAddress(text, 'id')
  const roles = parseRoles(names)
  await using scope = new AsyncDisposableStack()
  const doors = await openDoors(context, detailLog(context), scope)
  const member = memberOf(doors, id)
  const isDelegate = (roles & DELEGATE_ROLES) !== 0 || (roles === 0 && member.level === 'delegate')
  const done = {
    fields: { roles: roleNames(roles) },
    line: `give ${id} ${roles === 0 ? 'no role' : `the role ${roleNames(roles).join(', ')}`}`,
    id,
  }
  if (isDelegate) {
    if (member.level === 'master') throw wrongLevel(member, roles)
    const { key, wrap } = await powerFor(context, doors, options, SCOPES['pool.appoint'], () =>
      openMaster(context, options),
    )
    const calls = [...(member.level === 'delegate' ? [] : [encodeSetLevel(id, 'delegate')]), encodeSetRoles(id, roles)]
    return await act(context, doors, key.secret, calls.map(wrap), done)
  }
  if (member.level !== 'agent') throw wrongLevel(member, roles)
  const manager = await openManager(context, options)
  if (roles !== 0) await assertInvited(doors, id, options)
  const calls = [
    ...(member.manager === manager.id ? [] : [encodeAssignManager(id, manager.id)]),
    encodeSetRoles(id, roles),
  ]
  return await act(context, doors, manager.secret, calls, done)
}

function wrongLevel(member: Member, roles: number): HoldfastError {
  return new HoldfastError('POOL_ROLE', {
    what: `${member.id} is ${member.level}, and ${roleNames(roles).join(', ') || 'no role'} does not go with that`,
  })
}

/** "repository,index" or "none". @throws `INPUT_FORMAT` for a word that is no role, `POOL_ROLE` for roles of two levels */
export function parseRoles(text: string): number {
  if (text === 'none') return 0
  let roles = 0
  for (const name of text.split(',').map((each) => each.trim())) {
    if (!Object.hasOwn(ROLE, name))
      throw new HoldfastError('INPUT_FORMAT', {
        name: 'role',
        expected: `some of ${Object.keys(ROLE).join(', ')}, or none`,
        got: name.slice(0, 80),
      })
    roles |= ROLE[name as keyof typeof ROLE]
  }
  if ((roles & AGENT_ROLES) !== 0 && (roles & DELEGATE_ROLES) !== 0)
    throw new HoldfastError('POOL_ROLE', { what: `${text}: these roles are of two levels` })
  return roles
}

/** Invite-only is a manager's rule when it gives roles. @throws `POOL_UNINVITED` */
async function assertInvited(doors: Doors, id: Address, options: Options): Promise<void> {
  const { registry, poolDomain: domain } = doors
  if (!registry.policy().inviteOnly || options['uninvited'] === true) return
  const presented = (await historyOf(doors, undefined, ['InvitationPresented'])).flatMap(
    ({ id: member, invitation, time }) =>
      member === undefined || invitation === undefined ? [] : [{ member, bytes: invitation, at: time }],
  )
  if (!invitedMembers(presented, { domain, registry }).has(id)) throw new HoldfastError('POOL_UNINVITED', { peer: id })
}

export async function registrarStanding(
  context: Context,
  [text = '', word = '']: readonly string[],
  options: Options,
): Promise<undefined> {
  const id = parseAddress(text, 'id')
  const standing = parseStanding(word, 'standing')
  const reason = parseReason(options['reason'])
  const evidence = await evidenceOf(options['evidence'])
  await using scope = new AsyncDisposableStack()
  const doors = await openDoors(context, detailLog(context), scope)
  memberOf(doors, id)
  const { key, wrap } = await powerFor(context, doors, options, SCOPES['registrar.standing'], () =>
    openManager(context, options),
  )
  const call = wrap(encodeSetStanding(id, standing, reason, evidence))
  const hash = Buffer.from(evidence).toString('hex')
  return await act(context, doors, key.secret, [call], {
    fields: { standing, reason, evidence: hash, by: key.id },
    line: `make ${id} ${standing}, reason ${reason}, evidence ${hash}`,
    id,
  })
}

/** @throws `INPUT_REQUIRED`, `INPUT_RANGE` */
function parseReason(value: unknown): number {
  if (typeof value !== 'string')
    throw new HoldfastError('INPUT_REQUIRED', {
      what: 'why the standing changes',
      option: '--reason N, a code of the pool',
    })
  const reason = /^\d{1,5}$/.test(value) ? Number(value) : 0
  if (reason < 1 || reason > 65_535)
    throw new HoldfastError('INPUT_RANGE', {
      name: '--reason',
      expected: '1 to 65535; 0 is kept for a lapsed renewal',
      got: value.slice(0, 80),
    })
  return reason
}

/** A hash as it is, or that of a file. @throws `INPUT_REQUIRED`, `INPUT_FILE`, `INPUT_RANGE` */
async function evidenceOf(value: unknown): Promise<Uint8Array> {
  if (typeof value !== 'string')
    throw new HoldfastError('INPUT_REQUIRED', {
      what: 'what the change rests on',
      option: '--evidence HASH, or a FILE whose SHA-256 is taken',
    })
  if (/^(0x)?[0-9a-fA-F]{64}$/.test(value)) {
    const hash = fromHex(value.replace(/^0x/, '').toLowerCase(), 32)
    if (hash.every((byte) => byte === 0))
      throw new HoldfastError('INPUT_RANGE', { name: '--evidence', expected: 'a hash other than zero', got: 'zero' })
    return hash
  }
  if (!existsSync(value))
    throw new HoldfastError('INPUT_FILE', { path: value, what: 'is neither 64 hex digits nor a file' })
  const { size } = await stat(value)
  if (size > EVIDENCE_LIMIT)
    throw new HoldfastError('INPUT_RANGE', {
      name: '--evidence',
      expected: `at most ${EVIDENCE_LIMIT} bytes`,
      got: size,
    })
  return sha256(await readFile(value))
}

export async function registrarRenew(context: Context, _args: readonly string[], options: Options): Promise<undefined> {
  const actor = await chooseOwnActor(context, options)
  await using scope = new AsyncDisposableStack()
  const doors = await openDoors(context, detailLog(context), scope)
  const { renewedAt, period } = memberOf(doors, actor.id)
  const { secret, id } = await openOwnActor(context, actor, options)
  const due = formatTime(renewedAt + period)
  return await act(context, doors, secret, [encodeRenew(id)], {
    fields: { due },
    line: `renew ${id}, which is due by ${due}`,
    id,
  })
}

export async function registrarLapse(
  context: Context,
  [text = '']: readonly string[],
  options: Options,
): Promise<undefined> {
  const id = parseAddress(text, 'id')
  await using scope = new AsyncDisposableStack()
  const doors = await openDoors(context, detailLog(context), scope)
  const { standing } = memberOf(doors, id)
  const actor = await chooseOwnActor(context, options)
  const { secret } = await openOwnActor(context, actor, options)
  const isAbandoned = standing === 'abandoned'
  return await act(context, doors, secret, [isAbandoned ? encodeDrop(id) : encodeAbandon(id)], {
    fields: { lapse: isAbandoned ? 'dropped' : 'abandoned' },
    line: isAbandoned ? `drop the key ${id}` : `mark ${id} abandoned`,
    id,
  })
}
