/**
 * Where things stand on disk (interface.md §3 and §8). With --home D everything is below D; without, the XDG directories.
 * Nothing is written anywhere else.
 */
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Address } from '../base/curve.ts'

/** Paths of one home. None of them need exist. */
export interface Home {
  /** The directory of --home; undefined when the XDG directories serve. */
  readonly root: string | undefined
  readonly config: string
  readonly deployment: string
  /** The user's keystore: root, nothing else. */
  readonly keystore: string
  /** Opens all keystores of a home made by `up`. Dev chains only. */
  readonly devPassphrase: string
  readonly chain: string
  readonly controller: DaemonPaths & { readonly words: string }
  readonly stewards: string
  steward(id: Address): DaemonPaths
  /** `manager`: the keystore of `manager`; `oldManager`: where homes made before the manager's daemon have it. */
  readonly pool: {
    /** The master's key of a home made by `up`. */
    readonly master: string
    /** The master's key of a home made by `pool create`: in a directory of its own, which may be carried away. */
    readonly ownMaster: string
    readonly manager: string
    readonly oldManager: string
    readonly indexes: string
    readonly monitors: string
    /** Which pool this home made or joined. */
    readonly record: string
  }
  readonly manager: DaemonPaths
  index(id: Address): DaemonPaths
  monitor(id: Address): DaemonPaths
  /** Put journals. */
  readonly puts: string
  readonly run: string
  readonly logs: string
  readonly cache: string
}

/** A daemon's own directory. */
export interface DaemonPaths {
  readonly dir: string
  readonly keystore: string
  /** {url, token} of its local API. Mode 0600. */
  readonly api: string
  /** Its own settings, made by `steward init` or `up`. */
  readonly settings: string
}

type Environment = Readonly<Record<string, string | undefined>>

/**
 * @param root value of --home or HOLDFAST_HOME
 * @param config value of --config
 */
export function homeAt(root: string | undefined, environment: Environment, config?: string): Home {
  const places = root === undefined ? xdgPlaces(environment) : below(resolve(root))
  const daemon = (dir: string): DaemonPaths => ({
    dir,
    keystore: join(dir, 'keystore.json'),
    api: join(dir, 'api.json'),
    settings: join(dir, 'settings.json'),
  })
  const controller = join(places.state, 'controller')
  const stewards = join(places.data, 'stewards')
  const pool = join(places.data, 'pool')
  return {
    root: root === undefined ? undefined : resolve(root),
    config: config === undefined ? join(places.config, 'config.json') : resolve(config),
    deployment: join(places.config, 'deployment.json'),
    keystore: join(places.data, 'keystore.json'),
    devPassphrase: join(places.data, 'dev-passphrase'),
    chain: join(places.data, 'chain'),
    controller: { ...daemon(controller), words: join(controller, 'words.txt') },
    stewards,
    steward: (id) => daemon(join(stewards, id)),
    pool: {
      master: join(pool, 'master.json'),
      ownMaster: join(places.data, 'master', 'keystore.json'),
      manager: daemon(join(pool, 'manager')).keystore,
      oldManager: join(pool, 'manager.json'),
      indexes: join(pool, 'index'),
      monitors: join(pool, 'monitors'),
      record: join(pool, 'pool.json'),
    },
    manager: daemon(join(pool, 'manager')),
    index: (id) => daemon(join(pool, 'index', id)),
    monitor: (id) => daemon(join(pool, 'monitors', id)),
    puts: join(places.state, 'puts'),
    run: places.run,
    logs: join(places.state, 'logs'),
    cache: places.cache,
  }
}

/** The five kinds of places. */
interface Places {
  readonly config: string
  readonly data: string
  readonly state: string
  readonly run: string
  readonly cache: string
}

function below(root: string): Places {
  return { config: root, data: root, state: root, run: join(root, 'run'), cache: join(root, 'cache') }
}

function xdgPlaces(environment: Environment): Places {
  const user = environment['HOME'] ?? homedir()
  // The XDG specification tells programs to ignore relative paths here.
  const place = (variable: string, fallback: string) => {
    const given = environment[variable]
    return join(given?.startsWith('/') ? given : join(user, fallback), 'holdfast')
  }
  const state = place('XDG_STATE_HOME', '.local/state')
  const run = environment['XDG_RUNTIME_DIR']
  return {
    config: place('XDG_CONFIG_HOME', '.config'),
    data: place('XDG_DATA_HOME', '.local/share'),
    state,
    run: run?.startsWith('/') ? join(run, 'holdfast') : join(state, 'run'),
    cache: place('XDG_CACHE_HOME', '.cache'),
  }
}
