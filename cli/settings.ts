/** Settings in force: flag over environment over config.json over default, and where each value came from. */
import { HoldfastError } from '../base/errors.ts'
import type { FileSettings } from './config-file.ts'
import { environmentNameOf, SETTINGS, type Setting, type SettingKey, type SettingValue } from './settings-table.ts'

/** Where a value came from. */
export type Origin = 'flag' | 'environment' | 'file' | 'default'

/** The values in force. */
export interface Settings {
  /** The parsed value. @throws `INPUT_FORMAT`, `INPUT_RANGE` when what the user wrote does not parse; `CONFIG_INVALID` when it has no value */
  value<Key extends SettingKey>(key: Key): SettingValue<Key>
  /** Like `value`, undefined when nobody set it and it has no default. */
  find<Key extends SettingKey>(key: Key): SettingValue<Key> | undefined
  /** The text in force and its origin; undefined text: no value. */
  origin(key: SettingKey): { readonly text: string | undefined; readonly from: Origin }
}

/**
 * @param flags values of long options, by setting key
 * @param environment the process's variables; only those of the table are looked at
 * @param file content of config.json, {} when there is none
 */
export function resolveSettings(
  flags: FileSettings,
  environment: Readonly<Record<string, string | undefined>>,
  file: FileSettings,
): Settings {
  const origin = (key: SettingKey): { readonly text: string | undefined; readonly from: Origin } => {
    const flag = flags[key]
    if (flag !== undefined) return { text: flag, from: 'flag' }
    const variable = environment[environmentNameOf(key)]
    if (variable !== undefined && variable !== '') return { text: variable, from: 'environment' }
    const written = file[key]
    if (written !== undefined) return { text: written, from: 'file' }
    return { text: (SETTINGS[key] as Setting<unknown>).initial, from: 'default' }
  }
  const find = <Key extends SettingKey>(key: Key) => {
    const { text } = origin(key)
    return text === undefined ? undefined : ((SETTINGS[key] as Setting<unknown>).parse(text) as SettingValue<Key>)
  }
  return {
    origin,
    find,
    value: (key) => {
      const value = find(key)
      if (value === undefined && origin(key).text === undefined)
        throw new HoldfastError('CONFIG_INVALID', { what: `${key} is not set` })
      return value as SettingValue<typeof key>
    },
  }
}
