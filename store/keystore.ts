/**
 * Keys at rest: a CBOR payload under AES-256-GCM, the key from a passphrase by scrypt. The cost stands in the file, so that it can rise
 * without a new format; the whole header is authenticated with the payload.
 */
import { createCipheriv, createDecipheriv, type ScryptOptions, scrypt } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { concat, fromHex, toHex, utf8 } from '../base/bytes.ts'
import { type CborValue, decodeCbor, encodeCbor } from '../base/codec.ts'
import { HoldfastError } from '../base/errors.ts'
import type { Rng } from '../base/ports.ts'
import { KiB, MiB } from '../base/units.ts'
import { asStoreError, errnoOf } from './disk-errors.ts'
import { readJson, writeJson } from './json-file.ts'

/** Work of scrypt: memory is 128 · n · r bytes, time grows with n · r · p. */
export interface ScryptCost {
  /** A power of two. */
  readonly n: number
  readonly r: number
  readonly p: number
}

/** For people's passphrases: 128 MiB and about half a second. RFC 7914 §2, OWASP's first choice for scrypt. */
export const STRONG_COST: ScryptCost = { n: 2 ** 17, r: 8, p: 1 }
/** For dev homes, whose passphrase stands in a file beside the keystore anyway: about 10 ms. */
export const DEV_COST: ScryptCost = { n: 2 ** 12, r: 8, p: 1 }

/** Largest n · r · p a file may ask for: nobody's file makes us spend more than 1 GiB. */
const MAX_WORK = 2 ** 20 * 8
const MAX_FILE = 256 * KiB

interface KeystoreFile {
  readonly schema: 1
  readonly kind: 'holdfast-keystore'
  readonly kdf: {
    readonly name: 'scrypt'
    readonly n: number
    readonly r: number
    readonly p: number
    readonly salt: string
  }
  readonly cipher: { readonly name: 'aes-256-gcm'; readonly nonce: string }
  readonly data: string
}

/** Writes `payload` encrypted under `path`, mode 0600. @throws `STORE_FULL`, `STORE_UNUSABLE`. */
export async function writeKeystore(
  path: string,
  passphrase: string,
  payload: CborValue,
  options: { rng: Rng; cost?: ScryptCost },
): Promise<void> {
  const { n, r, p } = options.cost ?? STRONG_COST
  const kdf = { name: 'scrypt', n, r, p, salt: toHex(options.rng.bytes(16)) } as const
  const cipher = { name: 'aes-256-gcm', nonce: toHex(options.rng.bytes(12)) } as const
  const key = await deriveKey(passphrase, kdf)
  const sealer = createCipheriv('aes-256-gcm', key, fromHex(cipher.nonce))
  sealer.setAAD(headerBytes(kdf, cipher))
  const data = concat(sealer.update(encodeCbor(payload)), sealer.final(), sealer.getAuthTag())
  const file: KeystoreFile = { schema: 1, kind: 'holdfast-keystore', kdf, cipher, data: toHex(data) }
  await writeJson(path, file, 0o600)
}

/**
 * Opens a keystore.
 * @throws `CONFIG_NOT_INITIALISED` when there is none, `KEY_MODE` when others may read it, `KEY_DAMAGED`, `KEY_PASSPHRASE`
 */
export async function readKeystore(path: string, passphrase: string): Promise<CborValue> {
  await assertPrivate(path)
  const { kdf, cipher, data } = parse(path, await readDamaged(path))
  const bytes = fromHex(data)
  const opener = createDecipheriv('aes-256-gcm', await deriveKey(passphrase, kdf), fromHex(cipher.nonce))
  opener.setAAD(headerBytes(kdf, cipher))
  opener.setAuthTag(bytes.subarray(bytes.length - 16))
  let plain: Uint8Array
  try {
    plain = concat(opener.update(bytes.subarray(0, bytes.length - 16)), opener.final())
  } catch (cause) {
    throw new HoldfastError('KEY_PASSPHRASE', { path }, { cause })
  }
  try {
    return decodeCbor(plain, MAX_FILE)
  } catch (cause) {
    throw new HoldfastError('KEY_DAMAGED', { path, what: 'its payload is not valid' }, { cause })
  }
}

async function assertPrivate(path: string): Promise<void> {
  try {
    const { mode } = await stat(path)
    if ((mode & 0o077) !== 0)
      throw new HoldfastError('KEY_MODE', { path, mode: (mode & 0o777).toString(8).padStart(4, '0') })
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT') throw new HoldfastError('CONFIG_NOT_INITIALISED', { path }, { cause })
    throw asStoreError(path, cause)
  }
}

async function readDamaged(path: string): Promise<unknown> {
  try {
    return await readJson(path, MAX_FILE)
  } catch (cause) {
    throw new HoldfastError('KEY_DAMAGED', { path, what: 'it is not JSON, or too large' }, { cause })
  }
}

function parse(path: string, value: unknown): KeystoreFile {
  const damaged = (what: string) => new HoldfastError('KEY_DAMAGED', { path, what })
  const file = value as Partial<KeystoreFile> | null
  if (typeof file !== 'object' || file === null || file.kind !== 'holdfast-keystore')
    throw damaged('it is something else')
  if (file.schema !== 1) throw damaged(`version ${String(file.schema)} of the format is not known`)
  const { kdf, cipher, data } = file
  if (kdf?.name !== 'scrypt' || !isHex(kdf.salt, 32)) throw damaged('kdf')
  const { n, r, p } = kdf
  const isCost =
    [n, r, p].every((value) => Number.isSafeInteger(value) && value > 0) && n > 1 && Number.isInteger(Math.log2(n))
  if (!isCost || n * r * p > MAX_WORK) throw damaged('the cost of its kdf')
  if (cipher?.name !== 'aes-256-gcm' || !isHex(cipher.nonce, 24)) throw damaged('cipher')
  if (!isHex(data) || data.length < 34) throw damaged('data')
  return file as KeystoreFile
}

function isHex(value: unknown, digits?: number): value is string {
  if (typeof value !== 'string' || value.length % 2 !== 0) return false
  return (digits === undefined || value.length === digits) && /^[0-9a-f]*$/.test(value)
}

function headerBytes(kdf: KeystoreFile['kdf'], cipher: KeystoreFile['cipher']): Uint8Array {
  return utf8(`holdfast/keystore/1 ${kdf.name} ${kdf.n} ${kdf.r} ${kdf.p} ${kdf.salt} ${cipher.name} ${cipher.nonce}`)
}

function deriveKey(passphrase: string, { n, r, p, salt }: KeystoreFile['kdf']): Promise<Uint8Array> {
  const options: ScryptOptions = { N: n, r, p, maxmem: 128 * n * r + 256 * p * r + MiB }
  return new Promise((resolve, reject) => {
    // NFKC, so that the same passphrase typed on another system gives the same bytes.
    scrypt(utf8(passphrase.normalize('NFKC')), fromHex(salt), 32, options, (cause, key) =>
      cause ? reject(cause) : resolve(key),
    )
  })
}
