/** The cap: 32 bytes that find, decrypt and authenticate an object, and their text form (protocol.md §2.5). */
import { hash } from 'node:crypto'
import { bech32m } from '@scure/base'
import { assertBytes, concat, utf8 } from '../base/bytes.ts'
import { HoldfastError } from '../base/errors.ts'
import { sha256 } from '../base/hash.ts'

const PREFIX = 'hf'
const VERSION = 1
/** hf1, 53 characters of version and cap, 6 of checksum. */
const TEXT_LENGTH = 62
/** Longer texts are not even decoded; a later version may be longer than ours. */
const MAX_TEXT = 500

/** The cap of a manifest (the small one, when the object has two). */
export function capOf(manifest: Uint8Array): Uint8Array {
  return hash('sha256', concat(utf8('holdfast/cap/1'), manifest), 'buffer')
}

/** Where copies of the manifest are announced, and the object's id: whoever sees it learns nothing of the cap. 32 bytes. */
export function locatorOf(cap: Uint8Array): Uint8Array {
  assertBytes(cap, 32, 'cap')
  return sha256(utf8('holdfast/locator/1'), cap)
}

/** The cap as text to pass on: "hf1…", 62 characters. Whoever has it can read the object. */
export function formatCap(cap: Uint8Array): string {
  assertBytes(cap, 32, 'cap')
  return bech32m.encodeFromBytes(PREFIX, concat(Uint8Array.of(VERSION), cap))
}

/** The cap of a text; space around it and upper case do not matter. @throws `INPUT_CAP` saying what is wrong, never the text itself. */
export function parseCap(text: string): Uint8Array {
  const trimmed = text.trim()
  if (!/^hf1/i.test(trimmed)) return refuse('it does not begin with hf1')
  if (trimmed.length > MAX_TEXT) return refuse(`it has ${trimmed.length} characters instead of ${TEXT_LENGTH}`)
  const illegal = [...trimmed.slice(3)].findIndex((char) => !/[023456789acdefghjklmnpqrstuvwxyz]/i.test(char))
  if (illegal >= 0) return refuse(`character ${illegal + 4} cannot occur in one`)
  let payload: Uint8Array
  try {
    payload = bech32m.decodeToBytes(trimmed).bytes
  } catch {
    // the library's message quotes the text, which is a secret: it is not kept as a cause
    if (trimmed.length !== TEXT_LENGTH) return refuse(`it has ${trimmed.length} characters instead of ${TEXT_LENGTH}`)
    return refuse('its checksum does not fit, so a character is wrong')
  }
  if (payload[0] !== VERSION)
    return refuse(`it is of version ${payload[0] ?? 'none'}, and this program knows version ${VERSION}`)
  if (payload.length !== 33) return refuse(`it holds ${payload.length - 1} bytes instead of 32`)
  return payload.slice(1)
}

function refuse(what: string): never {
  throw new HoldfastError('INPUT_CAP', { what })
}
