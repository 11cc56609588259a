/** What a client may ask of its sponsor's put book, and how it is written: tagged JSON, checked before it is used. */
import { HoldfastError } from '../base/errors.ts'
import { fromTagged, toTagged } from '../base/tagged-json.ts'
import { BOOK_METHODS } from '../uploader/put-book.ts'

/** The sponsor looks at each call before it passes it on. */
export type Call = (typeof BOOK_METHODS)[number]

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf8', { fatal: true })

export function encodeBody(value: unknown): Uint8Array {
  return value === undefined ? new Uint8Array(0) : encoder.encode(JSON.stringify(toTagged(value)))
}

/** @throws `NET_MALFORMED` */
export function decodeBody(bytes: Uint8Array): unknown {
  if (bytes.length === 0) return undefined
  try {
    return fromTagged(JSON.parse(decoder.decode(bytes)))
  } catch (cause) {
    throw new HoldfastError('NET_MALFORMED', { what: 'a call that is not tagged JSON' }, { cause })
  }
}

/** @throws `NET_PROTOCOL` for anything else */
export function callOf(method: string): Call {
  const call = BOOK_METHODS.find((one) => one === method)
  if (call === undefined) throw new HoldfastError('NET_PROTOCOL', { what: `sponsor/1 ${method.slice(0, 16)}` })
  return call
}
