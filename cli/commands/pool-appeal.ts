/**
 * `holdfast pool appeal HASH`: a convicted member of this home, whatever it serves as, speaks for itself; its manager answers at once, and has the monitors
 * look again. It dials without an id, as the banned must.
 */
import { readFile, stat } from 'node:fs/promises'
import { fromHex } from '../../base/bytes.ts'
import { type Address, signDigest } from '../../base/curve.ts'
import { HoldfastError } from '../../base/errors.ts'
import { poolIdOf } from '../../base/typed-data.ts'
import { type HistoryQuery, readHistory } from '../../chain/registry-history.ts'
import type { Chain } from '../../chain/rpc.ts'
import { only } from '../../net/messages/fields.ts'
import {
  appealDigest,
  decodeReportMessage,
  encodeReportMessage,
  MAX_REPORT_BYTES,
  MAX_REPORT_EVIDENCE,
  REPORT_PROTOCOL,
} from '../../net/messages/report.ts'
import { addressesOf } from '../../pool/registry-view.ts'
import { openClientNode } from '../client-node.ts'
import type { CommandRun, Context, Options } from '../context.ts'
import { type ActorKey, readControllerKeys } from '../keys.ts'
import { obtainPassphrase } from '../passphrase.ts'
import { chooseOwnActor, openOwnActor } from '../pool-home.ts'

export const poolAppeal: CommandRun = async (context, [hash = ''], options) => {
  const { out, signal } = context
  if (!/^(0x)?[0-9a-fA-F]{64}$/.test(hash))
    throw new HoldfastError('INPUT_FORMAT', { name: 'evidence', expected: '64 hex digits', got: hash.slice(0, 80) })
  const about = fromHex(hash.replace(/^0x/, ''), 32)
  const actor = options['controller'] === true ? undefined : await chooseOwnActor(context, options)
  const named = actor?.id ?? 'the controller'
  const evidence = await evidenceOf(options['file'])
  if (context.options.dryRun === true) {
    out.summary({
      command: 'pool appeal',
      fields: { dryRun: true, id: named },
      lines: [`would appeal for ${named}`],
    })
    return undefined
  }
  const { secret, id } =
    actor === undefined ? await openController(context, options) : await openOwnActor(context, actor, options)
  await using client = await openClientNode(context)
  const { address, block } = client.deployment.contracts.registrar
  const { registry } = client
  const member = registry.member(id)
  if (member === undefined) throw new HoldfastError('POOL_UNREGISTERED', { peer: id })
  const judge = member.manager ?? (await whoJudged(client.chain, { registrar: address, from: block, id }, hash))
  const manager = judge === undefined ? undefined : registry.member(judge)
  if (manager === undefined || addressesOf(manager).length === 0)
    throw new HoldfastError('POOL_APPEAL', { what: `${id} has no manager that could hear it` })
  const pool = poolIdOf({ chainId: client.chain.chainId, contract: address })
  const terms = { pool, agent: id, about, at: client.chain.time(), evidence }
  const appeal = { ...terms, signature: signDigest(secret, appealDigest(terms)) }
  const wire = await client.net.open({ id: manager.id, addresses: addressesOf(manager) }, REPORT_PROTOCOL, { signal })
  await wire.send(encodeReportMessage({ kind: 'appeal', appeal }))
  const { outcome, why } = only(decodeReportMessage(await wire.receive(MAX_REPORT_BYTES)), 'heard')
  await wire.close()
  out.summary({
    command: 'pool appeal',
    fields: { id, manager: manager.id, outcome, why },
    lines: [`${outcome}: ${why}`],
    result: outcome,
  })
  return undefined
}

/** The key of the controller's account, which may be a member like any other. */
async function openController(context: Context, options: Options): Promise<ActorKey> {
  const passphrase = await obtainPassphrase(context, options, 'the controller')
  const { chainKey, account } = await readControllerKeys(context.home.controller.keystore, passphrase)
  return { secret: chainKey, id: account }
}

/** A delegate has no manager of its own: whoever changed its standing on that evidence hears it. */
async function whoJudged(chain: Chain, query: HistoryQuery, hash: string): Promise<Address | undefined> {
  const log = await readHistory(chain, { ...query, events: ['StandingChanged'] })
  const about = `0x${hash.replace(/^0x/, '').toLowerCase()}`
  return log.findLast(({ evidence }) => evidence === about)?.by
}

/** @throws `INPUT_RANGE` over the cap */
async function evidenceOf(path: unknown): Promise<Uint8Array> {
  if (typeof path !== 'string') return new Uint8Array(0)
  const { size } = await stat(path)
  if (size > MAX_REPORT_EVIDENCE)
    throw new HoldfastError('INPUT_RANGE', {
      name: '--file',
      expected: `at most ${MAX_REPORT_EVIDENCE} bytes`,
      got: size,
    })
  return readFile(path)
}
