/** The command tree (interface.md §3). Each command is one module, loaded when it is called. */
import type { Command } from 'commander'
import { createTree, type Environment, type Perform } from './command-tree.ts'
import { addDaemons } from './program-daemons.ts'
import { addMoney } from './program-money.ts'
import { addPool } from './program-pool.ts'

/** @param words what was typed: groups that are not named get no commands; undefined: all do */
export function createProgram(environment: Environment, perform: Perform, words?: readonly string[]): Command {
  const tree = createTree(environment, perform, words)
  const { program, add, group, set } = tree
  tree
    .settle(program)
    .description('A storage market in which nobody has to trust anybody.')
    .option('--json', 'one JSON object a line on stdout; the last is summary, ready or error')
    .option('-q, --quiet', 'print only the result: an id, a path')
    .option('-v, --verbose', 'print internals too; twice for more', (_, before: number) => before + 1, 0)
    .option('--home <dir>', 'keep everything below one directory (HOLDFAST_HOME)')
    .option('--config <file>', 'another config.json')
    .addOption(set('chain.rpc', 'url'))
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

  add(
    program,
    'up',
    'start a whole local market, or what of it is not running',
    async () => (await import('./commands/up.ts')).up,
  )
    .option('--stewards <n>', 'how many stewards', '10')
    .option('--indexes <n>', 'how many index daemons', '1')
    .option('--monitors <n>', 'how many monitor daemons', '3')
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
    'recover',
    'bring everything back from the recovery words, on a new machine',
    async () => (await import('./commands/recover.ts')).recover,
  )
    .option('--words-file <file>', 'the words, in one line; otherwise they are asked for')
    .option('--market <address>', "the market's address")
    .option('--registrar <address>', "the registrar's address, to be checked; it is found by itself")
    .option('--from-block <n>', 'where to begin to read, on endpoints without old state')
    .option('--backup <n>', 'an older backup, by its number; --dry-run --json lists them')
    .option('--passphrase-file <file>', 'passphrase of the new keystores')
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
    'logs',
    'what the daemons of this home wrote, in one order',
    async () => (await import('./commands/logs.ts')).logs,
  )
    .option('-f, --follow', 'go on until interrupted')
    .option('--role <role>', 'of one role only')
    .option('--id <id>', 'of one daemon only')
    .option('--level <level>', 'debug, info, warn or error: what weighs less is left out', 'info')
    .option('--since <span>', 'how far back', '1h')

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
    .addOption(set('put.least-bond', 'span'))
    .addOption(set('net.bulk', 'way'))
    .option('--name <name>', 'name in the ledger and in the object; default: the file name')
    .option('--segment-size <size>', 'bytes of a segment', '24M')
    .option(
      '--allow-short',
      'also when so few stewards are known that repair would be due at once: the rest is placed later',
    )
    .option(
      '--right',
      'offer no money: what the steward of this home stores for others gives the right to store elsewhere',
    )
    .option(
      '--sponsor <address>',
      'store without keys of one’s own, through a steward that sponsors: its id or address',
    )
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
    .addOption(set('net.bulk', 'way'))
    .option('--overwrite <when>', 'never or always', 'never')
    .option('--passphrase-file <file>', 'passphrase of the keystore')
  add(program, 'ls [prefix]', 'list objects', async () => (await import('./commands/ls.ts')).ls)
    .option('-l, --long', 'with shares, confidence, next check, end')
    .option('--all', 'what was let go, and backups of the ledger, too')
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
    'repair [objects...]',
    'make again what is missing of some objects, or of all, now',
    async () => (await import('./commands/repair.ts')).repair,
  )
  add(
    program,
    'rm <objects...>',
    'let objects go: they are not renewed or repaired, and end with their terms',
    async () => (await import('./commands/rm.ts')).rm,
  ).option('--now', 'give their stewards notice: they end in 14 days')
  add(
    program,
    'share <object>',
    'print the read capability: whoever has it can read the object',
    async () => (await import('./commands/share.ts')).share,
  ).option('--passphrase-file <file>', 'passphrase of the keystore')

  add(
    program,
    'prices',
    'the price index, a quote, and where the price came from',
    async () => (await import('./commands/prices.ts')).prices,
  )
    .option('--size <size>', 'quote an object of so many bytes')
    .addOption(set('put.for', 'span'))
    .addOption(set('put.code', 'k/n'))
    .option('--history <span>', 'how far back', '90d')
    .option('--explain', 'the rules and their defaults')
  addMoney(tree)
  addDaemons(tree)
  addPool(tree)
  group('config', 'settings: key, environment and flag are one name', (config) => {
    const configRun = (name: 'path' | 'get' | 'set' | 'validate' | 'explain') => async () =>
      (await import('./commands/config.ts')).CONFIG_COMMANDS[name]
    add(config, 'path', 'the directories and files in use', configRun('path'))
    add(config, 'get <key>', 'the value in force', configRun('get'))
    add(config, 'set <key> [value]', 'change config.json; without a value the key is removed', configRun('set'))
    add(config, 'validate', 'check config.json', configRun('validate'))
    add(config, 'explain [key]', 'meaning, default, value and where it came from', configRun('explain'))
  })

  add(
    program,
    'version',
    'version of the program and of Node',
    async () => (await import('./commands/version.ts')).version,
  )
  return program
}
