/** `holdfast pool join CODE`, `pool leave`, `pool ls`: this home and its pool. */
import { existsSync } from 'node:fs'
import { publicKeyOf } from '../../base/curve.ts'
import { HoldfastError } from '../../base/errors.ts'
import { findDeployment } from '../../chain/find-deployment.ts'
import {
  encodePresentInvitation,
  encodeRegister,
  encodeResign,
  openRegistry,
  type Registry,
} from '../../chain/registry.ts'
import { readHistory } from '../../chain/registry-history.ts'
import { type Chain, connectChain } from '../../chain/rpc.ts'
import { assertInvitation, type InvitationCode, parseInvitation, presentation } from '../../pool/invitation.ts'
import { writeJson } from '../../store/json-file.ts'
import { detailLog } from '../chain-access.ts'
import type { Context, Options } from '../context.ts'
import { readDeploymentFile } from '../deployment-file.ts'
import { writeDevConfig } from '../dev-home.ts'
import { openDoors } from '../doors.ts'
import { pasteable } from '../pasteable.ts'
import { performAct } from '../pool-act.ts'
import {
  chooseOwnActor,
  endpointsFor,
  listOwnActors,
  openOwnActor,
  readPoolRecord,
  roleNames,
  writePoolRecord,
} from '../pool-home.ts'
import { isAlive, readRunFile } from '../run-file.ts'
import { formatTable } from '../words.ts'

export async function poolJoin(context: Context, [text = '']: readonly string[], options: Options): Promise<undefined> {
  const { home, out, settings, clock } = context
  const code = parseInvitation(text)
  const actor = await chooseOwnActor(context, options)
  const [secure, insecure] = endpointsFor(actor, options)
  const registrar = code.domain.contract
  const known = existsSync(home.deployment) ? await readDeploymentFile(home.deployment) : undefined
  if (known !== undefined && known.contracts.registrar.address !== registrar)
    throw new HoldfastError('CONFIG_EXISTS', { path: home.deployment })
  const urls = settings.value('chain.rpc')
  const chain = await connectChain(urls, { log: detailLog(context), clock, expectChainId: code.domain.chainId })
  let registry: Registry | undefined
  try {
    const deployment = known ?? (await deploymentOf(chain, code, urls[0] as string))
    const { block } = deployment.contracts.registrar
    registry = await openRegistry(chain, registrar, { from: block, log: detailLog(context) })
    assertInvitation(code, registry, chain.time())
    const { secret, id } = await openOwnActor(context, actor, options)
    const isMember = registry.member(id) !== undefined
    const shown = await readHistory(chain, { registrar, from: block, id, events: ['InvitationPresented'] })
    const bytes = presentation(code, id)
    const isShown = shown.some(({ invitation }) => invitation !== undefined && Buffer.compare(invitation, bytes) === 0)
    const calls = [
      ...(isMember ? [] : [encodeRegister(publicKeyOf(secret, false).subarray(1), secure, insecure)]),
      ...(isShown ? [] : [encodePresentInvitation(bytes)]),
    ]
    const done =
      calls.length === 0
        ? undefined
        : await performAct(context, chain, secret, { registrar, calls, what: `join the pool as ${id}` })
    const isDry = context.options.dryRun === true
    if (!isDry) {
      if (known === undefined) await writeJson(home.deployment, deployment)
      if (!existsSync(home.config)) await writeDevConfig(home, urls[0] as string)
      if ((await readPoolRecord(context)) === undefined)
        await writePoolRecord(context, { name: registrar, chainId: chain.chainId, registrar, isReady: true })
    }
    out.summary({
      command: 'pool',
      fields: { ...(isDry ? { dryRun: true } : {}), id, kind: actor.kind, registrar, secure, insecure, ...done },
      lines: isDry
        ? [`would register ${actor.kind} ${id}; nothing was sent (dry run)`]
        : [
            calls.length === 0 ? `${id} is in this pool already` : `${actor.kind} ${id} is in the pool ${registrar}`,
            `A manager gives it its role; then: ${pasteable(context.options, `${actor.kind === 'steward' ? 'steward' : `pool ${actor.kind}`} start --id ${id}`)}`,
          ],
      result: id,
    })
  } finally {
    registry?.close()
    chain.close()
  }
  return
}

/** The contracts that the code names, each checked by its code. */
function deploymentOf(chain: Chain, code: InvitationCode, rpc: string) {
  return findDeployment(chain, {
    market: code.market,
    registrar: code.domain.contract,
    rpc,
    from: code.from,
  })
}

export async function poolLeave(context: Context, _args: readonly string[], options: Options): Promise<undefined> {
  const { out, home } = context
  const actor = await chooseOwnActor(context, options)
  await using scope = new AsyncDisposableStack()
  const { chain, registry } = await openDoors(context, detailLog(context), scope)
  if (registry.member(actor.id) === undefined) throw new HoldfastError('POOL_UNREGISTERED', { peer: actor.id })
  const run = actor.kind === 'manager' ? undefined : await readRunFile(home.run, actor.kind, actor.id)
  if (run !== undefined && (await isAlive(run)))
    throw new HoldfastError('STORE_LOCKED', {
      path: `${actor.kind} ${actor.id}`,
      owner: ` by pid ${run.pid}: it would join again`,
    })
  const { secret, id } = await openOwnActor(context, actor, options)
  const isDry = context.options.dryRun === true
  if (
    !isDry &&
    !(await context.confirm(`${id} gives up its role; what it stores is not paid any more. Leave?`, '--yes'))
  ) {
    out.summary({ command: 'pool', fields: { id, left: false }, lines: ['nothing was done'] })
    return
  }
  const act = { registrar: registry.address, calls: [encodeResign()], what: `resign for ${id}` }
  const done = await performAct(context, chain, secret, act)
  out.summary({
    command: 'pool',
    fields: { ...(isDry ? { dryRun: true } : {}), id, left: !isDry, ...done },
    lines: isDry
      ? ['nothing was sent (dry run)']
      : [
          `${id} has no role, no watchers and no endpoint in this pool any more`,
          'Its key stays known until four renewal periods are missed; its standing and history stay with it.',
        ],
    result: id,
  })
  return
}

export async function poolLs(context: Context): Promise<undefined> {
  const { out } = context
  const record = await readPoolRecord(context)
  await using scope = new AsyncDisposableStack()
  const { chain, registry, poolDomain } = await openDoors(context, detailLog(context), scope)
  const actors = (await listOwnActors(context)).map(({ kind, id }) => {
    const member = registry.member(id)
    return { kind, id, standing: member?.standing ?? 'unregistered', roles: roleNames(member?.roles ?? 0) }
  })
  const name = record?.name ?? 'local'
  for (const actor of actors) out.record({ type: 'actor', ...actor })
  out.summary({
    command: 'pool',
    fields: {
      name,
      registrar: poolDomain.contract,
      chainId: chain.chainId,
      members: [...registry.members()].length,
      actors: actors.length,
    },
    lines: [
      `${name}: registrar ${poolDomain.contract} on chain ${chain.chainId}, ${[...registry.members()].length} members`,
      ...formatTable(actors.map(({ kind, id, standing, roles }) => [kind, id, roles.join(',') || 'no role', standing])),
    ],
    result: poolDomain.contract,
  })
  return
}
