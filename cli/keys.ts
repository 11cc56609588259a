/**
 * What each keystore holds (protocol.md §1). The user's: root, from which the nonce, ledger and backup keys derive. The controller's:
 * chain key, nonce key, backup key, and nothing that could read an object. A daemon's: its actor key. The words stand nowhere, except in
 * the home of a dev chain.
 */
import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { CborValue } from '../base/codec.ts'
import { type Address, addressOf } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import type { Rng } from '../base/ports.ts'
import type { Identity } from '../blob/identity.ts'
import { readKeystore, type ScryptCost, writeKeystore } from '../store/keystore.ts'

/** The user's key. 32 bytes. */
export interface UserKeys {
  readonly root: Uint8Array
}

/** The unattended controller's keys, 32 bytes each; object keys are in its ledger. */
export interface ControllerKeys {
  readonly chainKey: Uint8Array
  readonly nonceKey: Uint8Array
  readonly backupKey: Uint8Array
  readonly account: Address
}

/** A daemon's key: at once its chain account, its id in the pool and its peer id. */
export interface ActorKey {
  readonly secret: Uint8Array
  readonly id: Address
}

/** How a keystore is written. */
export interface KeystoreForm {
  readonly passphrase: string
  readonly rng: Rng
  readonly cost: ScryptCost
}

export async function writeUserKeys(path: string, { root }: UserKeys, form: KeystoreForm): Promise<void> {
  await write(path, { v: 1, kind: 'user', root }, form)
}

export async function writeControllerKeys(
  path: string,
  { chainKey, nonceKey, backupKey }: Pick<Identity, 'chainKey' | 'nonceKey' | 'backupKey'>,
  form: KeystoreForm,
): Promise<void> {
  await write(path, { v: 1, kind: 'controller', chainKey, nonceKey, backupKey }, form)
}

export async function writeActorKey(path: string, secret: Uint8Array, form: KeystoreForm): Promise<void> {
  await write(path, { v: 1, kind: 'actor', key: secret }, form)
}

/** @throws as `readKeystore` */
export async function readUserKeys(path: string, passphrase: string): Promise<UserKeys> {
  const [root] = await read(path, passphrase, 'user', ['root'])
  return { root: root as Uint8Array }
}

/** @throws as `readKeystore` */
export async function readControllerKeys(path: string, passphrase: string): Promise<ControllerKeys> {
  const [chainKey, nonceKey, backupKey] = (await read(path, passphrase, 'controller', [
    'chainKey',
    'nonceKey',
    'backupKey',
  ])) as [Uint8Array, Uint8Array, Uint8Array]
  return { chainKey, nonceKey, backupKey, account: addressOf(chainKey) }
}

/** @throws as `readKeystore` */
export async function readActorKey(path: string, passphrase: string): Promise<ActorKey> {
  const [secret] = (await read(path, passphrase, 'actor', ['key'])) as [Uint8Array]
  return { secret, id: addressOf(secret) }
}

/** A fresh secret of the curve. */
export function newSecret(rng: Rng): Uint8Array {
  for (;;) {
    const secret = rng.bytes(32)
    try {
      addressOf(secret)
      return secret
    } catch {
      // zero, or not below the order: one chance in 2^127
    }
  }
}

async function write(path: string, payload: CborValue, { passphrase, rng, cost }: KeystoreForm): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  await writeKeystore(path, passphrase, payload, { rng, cost })
}

async function read(
  path: string,
  passphrase: string,
  kind: string,
  names: readonly string[],
): Promise<readonly Uint8Array[]> {
  const payload = (await readKeystore(path, passphrase)) as Readonly<Record<string, CborValue>>
  if (payload['v'] !== 1 || payload['kind'] !== kind)
    throw new HoldfastError('KEY_DAMAGED', { path, what: `it is not a ${kind} keystore of version 1` })
  return names.map((name) => {
    const key = payload[name]
    if (!(key instanceof Uint8Array) || key.length !== 32)
      throw new HoldfastError('KEY_DAMAGED', { path, what: `its ${name} is missing` })
    return key
  })
}
