/** `holdfast pool policy`: what the pool asks of its members; with options, the master changes it within the bounds of its creation. */
import { HoldfastError } from '../../base/errors.ts'
import type { Policy } from '../../chain/bindings/deployment-plan.ts'
import { encodeSetPolicy } from '../../chain/registry.ts'
import { SCOPES } from '../../pool/permit.ts'
import { detailLog } from '../chain-access.ts'
import type { Context, Options } from '../context.ts'
import { openDoors } from '../doors.ts'
import { performAct } from '../pool-act.ts'
import { openMaster } from '../pool-home.ts'
import { powerFor } from '../pool-permit.ts'

export async function poolPolicy(context: Context, _args: readonly string[], options: Options): Promise<undefined> {
  const { out } = context
  const change = changeOf(options)
  await using scope = new AsyncDisposableStack()
  const doors = await openDoors(context, detailLog(context), scope)
  const before = doors.registry.policy()
  if (Object.keys(change).length === 0) {
    out.summary({ command: 'pool', fields: { policy: before }, lines: describe(before) })
    return
  }
  const policy = { ...before, ...change }
  const { key, wrap } = await powerFor(context, doors, options, SCOPES['pool.policy'], () =>
    openMaster(context, options),
  )
  const done = await performAct(context, doors.chain, key.secret, {
    registrar: doors.registry.address,
    calls: [wrap(encodeSetPolicy(policy))],
    what: 'change the policy',
  })
  const isDry = context.options.dryRun === true
  out.summary({
    command: 'pool',
    fields: { ...(isDry ? { dryRun: true } : {}), policy, by: key.id, ...done },
    lines: [...describe(policy), isDry ? 'nothing was sent (dry run)' : 'this is the policy from now on'],
  })
  return
}

function changeOf(options: Options): Partial<Policy> {
  const { fee, right, mute, panel, inviteOnly } = options
  return {
    ...(fee === undefined ? {} : { feeShare: parseShare(String(fee), '--fee') }),
    ...(right === undefined ? {} : { rightShare: parseShare(String(right), '--right') }),
    ...(mute === undefined ? {} : { muteShare: parseShare(String(mute), '--mute') }),
    ...(panel === undefined ? {} : parsePanel(String(panel))),
    ...(inviteOnly === undefined ? {} : { inviteOnly: parseSwitch(String(inviteOnly)) }),
  }
}

/** "2.5%" in basis points. @throws `INPUT_FORMAT` */
function parseShare(text: string, name: string): number {
  const match = /^(\d{1,3}(?:\.\d{1,2})?)%$/.exec(text)
  const share = match === null ? Number.NaN : Math.round(Number(match[1]) * 100)
  if (!(share >= 0 && share <= 10_000))
    throw new HoldfastError('INPUT_FORMAT', { name, expected: '0% to 100%, like 2.5%', got: text.slice(0, 80) })
  return share
}

/** "31/21/7": seats, votes that convict, least. @throws `INPUT_FORMAT` */
function parsePanel(text: string): Pick<Policy, 'panelSeats' | 'panelVotes' | 'panelLeast'> {
  const match = /^(\d{1,4})\/(\d{1,4})\/(\d{1,4})$/.exec(text)
  if (match === null)
    throw new HoldfastError('INPUT_FORMAT', {
      name: '--panel',
      expected: 'seats/votes/least, like 31/21/7',
      got: text.slice(0, 80),
    })
  return { panelSeats: Number(match[1]), panelVotes: Number(match[2]), panelLeast: Number(match[3]) }
}

function parseSwitch(text: string): boolean {
  if (text !== 'on' && text !== 'off')
    throw new HoldfastError('INPUT_FORMAT', { name: '--invite-only', expected: 'on or off', got: text.slice(0, 80) })
  return text === 'on'
}

function describe(policy: Policy): readonly string[] {
  return [
    `fee ${policy.feeShare / 100} % of the rent`,
    `right to store ${policy.rightShare / 100} % of the space offered`,
    `an accuser is heard no more when ${policy.muteShare / 100} % of its reports are dismissed`,
    `panel of ${policy.panelSeats}, ${policy.panelVotes} convict, below ${policy.panelLeast} it only advises`,
    policy.inviteOnly ? 'roles for the invited only' : 'roles without invitation',
  ]
}
