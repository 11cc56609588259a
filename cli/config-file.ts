/** config.json: its schema, reading it, changing one key. An unknown key is an error that names the nearest known one. */
import { z } from 'zod'
import { asHoldfastError, HoldfastError } from '../base/errors.ts'
import { readJson, writeJson } from '../store/json-file.ts'
import { nearestKey, SETTING_KEYS, SETTINGS, type Setting, type SettingKey } from './settings-table.ts'

/** Settings as text, by key: what config.json says. */
export type FileSettings = Readonly<Partial<Record<SettingKey, string>>>

const text = z.union([z.string(), z.number(), z.boolean()]).transform(String)

/** Groups of the table as nested objects: "put.for" stands under "put" as "for". */
const SCHEMA = z.strictObject({
  $schema: z.string().optional(),
  version: z.literal(1),
  ...Object.fromEntries(
    [...groups()].map(([group, keys]) => [
      group,
      z.strictObject(Object.fromEntries(keys.map((key) => [nameIn(key), field(key)]))).optional(),
    ]),
  ),
})

function field(key: SettingKey) {
  const { isList, parse } = SETTINGS[key] as Setting<unknown>
  const shape = isList ? z.union([text, z.array(z.string()).transform((list) => list.join(','))]) : text
  return shape
    .superRefine((value, context) => {
      try {
        parse(value)
      } catch (cause) {
        context.addIssue({ code: 'custom', message: asHoldfastError(cause).message })
      }
    })
    .optional()
}

function* groups(): Iterable<readonly [string, readonly SettingKey[]]> {
  for (const group of new Set(SETTING_KEYS.map((key) => key.split('.')[0] as string)))
    yield [group, SETTING_KEYS.filter((key) => key.startsWith(`${group}.`))]
}

function nameIn(key: SettingKey): string {
  return key.slice(key.indexOf('.') + 1)
}

/** The checked content of config.json; undefined when there is none. @throws `CONFIG_INVALID` with all faults at once. */
export async function readConfigFile(path: string): Promise<FileSettings | undefined> {
  const value = await readJson(path, 64 * 1024)
  return value === undefined ? undefined : parseConfig(value, path)
}

/** What a parsed config.json says. @param path for messages @throws `CONFIG_INVALID` */
export function parseConfig(value: unknown, path: string): FileSettings {
  const result = SCHEMA.safeParse(value)
  if (!result.success)
    throw new HoldfastError('CONFIG_INVALID', { what: `${path}: ${result.error.issues.map(describe).join('; ')}` })
  const found: Partial<Record<SettingKey, string>> = {}
  const content = result.data as unknown as Readonly<
    Record<string, Readonly<Record<string, string | undefined>> | undefined>
  >
  for (const key of SETTING_KEYS) {
    const text = content[key.split('.')[0] as string]?.[nameIn(key)]
    if (text !== undefined) found[key] = text
  }
  return found
}

/** Sets one key, or removes it, keeping the rest of the file as it is. @throws `CONFIG_INVALID`, `INPUT_FORMAT`, `INPUT_RANGE` */
export async function changeConfig(
  path: string,
  changes: Readonly<Partial<Record<SettingKey, string | undefined>>>,
): Promise<void> {
  const before = (await readJson(path, 64 * 1024)) ?? { version: 1 }
  parseConfig(before, path)
  const content = structuredClone(before) as Record<string, Record<string, unknown>>
  for (const [key, value] of Object.entries(changes) as [SettingKey, string | undefined][]) {
    const group = key.split('.')[0] as string
    content[group] ??= {}
    if (value === undefined) delete content[group][nameIn(key)]
    else
      content[group][nameIn(key)] = (SETTINGS[key] as Setting<unknown>).isList
        ? value.split(',').map((item) => item.trim())
        : value
  }
  parseConfig(content, path)
  await writeJson(path, content)
}

type Issue = z.core.$ZodIssue

function describe(issue: Issue): string {
  const at = issue.path.join('.')
  if (issue.code !== 'unrecognized_keys') return `${at === '' ? 'the file' : at}: ${issue.message}`
  return issue.keys.map((key) => describeUnknown(at === '' ? key : `${at}.${key}`)).join('; ')
}

/** "put.prise is not known; the nearest key is put.max-price". */
export function describeUnknown(key: string): string {
  const nearest = nearestKey(key)
  return `${key} is not known${nearest === undefined ? '; holdfast config explain lists the keys' : `; the nearest key is ${nearest}`}`
}
