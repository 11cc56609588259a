/** Clients for the daemons of this home: api.json says where they listen and with which token (interface.md §3, §9). */
import { HoldfastError } from '../base/errors.ts'
import type { ApiClient } from '../net/http-client.ts'
import { readJson } from '../store/json-file.ts'
import type { Context } from './context.ts'
import type { DaemonPaths } from './home.ts'
import { type LiveProcess, listProcesses, type Role } from './run-file.ts'

/** What api.json says. */
export interface ApiAddress {
  readonly url: string
  readonly token: string
}

/** The content of an api.json; undefined when there is none. @throws `CONFIG_INVALID` when it is damaged */
export async function readApiAddress(path: string): Promise<ApiAddress | undefined> {
  const value = (await readJson(path, 4096)) as Partial<ApiAddress> | undefined
  if (value === undefined) return undefined
  if (typeof value.url !== 'string' || typeof value.token !== 'string')
    throw new HoldfastError('CONFIG_INVALID', { what: `${path} has no url and token` })
  return { url: value.url, token: value.token }
}

/** A client of the daemon that lives in `paths`. @throws `API_UNREACHABLE` when it never ran there */
export async function openDaemonApi(paths: DaemonPaths, role: Role): Promise<ApiClient> {
  const address = await readApiAddress(paths.api)
  if (address === undefined) throw new HoldfastError('API_UNREACHABLE', { role, url: paths.api })
  const { apiClient } = await import('../net/http-client.ts')
  return apiClient({ ...address, role })
}

/** The controller's API. @throws `CONFIG_NOT_INITIALISED`, `API_UNREACHABLE` when none runs in this home */
export async function openControllerApi({ home }: Pick<Context, 'home'>): Promise<ApiClient> {
  const { live } = await listProcesses(home.run)
  if (!live.some(({ role }) => role === 'controller'))
    throw new HoldfastError('API_UNREACHABLE', { role: 'controller', url: home.controller.api })
  return openDaemonApi(home.controller, 'controller')
}

/** True when this home's controller runs. */
export async function isControllerRunning({ home }: Pick<Context, 'home'>): Promise<boolean> {
  const { live } = await listProcesses(home.run)
  return live.some(({ role }) => role === 'controller')
}

/** Where a live process keeps its api.json; the chain has none. */
export function pathsOf(
  { home }: Pick<Context, 'home'>,
  run: Pick<LiveProcess, 'role' | 'id'>,
): DaemonPaths | undefined {
  if (run.role === 'controller') return home.controller
  if (run.role === 'manager') return home.manager
  if (run.role === 'steward') return home.steward(run.id as `0x${string}`)
  if (run.role === 'index') return home.index(run.id as `0x${string}`)
  if (run.role === 'monitor') return home.monitor(run.id as `0x${string}`)
  return undefined
}
