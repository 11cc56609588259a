/** `holdfast config path|get|set|validate|explain`. */
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { HoldfastError } from '../../base/errors.ts'
import { changeConfig, describeUnknown, readConfigFile } from '../config-file.ts'
import type { CommandRun, Context } from '../context.ts'
import {
  environmentNameOf,
  isSettingKey,
  SETTING_KEYS,
  SETTINGS,
  type Setting,
  type SettingKey,
} from '../settings-table.ts'

export const CONFIG_COMMANDS = { path, get, set, validate, explain } as const satisfies Record<string, CommandRun>

async function path({ home, out }: Context): Promise<undefined> {
  const paths = {
    config: home.config,
    deployment: home.deployment,
    keystore: home.keystore,
    controller: home.controller.dir,
    stewards: home.stewards,
    puts: home.puts,
    logs: home.logs,
    run: home.run,
  }
  const lines = Object.entries(paths).map(
    ([name, value]) => `${name.padEnd(11)} ${value}${existsSync(value) ? '' : '   (not there yet)'}`,
  )
  out.summary({ command: 'config', fields: { paths }, lines, result: home.config })
}

async function get({ settings, out }: Context, [name = '']: readonly string[]): Promise<undefined> {
  const key = keyOf(name)
  const { text, from } = settings.origin(key)
  settings.find(key)
  if (text === undefined) throw new HoldfastError('CONFIG_INVALID', { what: `${key} is not set` })
  out.summary({ command: 'config', fields: { key, value: text, from }, lines: [text], result: text })
}

async function set({ home, out, options }: Context, [name = '', value]: readonly string[]): Promise<undefined> {
  const key = keyOf(name)
  if (value !== undefined) (SETTINGS[key] as Setting<unknown>).parse(value)
  if (options.dryRun !== true) {
    await mkdir(dirname(home.config), { recursive: true, mode: 0o700 })
    await changeConfig(home.config, { [key]: value })
  }
  const done = options.dryRun === true ? 'would be' : 'is'
  out.summary({
    command: 'config',
    fields: { key, value },
    lines: [
      value === undefined
        ? `${key} ${done} removed from ${home.config}`
        : `${key} ${done} ${value} in ${home.config}; daemons read it when they start`,
    ],
  })
}

async function validate({ home, settings, out }: Context): Promise<undefined> {
  const file = await readConfigFile(home.config)
  for (const key of SETTING_KEYS) settings.find(key)
  const what =
    file === undefined ? `there is no ${home.config}: defaults and environment are valid` : `${home.config} is valid`
  out.summary({
    command: 'config',
    fields: { path: home.config, isThere: file !== undefined },
    lines: [what],
    result: home.config,
  })
}

async function explain({ settings, out }: Context, [name]: readonly string[]): Promise<undefined> {
  const keys = name === undefined ? SETTING_KEYS : [keyOf(name)]
  const items = keys.map((key) => {
    const { meaning, initial, flag } = SETTINGS[key] as Setting<unknown>
    const { text, from } = settings.origin(key)
    return { key, meaning, environment: environmentNameOf(key), flag, default: initial, value: text, from }
  })
  for (const item of items) out.record({ type: 'item', ...item })
  out.summary({
    command: 'config',
    fields: { keys: items.length },
    lines: items.flatMap(({ key, meaning, environment, flag, default: initial, value, from }) => [
      `${key} = ${value ?? '(not set)'}   from ${from}`,
      `  ${meaning}`,
      `  ${[environment, flag, initial === undefined ? 'no default' : `default ${initial}`].filter((part) => part !== undefined).join('   ')}`,
    ]),
    ...(items.length === 1 ? { result: items[0]?.value ?? '' } : {}),
  })
}

function keyOf(name: string): SettingKey {
  if (!isSettingKey(name)) throw new HoldfastError('CONFIG_INVALID', { what: describeUnknown(name) })
  return name
}
