/** `holdfast pool invite`: a code that lets somebody join. Nothing is sent: the manager signs it, and need not be there when it is used. */
import { HoldfastError } from '../../base/errors.ts'
import { DAY, formatTime, parseDuration } from '../../base/units.ts'
import type { Deployment } from '../../chain/deployment.ts'
import type { Chain } from '../../chain/rpc.ts'
import { formatInvitation, type InvitationCode, makeInvitation, USES_LIMIT } from '../../pool/invitation.ts'
import { detailLog } from '../chain-access.ts'
import type { Context, Options } from '../context.ts'
import { openDoors } from '../doors.ts'
import { type ActorKey, newSecret } from '../keys.ts'
import { openManager } from '../pool-home.ts'

/** What a code says. */
export interface InviteTerms {
  readonly uses: number
  /** Seconds. */
  readonly span: number
}

const LONGEST = 90 * DAY

/** @throws `INPUT_FORMAT`, `INPUT_RANGE` */
export function parseInviteOptions(options: Options): InviteTerms {
  const text = String(options['uses'])
  const uses = /^\d{1,6}$/.test(text) ? Number(text) : 0
  if (uses < 1 || uses > USES_LIMIT)
    throw new HoldfastError('INPUT_RANGE', { name: '--uses', expected: `1 to ${USES_LIMIT}`, got: text.slice(0, 80) })
  const span = parseDuration(String(options['expires']))
  if (span < 60 || span > LONGEST)
    throw new HoldfastError('INPUT_RANGE', {
      name: '--expires',
      expected: '60s to 90d',
      got: String(options['expires']),
    })
  return { uses, span }
}

/** Signs a code by the manager's key. */
export function invite(
  { rng }: Pick<Context, 'rng'>,
  chain: Chain,
  deployment: Deployment,
  manager: ActorKey,
  { uses, span }: InviteTerms,
): InvitationCode {
  const { market, registrar, token } = deployment.contracts
  return makeInvitation(manager.secret, newSecret(rng), {
    domain: { chainId: chain.chainId, contract: registrar.address },
    market: market.address,
    from: Math.min(market.block, registrar.block, token.block),
    uses,
    expires: chain.time() + span,
  })
}

export async function poolInvite(context: Context, _args: readonly string[], options: Options): Promise<undefined> {
  const { out } = context
  const terms = parseInviteOptions(options)
  await using scope = new AsyncDisposableStack()
  const { chain, deployment, registry } = await openDoors(context, detailLog(context), scope)
  const manager = await openManager(context, options)
  const member = registry.member(manager.id)
  if (member?.level !== 'delegate' || !registry.inGoodStanding(manager.id))
    throw new HoldfastError('POOL_NO_POWER', { who: manager.id, what: 'only a delegate in good standing invites' })
  if (context.options.dryRun === true) {
    out.summary({
      command: 'pool',
      fields: { dryRun: true, ...terms },
      lines: ['would sign an invitation; it costs nothing. Nothing was made (dry run).'],
    })
    return
  }
  const invitation = invite(context, chain, deployment, manager, terms)
  const code = formatInvitation(invitation)
  const { uses, expires } = invitation
  out.summary({
    command: 'pool',
    fields: { invitation: code, uses, expires: formatTime(expires), manager: manager.id },
    lines: [
      code,
      `for ${uses === 1 ? 'one member' : `${uses} members`}, until ${formatTime(expires)}: holdfast pool join CODE`,
    ],
    result: code,
  })
  return
}
