/** What a home has of its pool: which one it is, the keys that may act in it, and its own actors. */
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { type Address, parseAddress } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import { ENDPOINT_LIMIT, ROLE } from '../pool/registry-view.ts'
import { readJson, writeJson } from '../store/json-file.ts'
import { readActorSettings } from './actor-settings.ts'
import { listActors } from './choose-actor.ts'
import type { Context, Options } from './context.ts'
import { type ActorKey, readActorKey } from './keys.ts'
import { obtainPassphrase, readSecretFile } from './passphrase.ts'

/** pool.json. */
export interface PoolRecord {
  readonly name: string
  readonly chainId: number
  readonly registrar?: Address
  readonly master?: Address
  readonly manager?: Address
  /** False while `pool create` is not through. */
  readonly isReady: boolean
}

/** @throws `CONFIG_INVALID` when it is damaged; undefined when there is none */
export async function readPoolRecord({ home }: Pick<Context, 'home'>): Promise<PoolRecord | undefined> {
  const value = (await readJson(home.pool.record, 16_384)) as (Partial<PoolRecord> & { schema?: unknown }) | undefined
  if (value === undefined) return undefined
  const { schema, name, chainId, isReady } = value
  if (schema !== 1 || typeof name !== 'string' || typeof chainId !== 'number' || typeof isReady !== 'boolean')
    throw new HoldfastError('CONFIG_INVALID', {
      what: `${home.pool.record}: schema, name, chainId or isReady is wrong`,
    })
  return value as PoolRecord
}

export async function writePoolRecord({ home }: Pick<Context, 'home'>, record: PoolRecord): Promise<void> {
  await mkdir(dirname(home.pool.record), { recursive: true, mode: 0o700 })
  await writeJson(home.pool.record, { schema: 1, ...record })
}

/** Where the master's key is: named, this home's own, or that of a home made by `up`. */
export function masterKeystore({ home }: Pick<Context, 'home'>, options: Options): string {
  const directory = options['masterDir']
  if (typeof directory === 'string') return join(resolve(directory), 'keystore.json')
  return existsSync(home.pool.ownMaster) || !existsSync(home.pool.master) ? home.pool.ownMaster : home.pool.master
}

/** The passphrase of the master has a file of its own, so that it need not lie beside the others. */
export function masterOptions(options: Options): Options {
  return { ...options, passphraseFile: options['masterPassphraseFile'] ?? options['passphraseFile'] }
}

/** @throws `POOL_NO_POWER` when the key is not here */
export async function openMaster(context: Context, options: Options): Promise<ActorKey> {
  const path = masterKeystore(context, options)
  if (!existsSync(path)) throw noKey('only the master does that', path)
  return readActorKey(path, await obtainPassphrase(context, masterOptions(options), 'the master'))
}

/** @throws `POOL_NO_POWER` when the key is not here */
export async function openManager(context: Context, options: Options): Promise<ActorKey> {
  const path = context.home.pool.manager
  if (!existsSync(path)) throw noKey('only a manager does that', path)
  return readActorKey(path, await obtainPassphrase(context, options, 'the manager'))
}

function noKey(what: string, path: string): HoldfastError {
  return new HoldfastError('POOL_NO_POWER', { who: 'this home', what: `${what}, and its key is not at ${path}` })
}

/** An actor of this home. */
export interface OwnActor {
  readonly kind: 'steward' | 'index' | 'monitor' | 'manager'
  readonly id: Address
  readonly keystore: string
  /** Addresses it is going to listen on; none for a manager. */
  readonly listen: readonly string[]
}

/** Stewards, indexes, monitors, and the manager where its id is known without a passphrase. */
export async function listOwnActors(context: Context): Promise<readonly OwnActor[]> {
  const { home } = context
  const directories = { steward: home.stewards, index: home.pool.indexes, monitor: home.pool.monitors }
  const some = async (kind: keyof typeof directories) =>
    Promise.all(
      (await listActors(directories[kind])).map(async (id) => {
        const { keystore, settings } = home[kind](id)
        return { kind, id, keystore, listen: (await readActorSettings(settings)).listen }
      }),
    )
  const manager = await managerOf(context)
  return [
    ...(await some('steward')),
    ...(await some('index')),
    ...(await some('monitor')),
    ...(manager === undefined
      ? []
      : [{ kind: 'manager' as const, id: manager, keystore: home.pool.manager, listen: [] }]),
  ]
}

async function managerOf(context: Context): Promise<Address | undefined> {
  const { home } = context
  const known = (await readPoolRecord(context))?.manager
  if (known !== undefined || !existsSync(home.pool.manager) || !existsSync(home.devPassphrase)) return known
  return (await readActorKey(home.pool.manager, await readSecretFile(home.devPassphrase))).id
}

/** The actor that is meant: the named one, or the only one that is no manager. @throws `CONFIG_NOT_INITIALISED`, `INPUT_REQUIRED` */
export async function chooseOwnActor(context: Context, options: Options): Promise<OwnActor> {
  const actors = await listOwnActors(context)
  const named = options['id']
  if (typeof named === 'string') {
    const id = parseAddress(named, '--id')
    const found = actors.find((actor) => actor.id === id)
    if (found === undefined) throw new HoldfastError('CONFIG_NOT_INITIALISED', { path: context.home.steward(id).dir })
    return found
  }
  const agents = actors.filter(({ kind }) => kind !== 'manager')
  const [only = actors[0], another] = agents
  if (only === undefined) throw new HoldfastError('CONFIG_NOT_INITIALISED', { path: context.home.stewards })
  if (another !== undefined)
    throw new HoldfastError('INPUT_REQUIRED', { what: `which of ${agents.length} actors`, option: '--id 0x…' })
  return only
}

/** Its key. @throws as `readActorKey` */
export async function openOwnActor(context: Context, actor: OwnActor, options: Options): Promise<ActorKey> {
  return readActorKey(actor.keystore, await obtainPassphrase(context, options, `${actor.kind} ${actor.id}`))
}

/** Names of a member's roles. */
export function roleNames(roles: number): readonly string[] {
  return (Object.keys(ROLE) as (keyof typeof ROLE)[]).filter((name) => (roles & ROLE[name]) !== 0)
}

/** Multiaddrs of one endpoint, separated by spaces or commas. @throws `INPUT_FORMAT`, `INPUT_RANGE` */
export function parseEndpoints(text: string, name: string): string {
  const addresses = text.split(/[\s,]+/).filter((each) => each !== '')
  for (const address of addresses)
    if (!/^\/(ip4|ip6|dns|dns4|dns6)\/[^/]+\/tcp\/\d{1,5}(\/.*)?$/.test(address))
      throw new HoldfastError('INPUT_FORMAT', {
        name,
        expected: 'like /ip4/192.0.2.1/tcp/7490',
        got: address.slice(0, 80),
      })
  const joined = addresses.join(' ')
  if (joined.length > ENDPOINT_LIMIT)
    throw new HoldfastError('INPUT_RANGE', { name, expected: `at most ${ENDPOINT_LIMIT} bytes`, got: joined.length })
  return joined
}

/** The two addresses of an actor: as given, else where it listens unless that is everywhere, which says nothing. */
export function endpointsFor(actor: OwnActor, options: Options): readonly [secure: string, insecure: string] {
  const { secure, insecure } = options
  const own = actor.listen.filter((address) => !/^\/ip[46]\/(0\.0\.0\.0|::)\/|\/tcp\/0(\/|$)/.test(address))
  return [
    typeof secure === 'string' ? parseEndpoints(secure, '--secure') : parseEndpoints(own.join(' '), 'net.listen'),
    typeof insecure === 'string' ? parseEndpoints(insecure, '--insecure') : '',
  ]
}

/** The directory of a keystore, for messages. */
export const directoryOf = (keystore: string): string => dirname(keystore)
