/** Permit files, and acting under one. */
import { existsSync } from 'node:fs'
import { toHex } from '../base/bytes.ts'
import type { Address } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import { encodeUnderPermit, readIsPermitRevoked } from '../chain/registry.ts'
import type { Hex } from '../chain/rpc.ts'
import {
  PERMIT_FILE_LIMIT,
  type PermitChain,
  type PermitQuestion,
  permitArguments,
  permitFromJson,
  verifyPermit,
} from '../pool/permit.ts'
import { readJson } from '../store/json-file.ts'
import type { Context, Options } from './context.ts'
import type { Doors } from './doors.ts'
import { type ActorKey, readActorKey } from './keys.ts'
import { obtainPassphrase } from './passphrase.ts'

/** @throws `INPUT_FILE` when there is none, `INPUT_FORMAT` when it is no permit */
export async function readPermitFile(path: string): Promise<PermitChain> {
  const value = await readJson(path, PERMIT_FILE_LIMIT)
  if (value === undefined) throw new HoldfastError('INPUT_FILE', { path, what: 'there is no such file' })
  return permitFromJson(value)
}

/** The key of --key. @throws `INPUT_REQUIRED` when none is named, `INPUT_FILE` when it is not there */
export async function openKeyFile(context: Context, options: Options): Promise<ActorKey> {
  const path = options['key']
  if (typeof path !== 'string')
    throw new HoldfastError('INPUT_REQUIRED', { what: 'which key holds the permit', option: '--key KEYSTORE' })
  if (!existsSync(path)) throw new HoldfastError('INPUT_FILE', { path, what: 'there is no such file' })
  return readActorKey(path, await obtainPassphrase(context, options, path))
}

/** Who acts, and how its calls are put. */
export interface Power {
  readonly key: ActorKey
  /** A call as this one may make it. */
  wrap(call: Hex): Hex
}

/**
 * With --permit: the holder of --key, under the permit, which is checked first; without: `own`.
 * @param scopes what the act needs
 * @throws `POOL_PERMIT`
 */
export async function powerFor(
  context: Context,
  doors: Doors,
  options: Options,
  scopes: number,
  own: () => Promise<ActorKey>,
): Promise<Power> {
  const path = options['permit']
  if (typeof path !== 'string') return { key: await own(), wrap: (call) => call }
  const chain = await readPermitFile(path)
  const key = await openKeyFile(context, options)
  const question = await permitQuestion(doors, chain, { by: key.id, scopes })
  verifyPermit(chain, question)
  const [links, signatures] = permitArguments(chain)
  return { key, wrap: (call) => encodeUnderPermit(links, signatures, call) }
}

/** Everything `verifyPermit` asks of the chain, read now. */
export async function permitQuestion(
  { chain, registry, poolDomain }: Doors,
  permits: PermitChain,
  asked: { readonly by: Address; readonly scopes: number },
): Promise<PermitQuestion> {
  const master = [...registry.members()].find(({ level }) => level === 'master')?.id as Address
  const signers = [master, ...permits.links.map(({ permit }) => permit.holder)]
  const revoked = new Set<string>()
  for (const { permit } of permits.links)
    for (const signer of new Set(signers))
      if (await readIsPermitRevoked(chain, registry.address, signer, permit.id))
        revoked.add(`${signer}/${toHex(permit.id)}`)
  return {
    domain: poolDomain,
    master,
    ...asked,
    now: chain.time(),
    isRevoked: (signer, id) => revoked.has(`${signer}/${toHex(id)}`),
    isTrusted: (holder) => registry.member(holder) === undefined || registry.inGoodStanding(holder),
  }
}
