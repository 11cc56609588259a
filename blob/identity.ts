/**
 * Who an uploader is: recovery words, and all the keys that follow from them (protocol.md §1). The words are money and
 * all data; they are never written to a log or into an error.
 */
import { pbkdf2Sync } from 'node:crypto'
import { HDKey } from '@scure/bip32'
import { entropyToMnemonic, validateMnemonic } from '@scure/bip39'
import { wordlist } from '@scure/bip39/wordlists/english.js'
import { assertBytes, concat, utf8 } from '../base/bytes.ts'
import { type Address, addressOf, deriveSecret } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import { hkdf, sha256 } from '../base/hash.ts'

/** Keys that root gives. The unattended controller gets nonceKey and backupKey, never root and never ledgerKey. 32 bytes each. */
export interface RootKeys {
  readonly nonceKey: Uint8Array
  readonly ledgerKey: Uint8Array
  readonly backupKey: Uint8Array
}

/** All that recovery words give. */
export interface Identity extends RootKeys {
  /** Secret of the chain account, m/44'/60'/0'/0/0. */
  readonly chainKey: Uint8Array
  readonly account: Address
  /** From it come all keys but the chain key. 32 bytes. */
  readonly root: Uint8Array
}

const WORDS = new Set(wordlist)
/** The first account of every Ethereum wallet. BIP-44. */
const CHAIN_PATH = "m/44'/60'/0'/0/0"

/**
 * New recovery words.
 * @param entropy 16 bytes for twelve words, 32 for twenty-four; fresh and secret
 * @throws `INPUT_RANGE` for another length
 */
export function generateWords(entropy: Uint8Array): string {
  if (entropy.length !== 16 && entropy.length !== 32)
    throw new HoldfastError('INPUT_RANGE', { name: 'entropy', expected: '16 or 32 bytes', got: entropy.length })
  return entropyToMnemonic(entropy, wordlist)
}

/**
 * Words as a person typed them, in their one form: lower case, single spaces.
 * @throws `INPUT_WORDS` naming the place of a word that does not exist (not the word: errors end up in logs), a wrong
 * number of words, or a checksum that does not fit
 */
export function parseWords(text: string): string {
  const words = text.normalize('NFKD').trim().toLowerCase().split(/\s+/)
  if (words.length !== 12 && words.length !== 24)
    throw new HoldfastError('INPUT_WORDS', {
      what: `there are ${words[0] === '' ? 0 : words.length} of them, not 12 or 24`,
    })
  const unknown = words.flatMap((word, at) => (WORDS.has(word) ? [] : [at + 1]))
  if (unknown.length > 0)
    throw new HoldfastError('INPUT_WORDS', {
      what: `not in the list of words: ${unknown.map((at) => `word ${at}`).join(', ')}`,
    })
  const phrase = words.join(' ')
  if (!validateMnemonic(phrase, wordlist))
    throw new HoldfastError('INPUT_WORDS', {
      what: 'every word exists, but one is wrong or in the wrong place (the checksum does not fit)',
    })
  return phrase
}

/** All keys of an uploader. @throws `INPUT_WORDS` as `parseWords` does. */
export function identityOf(words: string): Identity {
  // BIP-39 with an empty passphrase
  const seed = pbkdf2Sync(utf8(parseWords(words)), utf8('mnemonic'), 2048, 64, 'sha512')
  const chainKey = HDKey.fromMasterSeed(seed).derive(CHAIN_PATH).privateKey
  if (!chainKey) throw new HoldfastError('KEY_INVALID', { what: 'derivation path for these words' })
  const root = hkdf(seed, 'holdfast/root/1')
  return { chainKey, account: addressOf(chainKey), root, ...rootKeysOf(root) }
}

/** The keys below root. */
export function rootKeysOf(root: Uint8Array): RootKeys {
  assertBytes(root, 32, 'root')
  return { nonceKey: hkdf(root, 'nonce'), ledgerKey: hkdf(root, 'ledger'), backupKey: hkdf(root, 'backup') }
}

/**
 * The secret that signs an object's successor records: a key per object, so that a shared object does not show its owner's account.
 * @param parent root for a user's object, backupKey for a backup of the ledger. 32 bytes
 */
export function editorSecretOf(parent: Uint8Array, objectKey: Uint8Array): Uint8Array {
  assertBytes(parent, 32, 'editor parent')
  assertBytes(objectKey, 32, 'objectKey')
  return deriveSecret('holdfast/editor/1', concat(parent, sha256(objectKey)))
}
