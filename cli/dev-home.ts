/**
 * The home of a local market: test keys, opened by a passphrase that stands beside them, ports that were free. Made piece by piece, each
 * only when it is not there yet, so that an interrupted `up` goes on.
 */
import { existsSync } from 'node:fs'
import { mkdir, readdir, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { toHex } from '../base/bytes.ts'
import { type Address, addressOf } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import type { Rng } from '../base/ports.ts'
import { GiB, MiB } from '../base/units.ts'
import { generateWords, identityOf } from '../blob/identity.ts'
import { freePort } from '../chain/free-port.ts'
import { durableWrite } from '../store/durable-write.ts'
import { writeJson } from '../store/json-file.ts'
import { DEV_COST } from '../store/keystore.ts'
import { type ActorSettings, readActorSettings, writeActorSettings } from './actor-settings.ts'
import type { DaemonPaths, Home } from './home.ts'
import {
  type ActorKey,
  type ControllerKeys,
  newSecret,
  readActorKey,
  readControllerKeys,
  writeActorKey,
  writeControllerKeys,
  writeUserKeys,
} from './keys.ts'
import { readSecretFile } from './passphrase.ts'

/** A daemon of the local market. */
export interface DevActor extends ActorKey {
  readonly settings: ActorSettings
}

/** All keys of a local market. */
export interface DevHome {
  readonly passphrase: string
  readonly controller: ControllerKeys
  /** Appoints; its key is in the registrar for ever. */
  readonly master: ActorKey
  /** Delegate: assigns roles, tends standing. */
  readonly manager: ActorKey
  readonly indexes: readonly DevActor[]
  readonly monitors: readonly DevActor[]
  /** In the order in which they were made. */
  readonly stewards: readonly DevActor[]
  /** False where there is only 127.0.0.1: then all stewards are one network, and the cluster rule cannot work. */
  readonly hasNetworks: boolean
}

/** What a dev steward offers. interface.md §3. */
const DEV_QUOTA = 2 * GiB
const DEV_RESERVE = 64 * MiB

/** Monitor n listens on 127.0.(240 + n).1: a network of its own, which is no steward's. */
const MONITOR_NETWORKS = 240

/** Makes what is missing and reads all of it. @param counts at least so many of each */
export async function openDevHome(
  home: Home,
  rng: Rng,
  counts: { readonly stewards: number; readonly indexes: number; readonly monitors: number },
): Promise<DevHome> {
  if (existsSync(home.keystore) && !existsSync(home.devPassphrase))
    throw new HoldfastError('CONFIG_EXISTS', { path: home.root ?? home.keystore })
  await mkdir(dirname(home.devPassphrase), { recursive: true, mode: 0o700 })
  if (!existsSync(home.devPassphrase)) await durableWrite(home.devPassphrase, `${toHex(rng.bytes(16))}\n`, 0o600)
  const passphrase = await readSecretFile(home.devPassphrase)
  const form = { passphrase, rng, cost: DEV_COST }
  if (!existsSync(home.keystore) || !existsSync(home.controller.keystore)) await makeUser(home, form)
  const hasNetworks = await canListen('127.0.1.1')
  const [master, manager, indexes, monitors, stewards, controller] = await Promise.all([
    openActor(home.pool.master, form),
    openManager(home, form),
    openActors(home.pool.indexes, home.index, counts.indexes, form, async () => ({
      listen: [`/ip4/127.0.0.1/tcp/${await freePort('127.0.0.1')}`],
    })),
    openActors(home.pool.monitors, home.monitor, counts.monitors, form, async (number) => {
      const host = hasNetworks ? networkOf(MONITOR_NETWORKS + number) : '127.0.0.1'
      return { listen: [`/ip4/${host}/tcp/${await freePort(host)}`] }
    }),
    openActors(home.stewards, home.steward, counts.stewards, form, async (number) => {
      const host = hasNetworks ? networkOf(number) : '127.0.0.1'
      const endpoint = async () => `/ip4/${host}/tcp/${await freePort(host)}`
      const listen = { listen: [await endpoint()], listenPlain: [await endpoint()] }
      return { ...listen, quota: DEV_QUOTA, reserve: DEV_RESERVE }
    }),
    readControllerKeys(home.controller.keystore, passphrase),
  ])
  return { passphrase, controller, master, manager, indexes, monitors, stewards, hasNetworks }
}

type Form = { readonly passphrase: string; readonly rng: Rng; readonly cost: typeof DEV_COST }

/** The words are written first: an interrupted start goes on with the same ones. */
async function makeUser(home: Home, form: Form): Promise<void> {
  await mkdir(home.controller.dir, { recursive: true, mode: 0o700 })
  if (!existsSync(home.controller.words))
    await durableWrite(home.controller.words, `${generateWords(form.rng.bytes(16))}\n`, 0o600)
  const identity = identityOf(await readSecretFile(home.controller.words))
  await writeControllerKeys(home.controller.keystore, identity, form)
  await writeUserKeys(home.keystore, identity, form)
}

async function openActor(path: string, form: Form): Promise<ActorKey> {
  if (!existsSync(path)) await writeActorKey(path, newSecret(form.rng), form)
  return readActorKey(path, form.passphrase)
}

/** The manager's key, where its daemon looks for it; it listens where there was room when it was made. */
async function openManager(home: Home, form: Form): Promise<ActorKey> {
  const { keystore, settings } = home.manager
  if (!existsSync(keystore) && existsSync(home.pool.oldManager)) {
    const { secret } = await readActorKey(home.pool.oldManager, form.passphrase)
    await writeActorKey(keystore, secret, form)
    await rm(home.pool.oldManager) // last: two files with one key are better than none
  }
  const key = await openActor(keystore, form)
  if (!existsSync(settings))
    await writeActorSettings(settings, { number: 1, listen: [`/ip4/127.0.0.1/tcp/${await freePort('127.0.0.1')}`] })
  return key
}

/** The actors below `directory`, and new ones until there are `count`. */
async function openActors(
  directory: string,
  pathsOf: (id: Address) => DaemonPaths,
  count: number,
  form: Form,
  settingsFor: (number: number) => Promise<Omit<ActorSettings, 'number'>>,
): Promise<readonly DevActor[]> {
  const names = (await readdir(directory).catch(() => [] as string[])).filter((name) =>
    existsSync(join(directory, name, 'settings.json')),
  )
  const known = await Promise.all(
    names.map(async (name) => {
      const paths = pathsOf(name as Address)
      return {
        ...(await readActorKey(paths.keystore, form.passphrase)),
        settings: await readActorSettings(paths.settings),
      }
    }),
  )
  known.sort((a, b) => a.settings.number - b.settings.number)
  const last = known.at(-1)?.settings.number ?? 0
  const made = await Promise.all(
    Array.from({ length: Math.max(0, count - known.length) }, async (_, at): Promise<DevActor> => {
      const secret = newSecret(form.rng)
      const id = addressOf(secret)
      const paths = pathsOf(id)
      const settings = { number: last + 1 + at, ...(await settingsFor(last + 1 + at)) }
      await writeActorKey(paths.keystore, secret, form)
      await writeActorSettings(paths.settings, settings) // last: what has settings is complete
      return { secret, id, settings }
    }),
  )
  return [...known, ...made]
}

/** Steward n listens on a network (/24) of its own: 127.0.n.1. */
function networkOf(number: number): string {
  return `127.${Math.floor(number / 256)}.${number % 256}.1`
}

function canListen(host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(0, host, () => server.close(() => resolve(true)))
  })
}

/** Adds the endpoint of the chain to config.json, so that every command of this home finds it. */
export async function writeDevConfig(home: Home, rpc: string): Promise<void> {
  await mkdir(dirname(home.config), { recursive: true, mode: 0o700 })
  await writeJson(home.config, { version: 1, chain: { rpc: [rpc] } })
}
