/**
 * Passphrases: from a file, a systemd credential, the dev home's own file, or a prompt without echo. Never from the command line or the
 * environment: both are visible to others (interface.md §8).
 */
import { existsSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { HoldfastError } from '../base/errors.ts'
import type { Context, Options } from './context.ts'

/** A passphrase file is short. Bytes. */
const MAX_FILE = 4096

/**
 * Where the passphrase of this home comes from.
 * @param what for the prompt: "the keystore", "steward 0x…"
 * @throws `INPUT_REQUIRED` when nobody can be asked, `INPUT_FILE` for a file that cannot be read
 */
export async function obtainPassphrase(context: Context, options: Options, what: string): Promise<string> {
  return (await storedPassphrase(context, options)) ?? (await promptSecret(context, `Passphrase of ${what}: `))
}

/** A new one: from the same places, or typed twice. @throws as `obtainPassphrase`; `INPUT_FORMAT` when the two differ or it is empty */
export async function obtainNewPassphrase(context: Context, options: Options, what: string): Promise<string> {
  const stored = await storedPassphrase(context, options)
  if (stored !== undefined) return stored
  const first = await promptSecret(context, `New passphrase of ${what}: `)
  if (first === '')
    throw new HoldfastError('INPUT_FORMAT', { name: 'passphrase', expected: 'at least one character', got: 'none' })
  if (first !== (await promptSecret(context, 'The same again: ')))
    throw new HoldfastError('INPUT_FORMAT', {
      name: 'passphrase',
      expected: 'the same twice',
      got: 'two different ones',
    })
  return first
}

async function storedPassphrase({ home, environment }: Context, options: Options): Promise<string | undefined> {
  const given = options['passphraseFile']
  if (typeof given === 'string') return readSecretFile(given)
  const credentials = environment['CREDENTIALS_DIRECTORY']
  const credential = credentials === undefined ? undefined : join(credentials, 'holdfast-passphrase')
  if (credential !== undefined && existsSync(credential)) return readSecretFile(credential)
  return existsSync(home.devPassphrase) ? readSecretFile(home.devPassphrase) : undefined
}

/** The first line of a small file. @throws `INPUT_FILE` */
export async function readSecretFile(path: string): Promise<string> {
  try {
    const file = await open(path, 'r')
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(MAX_FILE), 0, MAX_FILE, 0)
      const text = buffer.toString('utf8', 0, bytesRead).split(/\r?\n/, 1)[0] as string
      if (text === '') throw new HoldfastError('INPUT_FILE', { path, what: 'its first line is empty' })
      return text
    } finally {
      await file.close()
    }
  } catch (cause) {
    if (cause instanceof HoldfastError) throw cause
    throw new HoldfastError('INPUT_FILE', { path, what: 'cannot be read' }, { cause })
  }
}

/** A secret from the terminal, without echo. @throws `INPUT_REQUIRED` when nobody can be asked */
export async function promptSecret(
  { options, signal }: Context,
  question: string,
  option = '--passphrase-file FILE',
): Promise<string> {
  const { stdin, stderr } = process
  if (options.input === false || options.json === true || stdin.isTTY !== true)
    throw new HoldfastError('INPUT_REQUIRED', { what: question.replace(/: $/, ''), option })
  stderr.write(question)
  stdin.setRawMode(true).setEncoding('utf8').resume()
  try {
    let typed = ''
    for (;;) {
      const chunk = await nextChunk(signal)
      for (const character of chunk) {
        if (character === '\r' || character === '\n') return typed
        if (character === '\u0003') throw new HoldfastError('INTERRUPTED')
        if (character === '\u007f' || character === '\b') typed = [...typed].slice(0, -1).join('')
        else if (character >= ' ') typed += character
      }
    }
  } finally {
    stdin.setRawMode(false).pause()
    stderr.write('\n')
  }
}

function nextChunk(signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    process.stdin.once('data', (chunk) => {
      signal.removeEventListener('abort', onAbort)
      resolve(String(chunk))
    })
  })
}
