/** `holdfast init`: keys, words shown once and asked back, a configuration. Nothing is overwritten. */
import { existsSync } from 'node:fs'
import { mkdir, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { HoldfastError } from '../../base/errors.ts'
import { generateWords, identityOf, parseWords } from '../../blob/identity.ts'
import { writeJson } from '../../store/json-file.ts'
import { STRONG_COST } from '../../store/keystore.ts'
import type { Context, Options } from '../context.ts'
import { readDeploymentFile } from '../deployment-file.ts'
import { writeControllerKeys, writeUserKeys } from '../keys.ts'
import { obtainNewPassphrase, readSecretFile } from '../passphrase.ts'
import { pasteable } from '../pasteable.ts'

/** How many words are asked back. */
const ASKED = 3

export async function init(context: Context, _args: readonly string[], options: Options): Promise<undefined> {
  const { home, out, rng } = context
  for (const path of [home.keystore, home.controller.keystore])
    if (existsSync(path)) throw new HoldfastError('CONFIG_EXISTS', { path })
  const deployment =
    typeof options['deployment'] === 'string' ? await readDeploymentFile(options['deployment']) : undefined
  if (context.options.dryRun === true) {
    out.summary({
      command: 'init',
      fields: { dryRun: true, home: home.root },
      lines: [
        `would make 12 words, ${home.keystore}, ${home.controller.keystore} and ${home.config}`,
        'Nothing was made (dry run).',
      ],
    })
    return
  }
  const given = options['wordsFile']
  const words = typeof given === 'string' ? parseWords(await readSecretFile(given)) : generateWords(rng.bytes(16))
  const passphrase = await obtainNewPassphrase(context, options, 'the keystore')
  if (typeof given !== 'string') await showWords(context, words, options['wordsOut'])

  const identity = identityOf(words)
  const form = { passphrase, rng, cost: STRONG_COST }
  await writeControllerKeys(home.controller.keystore, identity, form)
  await writeUserKeys(home.keystore, identity, form)
  if (!existsSync(home.config)) await writeJson(home.config, { version: 1, ...chainGroup(context) })
  if (deployment !== undefined) await writeJson(home.deployment, deployment)
  out.summary({
    command: 'init',
    fields: {
      account: identity.account,
      keystore: home.keystore,
      config: home.config,
      hasDeployment: existsSync(home.deployment),
    },
    lines: [
      `account    ${identity.account}`,
      `keys       ${home.keystore}`,
      ...(existsSync(home.deployment)
        ? [
            `Next, to store: deposit HOLD, then ${pasteable(context.options, 'controller start')}`,
            `      to keep for others: ${pasteable(context.options, 'steward init --quota SIZE')}`,
          ]
        : [
            'Next: put the deployment.json of a market beside config.json, or try holdfast up --home DIR for a local one',
          ]),
    ],
    result: identity.account,
  })
}

function chainGroup({ settings }: Context): object {
  const { text, from } = settings.origin('chain.rpc')
  return from === 'flag' && text !== undefined ? { chain: { rpc: text.split(',') } } : {}
}

/** On the terminal, with some asked back; or into a new private file. */
async function showWords(context: Context, words: string, file: unknown): Promise<void> {
  if (typeof file === 'string') return writeNewSecret(file, words)
  if (context.options.input === false || context.options.json === true || process.stdin.isTTY !== true)
    throw new HoldfastError('INPUT_REQUIRED', {
      what: 'the recovery words are to be written down',
      option: '--words-out FILE',
    })
  const list = words.split(' ')
  process.stderr.write(
    `\nThese words are your money and all your data. Write them down, on paper, in order. They are shown once.\n\n`,
  )
  for (let row = 0; row < list.length; row += 4)
    process.stderr.write(
      `  ${list
        .slice(row, row + 4)
        .map((word, at) => `${String(row + at + 1).padStart(2)} ${word.padEnd(10)}`)
        .join(' ')}\n`,
    )
  await context.ask('\nWritten down? Press Enter. ', '--words-out FILE')
  process.stderr.write('\u001b[2J\u001b[3J\u001b[H')
  for (const at of pick(context, list.length)) {
    for (;;) {
      const answer = (await context.ask(`Word ${at + 1}: `, '--words-out FILE')).toLowerCase()
      if (answer === list[at]) break
      process.stderr.write('That is not it. Look at your paper.\n')
    }
  }
}

function pick({ rng }: Context, count: number): readonly number[] {
  const picked = new Set<number>()
  while (picked.size < ASKED) picked.add((rng.bytes(1)[0] as number) % count)
  return [...picked].sort((a, b) => a - b)
}

async function writeNewSecret(path: string, text: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true })
    const file = await open(path, 'wx', 0o600)
    try {
      await file.writeFile(`${text}\n`)
      await file.sync()
    } finally {
      await file.close()
    }
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') throw new HoldfastError('INPUT_EXISTS', { path }, { cause })
    throw new HoldfastError('STORE_UNUSABLE', { path, what: 'the words cannot be written there' }, { cause })
  }
}
