/**
 * config.json: checking, reading, changing one key. An unknown key is an error that names the nearest known one, and all faults are told at
 * once. The table of settings is the schema; a schema library would cost every command more time than the rest of it.
 */
import { asHoldfastError, HoldfastError } from '../base/errors.ts'
import { readJson, writeJson } from '../store/json-file.ts'
import { isSettingKey, nearestKey, SETTINGS, type Setting, type SettingKey } from './settings-table.ts'

/** Settings as text, by key: what config.json says. */
export type FileSettings = Readonly<Partial<Record<SettingKey, string>>>

/** Of config.json. Bytes. */
const MAX_FILE = 64 * 1024

/** The checked content of config.json; undefined when there is none. @throws `CONFIG_INVALID` with all faults at once. */
export async function readConfigFile(path: string): Promise<FileSettings | undefined> {
  const value = await readJson(path, MAX_FILE)
  return value === undefined ? undefined : parseConfig(value, path)
}

/** What a parsed config.json says: "put.for" stands under "put" as "for". @param path for messages @throws `CONFIG_INVALID` */
export function parseConfig(value: unknown, path: string): FileSettings {
  const found: Partial<Record<SettingKey, string>> = {}
  const faults: string[] = []
  if (!isRecord(value)) throw new HoldfastError('CONFIG_INVALID', { what: `${path}: it is no object` })
  for (const [name, content] of Object.entries(value)) {
    if (name === '$schema') continue
    if (name === 'version') {
      if (content !== 1) faults.push(`version: expected 1, got ${JSON.stringify(content)}`)
    } else if (isRecord(content)) {
      for (const [inner, item] of Object.entries(content)) {
        const key = `${name}.${inner}`
        if (!isSettingKey(key)) faults.push(describeUnknown(key))
        else takeValue(key, item, found, faults)
      }
      if (Object.keys(content).length === 0 && !isGroup(name)) faults.push(describeUnknown(name))
    } else faults.push(isGroup(name) ? `${name}: expected an object` : describeUnknown(name))
  }
  if (!Object.hasOwn(value, 'version')) faults.push('version is missing, expected 1')
  if (faults.length > 0) throw new HoldfastError('CONFIG_INVALID', { what: `${path}: ${faults.join('; ')}` })
  return found
}

function takeValue(key: SettingKey, item: unknown, found: Partial<Record<SettingKey, string>>, faults: string[]): void {
  const { isList, parse } = SETTINGS[key] as Setting<unknown>
  const text =
    isList && Array.isArray(item) && item.every((each) => typeof each === 'string')
      ? item.join(',')
      : ['string', 'number', 'boolean'].includes(typeof item)
        ? String(item)
        : undefined
  if (text === undefined) {
    faults.push(`${key}: expected a ${isList ? 'list of texts' : 'text or a number'}`)
    return
  }
  try {
    parse(text)
    found[key] = text
  } catch (cause) {
    faults.push(`${key}: ${asHoldfastError(cause).message}`)
  }
}

/** Sets one key, or removes it, keeping the rest of the file as it is. @throws `CONFIG_INVALID` */
export async function changeConfig(
  path: string,
  changes: Readonly<Partial<Record<SettingKey, string | undefined>>>,
): Promise<void> {
  const before = (await readJson(path, MAX_FILE)) ?? { version: 1 }
  parseConfig(before, path)
  const content = structuredClone(before) as Record<string, Record<string, unknown>>
  for (const [key, value] of Object.entries(changes) as [SettingKey, string | undefined][]) {
    const [group, name] = key.split('.', 2) as [string, string]
    content[group] ??= {}
    if (value === undefined) delete content[group][name]
    else
      content[group][name] = (SETTINGS[key] as Setting<unknown>).isList
        ? value.split(',').map((item) => item.trim())
        : value
  }
  parseConfig(content, path)
  await writeJson(path, content)
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isGroup(name: string): boolean {
  return Object.keys(SETTINGS).some((key) => key.startsWith(`${name}.`))
}

/** "put.prise is not known; the nearest key is put.max-price". */
export function describeUnknown(key: string): string {
  const nearest = nearestKey(key)
  return `${key} is not known${nearest === undefined ? '; holdfast config explain lists the keys' : `; the nearest key is ${nearest}`}`
}
