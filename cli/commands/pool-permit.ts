/** `holdfast pool permit key|grant|show|revoke`: letting somebody act for the master, or for a holder, a while. */
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { fromHex, toHex } from '../../base/bytes.ts'
import { addressOf, parseAddress } from '../../base/curve.ts'
import { asHoldfastError, HoldfastError } from '../../base/errors.ts'
import { DAY, formatTime, parseDuration } from '../../base/units.ts'
import { encodeRevokePermit } from '../../chain/registry.ts'
import {
  cutPermit,
  formatScopes,
  grantPermit,
  lastOf,
  type PermitChain,
  parseScopes,
  permitToJson,
  verifyPermit,
} from '../../pool/permit.ts'
import { writeJson } from '../../store/json-file.ts'
import { STRONG_COST } from '../../store/keystore.ts'
import { detailLog } from '../chain-access.ts'
import type { Context, Options } from '../context.ts'
import { openDoors } from '../doors.ts'
import { newSecret, writeActorKey } from '../keys.ts'
import { obtainNewPassphrase } from '../passphrase.ts'
import { performAct } from '../pool-act.ts'
import { openMaster } from '../pool-home.ts'
import { openKeyFile, permitQuestion, readPermitFile } from '../pool-permit.ts'

/** A permit is for a task; what lasts is a delegate. Seconds. */
const LONGEST = 365 * DAY

export async function permitKey(
  context: Context,
  [path = '']: readonly string[],
  options: Options,
): Promise<undefined> {
  const { out, rng } = context
  if (existsSync(path)) throw new HoldfastError('CONFIG_EXISTS', { path })
  if (context.options.dryRun === true) {
    out.summary({ command: 'pool', fields: { dryRun: true, path }, lines: [`would make a key in ${path}`] })
    return
  }
  const passphrase = await obtainNewPassphrase(context, options, 'the key')
  const secret = newSecret(rng)
  await writeActorKey(path, secret, { passphrase, rng, cost: STRONG_COST })
  const id = addressOf(secret)
  out.summary({
    command: 'pool',
    fields: { id, path },
    lines: [id, 'the master may permit something to this address'],
    result: id,
  })
  return
}

export async function permitGrant(
  context: Context,
  [text = '']: readonly string[],
  options: Options,
): Promise<undefined> {
  const { out, rng } = context
  const holder = parseAddress(text, 'holder')
  const path = options['out']
  if (typeof path !== 'string')
    throw new HoldfastError('INPUT_REQUIRED', { what: 'where the permit goes', option: '--out FILE' })
  if (typeof options['scope'] !== 'string')
    throw new HoldfastError('INPUT_REQUIRED', { what: 'what is permitted', option: '--scope, like registrar.standing' })
  const scopes = parseScopes(options['scope'])
  const span = parseDuration(String(options['expires']))
  if (span < 60 || span > LONGEST)
    throw new HoldfastError('INPUT_RANGE', {
      name: '--expires',
      expected: '60s to 365d',
      got: String(options['expires']),
    })
  if (existsSync(path)) throw new HoldfastError('INPUT_EXISTS', { path })
  const above = typeof options['from'] === 'string' ? await readPermitFile(options['from']) : undefined
  await using scope = new AsyncDisposableStack()
  const doors = await openDoors(context, detailLog(context), scope)
  const wish = { holder, scopes, expires: doors.chain.time() + span, id: rng.bytes(32) }
  let permit: PermitChain
  if (above === undefined) permit = grantPermit(doors.poolDomain, (await openMaster(context, options)).secret, wish)
  else {
    const key = await openKeyFile(context, options)
    verifyPermit(above, await permitQuestion(doors, above, { by: key.id, scopes }))
    permit = cutPermit(above, key.secret, wish)
  }
  if (context.options.dryRun !== true) {
    await mkdir(dirname(path), { recursive: true })
    await writeJson(path, permitToJson(permit), 0o600)
  }
  const { id, expires } = lastOf(permit)
  out.summary({
    command: 'pool',
    fields: {
      ...(context.options.dryRun === true ? { dryRun: true } : {}),
      id: toHex(id),
      holder,
      scopes: formatScopes(scopes),
      expires: formatTime(expires),
      path,
    },
    lines: [
      `${context.options.dryRun === true ? 'would permit' : 'permitted'} ${formatScopes(scopes).join(', ')} to ${holder} until ${formatTime(expires)}`,
      `It acts with --permit ${path} --key KEYSTORE; holdfast pool permit revoke ${path} ends it sooner.`,
    ],
    result: toHex(id),
  })
  return
}

export async function permitShow(context: Context, [path = '']: readonly string[]): Promise<undefined> {
  const { out } = context
  const permit = await readPermitFile(path)
  const { id, holder, scopes, expires } = lastOf(permit)
  await using scope = new AsyncDisposableStack()
  const doors = await openDoors(context, detailLog(context), scope)
  const refused = await why(permit, await permitQuestion(doors, permit, { by: holder, scopes: 0 }))
  out.summary({
    command: 'pool',
    fields: {
      id: toHex(id),
      holder,
      scopes: formatScopes(scopes),
      expires: formatTime(expires),
      links: permit.links.length,
      valid: refused === undefined,
      ...(refused === undefined ? {} : { refused }),
    },
    lines: [
      `${formatScopes(scopes).join(', ')} for ${holder} until ${formatTime(expires)}${permit.links.length > 1 ? `, cut from ${permit.links.length - 1} above it` : ''}`,
      refused === undefined ? 'it serves now' : refused,
    ],
    result: refused === undefined ? 'valid' : 'refused',
  })
  return
}

/** Undefined: nothing speaks against it. */
async function why(permit: PermitChain, question: Parameters<typeof verifyPermit>[1]): Promise<string | undefined> {
  try {
    verifyPermit(permit, question)
    return undefined
  } catch (cause) {
    const error = asHoldfastError(cause)
    if (error.code !== 'POOL_PERMIT') throw error
    return error.message
  }
}

export async function permitRevoke(
  context: Context,
  [text = '']: readonly string[],
  options: Options,
): Promise<undefined> {
  const { out } = context
  const id = /^[0-9a-f]{64}$/.test(text) ? fromHex(text, 32) : lastOf(await readPermitFile(text)).id
  await using scope = new AsyncDisposableStack()
  const { chain, registry } = await openDoors(context, detailLog(context), scope)
  const key =
    typeof options['key'] === 'string' ? await openKeyFile(context, options) : await openMaster(context, options)
  const calls = [encodeRevokePermit(id)]
  const done = await performAct(context, chain, key.secret, {
    registrar: registry.address,
    calls,
    what: `revoke permit ${toHex(id)}`,
  })
  const isDry = context.options.dryRun === true
  out.summary({
    command: 'pool',
    fields: { ...(isDry ? { dryRun: true } : {}), id: toHex(id), by: key.id, ...done },
    lines: [isDry ? 'nothing was sent (dry run)' : `permit ${toHex(id)} and all that was cut from it serve no more`],
    result: toHex(id),
  })
  return
}
