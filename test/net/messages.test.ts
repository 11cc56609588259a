import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import fc from 'fast-check'
import { fromHex, toHex } from '../../base/bytes.ts'
import { type CborValue, decodeCbor, encodeCbor } from '../../base/codec.ts'
import type { Address } from '../../base/curve.ts'
import { HoldfastError } from '../../base/errors.ts'
import { answersRootOf } from '../../blob/answers-root.ts'
import {
  type Bid,
  COMMITS_PER_PAGE,
  encodeBidMessage,
  MAX_BID_BYTES,
  REVEALS_PER_PAGE,
  type RevealEntry,
} from '../../net/messages/bid.ts'
import { MAX_DOCKET_FRAME } from '../../net/messages/docket.ts'
import { MAX_FETCH_BYTES } from '../../net/messages/fetch.ts'
import { only } from '../../net/messages/fields.ts'
import { decodeHandshake, MAX_HANDSHAKE_BYTES } from '../../net/messages/handshake.ts'
import { isIncluded, pathOf, rootOf, treeOf } from '../../net/messages/inclusion.ts'
import { encodeIndex, MAX_INDEX_BYTES } from '../../net/messages/index-records.ts'
import { decodeStore, MAX_STORE_BYTES } from '../../net/messages/store.ts'
import { errorOf } from '../../net/peer-error.ts'
import { DIGESTS, EXAMPLES, PROTOCOLS } from './message-examples.ts'

const CAPS: Record<keyof typeof PROTOCOLS, number> = {
  handshake: MAX_HANDSHAKE_BYTES,
  bid: MAX_BID_BYTES,
  store: MAX_STORE_BYTES,
  fetch: MAX_FETCH_BYTES,
  docket: MAX_DOCKET_FRAME,
  index: MAX_INDEX_BYTES,
}

function isMalformed(act: () => unknown): boolean {
  try {
    act()
    return false
  } catch (cause) {
    if (cause instanceof HoldfastError && cause.code === 'NET_MALFORMED') return true
    throw cause
  }
}

describe('net/messages', () => {
  const vectors = JSON.parse(readFileSync(new URL('../vectors/wire.json', import.meta.url), 'utf8')) as {
    messages: { name: string; protocol: keyof typeof PROTOCOLS; cbor: string }[]
    digests: Record<string, string>
  }

  it('encodes every example as the vectors say, and reads the vectors as the examples', () => {
    expect(vectors.messages.map(({ name }) => name)).to.deep.equal(EXAMPLES.map(({ name }) => name))
    for (const [i, { name, protocol, message }] of EXAMPLES.entries()) {
      const vector = vectors.messages[i] as { cbor: string }
      const { encode, decode } = PROTOCOLS[protocol]
      expect(toHex(encodeCbor(encode(message as never))), name).to.equal(vector.cbor)
      expect(decode(decodeCbor(fromHex(vector.cbor), CAPS[protocol])), name).to.deep.equal(withoutAbsent(message))
    }
  })

  it('has an example of every kind of message', () => {
    const kinds = (protocol: string) =>
      EXAMPLES.filter((one) => one.protocol === protocol).map((one) => one.message.kind as string)
    expect(new Set(kinds('handshake'))).to.have.keys('hi', 'hello', 'welcome')
    expect(new Set(kinds('bid'))).to.have.keys('invite', 'sealed', 'book', 'commits', 'reveal', 'outcome', 'reveals')
    expect(new Set(kinds('store'))).to.have.keys('offer', 'go', 'signed', 'renewal', 'rows', 'successor', 'taken')
    expect(new Set(kinds('fetch'))).to.have.keys('get', 'blob')
    expect(new Set(kinds('docket'))).to.have.keys('get', 'docket', 'push', 'release', 'go', 'taken')
    expect(new Set(kinds('index'))).to.have.keys('announce', 'taken', 'lookup', 'found')
  })

  it('computes the digests of the vectors', () => {
    expect(Object.fromEntries(Object.entries(DIGESTS).map(([name, bytes]) => [name, toHex(bytes)]))).to.deep.equal(
      vectors.digests,
    )
  })

  it('keeps every message within the cap of its protocol, the fullest pages too', () => {
    for (const { protocol, message } of EXAMPLES)
      expect(encodeCbor(PROTOCOLS[protocol].encode(message as never)).length).to.be.at.most(CAPS[protocol])
    const most = 2n ** 128n - 1n
    const steward: Address = `0x${'ff'.repeat(20)}`
    const word = new Uint8Array(32).fill(255)
    const bid: Bid = {
      steward,
      price: most,
      egressPrice: most,
      egressFree: Number.MAX_SAFE_INTEGER,
      bond: 2n ** 64n - 1n,
      capacity: Number.MAX_SAFE_INTEGER,
    }
    const reveals = Array.from({ length: REVEALS_PER_PAGE }, (): RevealEntry => ({ bid, salt: word, lot: 255 }))
    const commits = Array.from({ length: COMMITS_PER_PAGE }, () => ({ steward, commit: word, confidence: 1_000_000 }))
    for (const message of [
      { kind: 'reveals', entries: reveals } as const,
      { kind: 'commits', entries: commits } as const,
    ])
      expect(encodeCbor(encodeBidMessage(message)).length).to.be.at.most(MAX_BID_BYTES)
    const entries = Array.from({ length: 2_048 }, () => ({ key: word, blobId: word }))
    const announced = EXAMPLES.find(({ message }) => message.kind === 'announce')?.message as unknown as {
      statement: never
    }
    expect(encodeCbor(encodeIndex({ kind: 'announce', statement: announced.statement, entries })).length).to.be.at.most(
      MAX_INDEX_BYTES,
    )
  })

  it('refuses every example with one field missing, one too many, or one of another type', () => {
    for (const { name, protocol, message } of EXAMPLES) {
      const { encode, decode } = PROTOCOLS[protocol]
      const value = encode(message as never) as { readonly [kind: string]: { readonly [key: string]: CborValue } }
      const kind = Object.keys(value)[0] as string
      const body = value[kind] as { readonly [key: string]: CborValue }
      expect(
        isMalformed(() => decode({ [kind]: { ...body, surplus: 1 } })),
        `${name} surplus`,
      ).to.equal(true)
      expect(
        isMalformed(() => decode({ ...value, more: {} })),
        `${name} two kinds`,
      ).to.equal(true)
      expect(
        isMalformed(() => decode({ [`${kind}x`]: body })),
        `${name} unknown kind`,
      ).to.equal(true)
      for (const key of Object.keys(body)) {
        const { [key]: gone, ...rest } = body
        expect(
          isMalformed(() => decode({ [kind]: { ...body, [key]: 'another type' } })),
          `${name}.${key} type`,
        ).to.equal(true)
        const isOptional =
          ['from', 'locator', 'length', 'successor', 'txHash', 'lot'].includes(key) &&
          kind !== 'successor' &&
          kind !== 'docket'
        if (!isOptional)
          expect(
            isMalformed(() => decode({ [kind]: rest })),
            `${name}.${key} missing`,
          ).to.equal(true)
        if (gone instanceof Uint8Array && gone.length >= 20)
          expect(
            isMalformed(() => decode({ [kind]: { ...body, [key]: gone.subarray(1) } })),
            `${name}.${key} short`,
          ).to.equal(true)
      }
    }
  })

  it('does not crash or stall on any CBOR value in place of a message', () => {
    const leaf = fc.oneof(fc.nat(), fc.uint8Array({ maxLength: 80 }), fc.string({ maxLength: 20 }))
    const { value } = fc.letrec<{ value: CborValue }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4, withCrossShrink: true },
        leaf,
        fc.array(tie('value'), { maxLength: 5 }),
        fc.dictionary(fc.string({ maxLength: 8 }), tie('value'), { maxKeys: 5 }),
      ),
    }))
    for (const { decode } of Object.values(PROTOCOLS))
      fc.assert(
        fc.property(value, (any) => {
          expect(isMalformed(() => decode(any))).to.equal(true)
          errorOf(any, `0x${'0'.repeat(40)}`)
        }),
        { numRuns: 2_000 },
      )
  })

  it('does not crash or stall on random frames, nor on changed ones', () => {
    const all = EXAMPLES.map(({ protocol, message }) => ({
      protocol,
      bytes: encodeCbor(PROTOCOLS[protocol].encode(message as never)),
    }))
    const frame = fc.oneof(
      fc.record({
        protocol: fc.constantFrom(...(Object.keys(PROTOCOLS) as (keyof typeof PROTOCOLS)[])),
        bytes: fc.uint8Array({ maxLength: 300 }),
      }),
      fc.tuple(fc.constantFrom(...all), fc.nat(), fc.nat(255)).map(([{ protocol, bytes }, at, byte]) => {
        const changed = bytes.slice()
        changed[at % changed.length] = byte
        return { protocol, bytes: changed }
      }),
    )
    fc.assert(
      fc.property(frame, ({ protocol, bytes }) => {
        try {
          const message = PROTOCOLS[protocol].decode(decodeCbor(bytes, CAPS[protocol]))
          // What is read means exactly the bytes that came.
          expect(toHex(encodeCbor(PROTOCOLS[protocol].encode(message as never)))).to.equal(toHex(bytes))
        } catch (cause) {
          if (!(cause instanceof HoldfastError && cause.code === 'NET_MALFORMED')) throw cause
        }
      }),
      { numRuns: 10_000 },
    )
  })

  it('refuses the known tricks of decoders', () => {
    const bytes = {
      'a key __proto__': 'a1695f5f70726f746f5f5fa0',
      'duplicate keys': 'a2626869a0626869a0',
      NaN: 'a16268 69f97e00'.replace(' ', ''),
      'a negative number': 'a162686920',
      'an indefinite map': 'bf626869a0ff',
      'a tag': 'a1626869c1a0',
      null: 'a1626869f6',
      'a lone surrogate': 'a163eda0 80a0'.replace(' ', ''),
      'nesting of 40': `${'81'.repeat(40)}00`,
      'bytes after the end': 'a1626869a000',
    }
    for (const [name, hex] of Object.entries(bytes))
      expect(
        isMalformed(() => decodeHandshake(decodeCbor(fromHex(hex), 1024))),
        name,
      ).to.equal(true)
  })

  it('names what came in place of what was expected', () => {
    expect(() => only(decodeStore({ taken: {} }), 'go', 'signed'))
      .to.throw(HoldfastError)
      .with.property('code', 'NET_PROTOCOL')
    expect(only(decodeStore({ go: { offset: 5 } }), 'go').offset).to.equal(5)
  })

  it('proves inclusion in trees of every size, and nothing else', () => {
    for (let count = 1; count <= 33; count++) {
      const entries = Array.from({ length: count }, (_, i) => new Uint8Array(32).fill(i + 1))
      const tree = treeOf(entries)
      expect(toHex(rootOf(tree))).to.equal(toHex(answersRootOf(entries)))
      for (const [i, entry] of entries.entries()) {
        const path = pathOf(tree, i)
        expect(isIncluded(entry, i, count, path, rootOf(tree)), `${i} of ${count}`).to.equal(true)
        expect(isIncluded(entry, i + 1, count, path, rootOf(tree))).to.equal(false)
        expect(isIncluded(new Uint8Array(32), i, count, path, rootOf(tree))).to.equal(false)
        expect(isIncluded(entry, i, count, Uint8Array.from([...path, ...new Uint8Array(32)]), rootOf(tree))).to.equal(
          false,
        )
        if (path.length > 0) expect(isIncluded(entry, i, count, path.subarray(32), rootOf(tree))).to.equal(false)
      }
    }
  })
})

/** The value without fields that are absent, as a decoder gives it; rows keep theirs. */
function withoutAbsent(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutAbsent)
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value
  const kept = Object.entries(value).filter(([key, item]) => item !== undefined || key === 'blobId')
  return Object.fromEntries(kept.map(([key, item]) => [key, withoutAbsent(item)]))
}
