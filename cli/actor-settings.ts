/** settings.json of a steward or an index: what was decided when it was made. Flags and environment go before it. */
import { HoldfastError } from '../base/errors.ts'
import { readJson, writeJson } from '../store/json-file.ts'

/** What one daemon was set up with. */
export interface ActorSettings {
  /** Its place among its kind in this home; from 1. */
  readonly number: number
  /** Multiaddrs. */
  readonly listen: readonly string[]
  /** Multiaddrs of the plain endpoint; absent: there is none. Stewards only. */
  readonly listenPlain?: readonly string[]
  /** Bytes offered; stewards only. */
  readonly quota?: number
  /** Bytes of the disk that stay free; stewards only. */
  readonly reserve?: number
  /** Asking price as set, "auto" or HOLD per GiB-month; stewards only. */
  readonly price?: string
}

/** @throws `CONFIG_NOT_INITIALISED` when there is none, `CONFIG_INVALID` when it is damaged */
export async function readActorSettings(path: string): Promise<ActorSettings> {
  const value = (await readJson(path, 16_384)) as (Partial<ActorSettings> & { schema?: unknown }) | undefined
  if (value === undefined) throw new HoldfastError('CONFIG_NOT_INITIALISED', { path })
  const { schema, number, listen, listenPlain, quota, reserve, price } = value
  if (
    schema !== 1 ||
    !Number.isSafeInteger(number) ||
    !Array.isArray(listen) ||
    !listen.every((address) => typeof address === 'string') ||
    !(listenPlain ?? []).every((address) => typeof address === 'string')
  )
    throw new HoldfastError('CONFIG_INVALID', { what: `${path}: schema, number or listen is wrong` })
  return {
    number: number as number,
    listen,
    ...(listenPlain === undefined ? {} : { listenPlain }),
    ...(typeof quota === 'number' ? { quota } : {}),
    ...(typeof reserve === 'number' ? { reserve } : {}),
    ...(typeof price === 'string' ? { price } : {}),
  }
}

export async function writeActorSettings(path: string, settings: ActorSettings): Promise<void> {
  await writeJson(path, { schema: 1, ...settings })
}
