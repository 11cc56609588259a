/** Writes test/vectors/wire.json from the examples: `node test/net/make-wire-vectors.ts`. A change of it is a change of the protocol. */
import { writeFileSync } from 'node:fs'
import { toHex } from '../../base/bytes.ts'
import { type CborValue, encodeCbor } from '../../base/codec.ts'
import { DIGESTS, EXAMPLES, PROTOCOLS, SECRETS } from './message-examples.ts'

/** Diagnostic form: bytes as h'…', integers beyond 2⁵³ as decimal text with n. */
function shown(value: CborValue): unknown {
  if (value instanceof Uint8Array) return `h'${toHex(value)}'`
  if (typeof value === 'bigint') return `${value}n`
  if (Array.isArray(value)) return value.map(shown)
  if (typeof value === 'object')
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, shown(item)]))
  return value
}

const hexed = (map: Readonly<Record<string, Uint8Array>>) =>
  Object.fromEntries(Object.entries(map).map(([name, bytes]) => [name, toHex(bytes)]))

const vectors = {
  source: 'docs/spec/wire.md; written by test/net/make-wire-vectors.ts from test/net/message-examples.ts',
  form: "values: h'…' are byte strings, …n are integers; cbor: the body of a frame, without its length",
  secrets: hexed(SECRETS),
  digests: hexed(DIGESTS),
  messages: EXAMPLES.map(({ name, protocol, message }) => {
    const value = (PROTOCOLS[protocol].encode as (message: unknown) => CborValue)(message)
    return { name, protocol, value: shown(value), cbor: toHex(encodeCbor(value)) }
  }),
}
writeFileSync(new URL('../vectors/wire.json', import.meta.url), `${JSON.stringify(vectors, null, 2)}\n`)
