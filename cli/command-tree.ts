/**
 * What the parts of the command tree are made with: each command is one module, loaded when it is called; a group's commands are made only when
 * the group is named, since `--help` has 0.15 CPU-seconds.
 */
import { Command, Option } from 'commander'
import type { CommandRun, GlobalOptions, Options } from './context.ts'
import { environmentNameOf, SETTINGS, type Setting, type SettingKey } from './settings-table.ts'

/** Runs a loaded command. */
export type Perform = (
  load: () => Promise<CommandRun>,
  args: readonly string[],
  options: GlobalOptions & Options,
) => Promise<void>

export type Environment = Readonly<Record<string, string | undefined>>

export interface CommandTree {
  readonly program: Command
  /** Errors are thrown, help is `-h`. */
  settle(command: Command): Command
  /** @param usage the name and its arguments */
  add(parent: Command, usage: string, description: string, load: () => Promise<CommandRun>): Command
  /** A command that has commands. @param fill adds them */
  group(name: string, description: string, fill: (group: Command) => void): void
  /** The same below a group. */
  nested(parent: Command, name: string, description: string): Command
  /** A setting as an option. */
  set(key: SettingKey, value: string): Option
  /** The options of every `start`. */
  daemon(command: Command): Command
}

/** @param words what was typed; undefined: all groups are made, for documents and tests */
export function createTree(
  environment: Environment,
  perform: Perform,
  words: readonly string[] | undefined,
): CommandTree {
  const program = new Command('holdfast')
  const settle = (command: Command): Command =>
    command
      .exitOverride()
      .configureOutput({ writeErr: () => undefined })
      .helpOption('-h, --help', 'what a command does, and its options')
      .configureHelp({ showGlobalOptions: true })

  const add: CommandTree['add'] = (parent, usage, description, load) => {
    const command = settle(parent.command(usage)).description(description)
    return command.action(async () => perform(load, command.args, command.optsWithGlobals()))
  }
  const nested: CommandTree['nested'] = (parent, name, description) => {
    const command = settle(parent.command(name)).description(description).helpCommand(false)
    const path = parent === program ? name : `${parent.name()} ${name}`
    return command.action(() =>
      command.error(`holdfast ${path} needs one of: ${command.commands.map((each) => each.name()).join(', ')}`),
    )
  }
  const set = (key: SettingKey, value: string) => optionOf(key, value, environment)
  return {
    program,
    settle,
    add,
    nested,
    group: (name, description, fill) => {
      const command = nested(program, name, description)
      if (words === undefined || words.includes(name)) fill(command)
    },
    set,
    daemon: (command) =>
      command
        .option('--detach', 'return when it is ready')
        .option('--passphrase-file <file>', 'passphrase of its keystore')
        .addOption(set('api.listen', 'address'))
        .addOption(set('log.level', 'level')),
  }
}

/** A setting as an option; its help names all three forms, the default, and the value in force when that is another. */
function optionOf(key: SettingKey, value: string, environment: Environment): Option {
  const { flag, meaning, initial } = SETTINGS[key] as Setting<unknown>
  const variable = environmentNameOf(key)
  const now = environment[variable]
  const forms = [
    key,
    variable,
    initial === undefined ? 'no default' : `default ${initial}`,
    ...(now === undefined || now === '' ? [] : [`now ${now}`]),
  ]
  return new Option(`${flag} <${value}>`, `${meaning} (${forms.join(', ')})`)
}
