/** The command tree (interface.md §3). Each command is one module, loaded when it is called. */
import { Command, Option } from 'commander'
import type { CommandRun, GlobalOptions, Options } from './context.ts'
import { environmentNameOf, SETTINGS, type Setting, type SettingKey } from './settings-table.ts'

/** Runs a loaded command. */
export type Perform = (
  load: () => Promise<CommandRun>,
  args: readonly string[],
  options: GlobalOptions & Options,
) => Promise<void>

type Environment = Readonly<Record<string, string | undefined>>

export function createProgram(environment: Environment, perform: Perform): Command {
  const program = new Command('holdfast')
  const settle = (command: Command): Command =>
    command
      .exitOverride()
      .configureOutput({ writeErr: () => undefined })
      .helpOption('-h, --help', 'what a command does, and its options')

  settle(program)
    .description('A storage market in which nobody has to trust anybody.')
    .option('--json', 'one JSON object a line on stdout; the last is summary, ready or error')
    .option('-q, --quiet', 'print only the result: an id, a path')
    .option('-v, --verbose', 'print internals too; twice for more', (_, before: number) => before + 1, 0)
    .option('--home <dir>', 'keep everything below one directory (HOLDFAST_HOME)')
    .option('--config <file>', 'another config.json')
    .addOption(optionOf('chain.rpc', 'url', environment))
    .option('--timeout <span>', 'give up after this, like 60s')
    .option('-y, --yes', 'answer yes')
    .option('--no-input', 'never ask')
    .option('--no-color', 'no colours (NO_COLOR)')
    .option('--dry-run', 'say what would be done and what it would cost; do nothing')
    .helpCommand(false)
    .addHelpText(
      'after',
      '\nExit codes: 0 done, 2 usage, 3 partial, 4 not found, 5 temporary, 6 money, 7 refused, 10 not initialised, 11 locked,\n12 wrong key, 13 storage, 14 chain, 20 integrity, 130 interrupted. A failed command says why and what to do.',
    )

  /** `usage` is the name and its arguments. */
  const add = (parent: Command, usage: string, description: string, load: () => Promise<CommandRun>): Command => {
    const command = settle(parent.command(usage)).description(description)
    return command.action(async () => perform(load, command.args, command.optsWithGlobals()))
  }
  const group = (name: string, description: string): Command => {
    const command = settle(program.command(name)).description(description).helpCommand(false)
    return command.action(() =>
      command.error(`holdfast ${name} needs one of: ${command.commands.map((each) => each.name()).join(', ')}`),
    )
  }
  const set = (key: SettingKey, value: string) => optionOf(key, value, environment)

  add(
    program,
    'up',
    'start a whole local market, or what of it is not running',
    async () => (await import('./commands/up.ts')).up,
  )
    .option('--stewards <n>', 'how many stewards', '10')
    .option('--indexes <n>', 'how many index daemons', '1')
    .option('--chain <anvil|url>', 'the development chain to use', 'anvil')
    .option('--detach', 'return when ready; holdfast down stops it')
    .option('--reset', 'begin anew: wipe a home made by up')
    .option('--port <n>', "port of the controller's local API; 0 takes a free one", '0')
  add(
    program,
    'down',
    'stop the local market; state is kept',
    async () => (await import('./commands/down.ts')).down,
  ).option('--wipe', 'delete the home of the local market too')
  add(
    program,
    'demo [file]',
    'a file lives a year in a local market, before your eyes',
    async () => (await import('./commands/demo.ts')).demo,
  )
    .option('--keep', 'leave the market running')
    .option('--stewards <n>', 'how many stewards', '10')
    .option('--days <n>', 'how long to walk', '365')
  add(
    program,
    'init',
    'make keys, shown once as words, and a configuration',
    async () => (await import('./commands/init.ts')).init,
  )
    .option('--words-out <file>', 'write the words to a new file of mode 0600 instead of the screen')
    .option('--words-file <file>', 'use these words instead of new ones')
    .option('--passphrase-file <file>', 'passphrase of the keystore')
    .option('--deployment <file>', 'deployment.json of the market to use')
  add(
    program,
    'doctor',
    'check clock, chain, disk, keys and daemons',
    async () => (await import('./commands/doctor.ts')).doctor,
  )
  add(program, 'status', 'one page: money, objects, daemons', async () => (await import('./commands/status.ts')).status)
    .option('--wait-ready <span>', 'wait until every daemon of this home answers')
    .option('--role <role>', 'of one role only')

  add(
    program,
    'put <source>',
    'store a file; - reads standard input',
    async () => (await import('./commands/put.ts')).put,
  )
    .addOption(set('put.for', 'span'))
    .addOption(set('put.code', 'k/n'))
    .addOption(set('put.max-price', 'price'))
    .addOption(set('put.budget', 'hold'))
    .option('--name <name>', 'name in the ledger and in the object; default: the file name')
    .option('--segment-size <size>', 'bytes of a segment', '24M')
    .option('--show-cap', 'print the read capability: whoever has it can read the object')
    .option('--force-new', 'store again, also what is stored already or was begun')
    .option('--passphrase-file <file>', 'passphrase of the keystore')
  add(
    program,
    'get <object>',
    'fetch an object by id, name or capability',
    async () => (await import('./commands/get.ts')).get,
  )
    .option('-o, --output <path>', 'where to; - writes to standard output; default: its name')
    .option('--overwrite <when>', 'never or always', 'never')
    .option('--passphrase-file <file>', 'passphrase of the keystore')
  add(program, 'ls [prefix]', 'list objects', async () => (await import('./commands/ls.ts')).ls).option(
    '-l, --long',
    'with shares, confidence, next check, end',
  )
  add(
    program,
    'stat <object>',
    'one object: health, money, shares',
    async () => (await import('./commands/stat.ts')).stat,
  )
    .option('--shares', 'a line for each share and copy')
    .option('--history', 'replaced placements too')
  add(
    program,
    'share <object>',
    'print the read capability: whoever has it can read the object',
    async () => (await import('./commands/share.ts')).share,
  ).option('--passphrase-file <file>', 'passphrase of the keystore')

  const devnet = group('devnet', 'the local development chain')
  add(
    devnet,
    'advance <span>',
    'move its time; returns when every due act is done',
    async () => (await import('./commands/devnet-advance.ts')).advance,
  )

  const steward = group('steward', 'the daemon on spare disk')
  add(
    steward,
    'init',
    'make a steward: key, directory, settings',
    async () => (await import('./commands/steward-init.ts')).stewardInit,
  )
    .option('--path <dir>', 'its directory; default: in the home')
    .addOption(set('steward.quota', 'size'))
    .addOption(set('steward.reserve', 'size'))
    .addOption(set('steward.price', 'price'))
    .addOption(set('net.listen', 'address'))
    .option('--passphrase-file <file>', 'passphrase of its keystore')
  add(steward, 'start', 'run it', async () => (await import('./commands/daemon-start.ts')).stewardStart)
    .option('--id <id>', 'which one, when the home has several')
    .option('--detach', 'return when it is ready')
    .option('--passphrase-file <file>', 'passphrase of its keystore')
    .addOption(set('net.listen', 'address'))
    .addOption(set('api.listen', 'address'))
    .addOption(set('log.level', 'level'))
  add(
    steward,
    'status',
    'what it holds, earned and waits for',
    async () => (await import('./commands/daemon-status.ts')).stewardStatus,
  ).option('--id <id>', 'which one')

  const controller = group('controller', 'the unattended process: posts bounties, sees sweeps, renews')
  add(controller, 'start', 'run it', async () => (await import('./commands/daemon-start.ts')).controllerStart)
    .option('--detach', 'return when it is ready')
    .option('--passphrase-file <file>', 'passphrase of its keystore')
    .addOption(set('api.listen', 'address'))
    .addOption(set('log.level', 'level'))
  add(
    controller,
    'status',
    'money, placements, bounties',
    async () => (await import('./commands/daemon-status.ts')).controllerStatus,
  )
  add(controller, 'plan', 'what it is going to do', async () => (await import('./commands/plan.ts')).plan).option(
    '--days <n>',
    'how far to look',
    '30',
  )

  const pool = group('pool', 'the trust core')
  const index = settle(pool.command('index'))
    .description('the daemon that knows who holds which blob')
    .helpCommand(false)
  index.action(() => index.error('holdfast pool index needs: start'))
  add(index, 'start', 'run it', async () => (await import('./commands/daemon-start.ts')).indexStart)
    .option('--id <id>', 'which one, when the home has several')
    .option('--detach', 'return when it is ready')
    .option('--passphrase-file <file>', 'passphrase of its keystore')
    .addOption(set('net.listen', 'address'))
    .addOption(set('api.listen', 'address'))
    .addOption(set('log.level', 'level'))

  const config = group('config', 'settings: key, environment and flag are one name')
  const configRun = (name: 'path' | 'get' | 'set' | 'validate' | 'explain') => async () =>
    (await import('./commands/config.ts')).CONFIG_COMMANDS[name]
  add(config, 'path', 'the directories and files in use', configRun('path'))
  add(config, 'get <key>', 'the value in force', configRun('get'))
  add(config, 'set <key> [value]', 'change config.json; without a value the key is removed', configRun('set'))
  add(config, 'validate', 'check config.json', configRun('validate'))
  add(config, 'explain [key]', 'meaning, default, value and where it came from', configRun('explain'))

  add(
    program,
    'version',
    'version of the program and of Node',
    async () => (await import('./commands/version.ts')).version,
  )
  return program
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
