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
import { MAX_BULK_BYTES } from '../../net/messages/bulk.ts'
import { MAX_DOCKET_FRAME } from '../../net/messages/docket.ts'
import { MAX_FETCH_BYTES } from '../../net/messages/fetch.ts'
import { only } from '../../net/messages/fields.ts'
import { decodeHandshake, MAX_HANDSHAKE_BYTES } from '../../net/messages/handshake.ts'
import { isIncluded, pathOf, rootOf, treeOf } from '../../net/messages/inclusion.ts'
import { encodeIndex, MAX_INDEX_BYTES } from '../../net/messages/index-records.ts'
import {
  encodeReportMessage,
  MAX_REPORT_BYTES,
  MAX_REPORT_EVIDENCE,
  MAX_VERDICT_EVIDENCE,
} from '../../net/messages/report.ts'
import { DRAWS_PER_PAGE, encodeRight, MAX_CHALLENGES, MAX_DEPOSIT, MAX_RIGHT_BYTES } from '../../net/messages/right.ts'
import { MAX_SPONSOR_BYTES } from '../../net/messages/sponsor.ts'
import { decodeStore, MAX_STORE_BYTES } from '../../net/messages/store.ts'
import { MAX_VOUCHER_FRAME } from '../../net/messages/voucher.ts'
import { errorOf } from '../../net/peer-error.ts'
import { effort } from '../effort.ts'
import { DIGESTS, EXAMPLES, PROTOCOLS } from './message-examples.ts'

const CAPS: Record<keyof typeof PROTOCOLS, number> = {
  handshake: MAX_HANDSHAKE_BYTES,
  bid: MAX_BID_BYTES,
  store: MAX_STORE_BYTES,
  fetch: MAX_FETCH_BYTES,
  docket: MAX_DOCKET_FRAME,
  index: MAX_INDEX_BYTES,
  report: MAX_REPORT_BYTES,
  right: MAX_RIGHT_BYTES,
  sponsor: MAX_SPONSOR_BYTES,
  bulk: MAX_BULK_BYTES,
  voucher: MAX_VOUCHER_FRAME,
}

/** The codec of a protocol, without the union of all their messages: the compiler gives up on that. */
function codecOf(protocol: keyof typeof PROTOCOLS): {
  encode(value: never): CborValue
  decode(value: CborValue): object
} {
  return PROTOCOLS[protocol]
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
      const { encode, decode } = codecOf(protocol)
      expect(toHex(encodeCbor(encode(message as never))), name).to.equal(vector.cbor)
      expect(decode(decodeCbor(fromHex(vector.cbor), CAPS[protocol])), name).to.deep.equal(withoutAbsent(message))
    }
  })

  it('has an example of every kind of message', () => {
    const kinds = (protocol: string) =>
      EXAMPLES.filter((one) => one.protocol === protocol).map((one) => one.message.kind as string)
    expect(new Set(kinds('handshake'))).to.have.keys('hi', 'hello', 'welcome')
    expect(new Set(kinds('bid'))).to.have.keys('invite', 'sealed', 'book', 'commits', 'reveal', 'outcome', 'reveals')
    expect(new Set(kinds('store'))).to.have.keys(
      'offer',
      'go',
      'signed',
      'renewal',
      'terms',
      'quote',
      'leaving',
      'notice',
      'rows',
      'successor',
      'taken',
      'sent',
      'inline',
    )
    expect(new Set(kinds('fetch'))).to.have.keys('get', 'blob', 'aside')
    expect(new Set(kinds('docket'))).to.have.keys(
      'get',
      'docket',
      'push',
      'ask',
      'nothing',
      'release',
      'bisect',
      'answer',
      'go',
      'taken',
    )
    expect(new Set(kinds('bulk'))).to.have.keys('take', 'bytes', 'give', 'go', 'taken')
    expect(new Set(kinds('index'))).to.have.keys('announce', 'taken', 'lookup', 'found')
    expect(new Set(kinds('report'))).to.have.keys(
      'report',
      'verdict',
      'taken',
      'call',
      'ballot',
      'open',
      'vote',
      'demand',
      'appeal',
      'heard',
      'hearing',
      'ask',
      'assigned',
    )
    expect(new Set(kinds('sponsor'))).to.have.keys('call', 'result', 'blob', 'signed')
    expect(new Set(kinds('right'))).to.have.keys(
      'ask',
      'draw',
      'leaves',
      'challenge',
      'answers',
      'granted',
      'deposit',
      'taken',
    )
  })

  it('computes the digests of the vectors', () => {
    expect(Object.fromEntries(Object.entries(DIGESTS).map(([name, bytes]) => [name, toHex(bytes)]))).to.deep.equal(
      vectors.digests,
    )
  })

  it('keeps every message within the cap of its protocol, the fullest pages too', () => {
    for (const { protocol, message } of EXAMPLES)
      expect(encodeCbor(codecOf(protocol).encode(message as never)).length).to.be.at.most(CAPS[protocol])
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
    const commits = Array.from({ length: COMMITS_PER_PAGE }, () => ({
      steward,
      commit: word,
      confidence: 1_000_000,
      cluster: 4096,
      newcomer: 1,
      backing: 2n ** 64n - 1n,
    }))
    for (const message of [
      { kind: 'reveals', entries: reveals } as const,
      { kind: 'commits', entries: commits } as const,
    ])
      expect(encodeCbor(encodeBidMessage(message)).length).to.be.at.most(MAX_BID_BYTES)
    const find = (name: string) => EXAMPLES.find((one) => one.name === name)?.message as never
    const { entries: drawn } = find('placements that were drawn') as { entries: readonly { path: readonly object[] }[] }
    const leaf = drawn[0] as { path: readonly object[] }
    const path = Array.from({ length: 48 }, () => ({ sum: Number.MAX_SAFE_INTEGER, hash: word, left: 1 }))
    const leaves = Array.from({ length: DRAWS_PER_PAGE }, () => ({ ...leaf, path }))
    const { entries: lent } = find('deposit with a verifier') as { entries: readonly object[] }
    const ticket = { nonce: word, seal: word }
    const deposits = Array.from({ length: MAX_DEPOSIT }, () => ({ ...lent[1], tickets: [ticket, ticket] }))
    const nonces = Array.from({ length: MAX_CHALLENGES }, () => ({ blobId: word, nonce: word }))
    for (const message of [
      { kind: 'leaves', entries: leaves },
      { kind: 'challenge', nonces },
      { ...(find('deposit with a verifier') as object), entries: deposits },
    ])
      expect(encodeCbor(encodeRight(message as never)).length, message.kind).to.be.at.most(MAX_RIGHT_BYTES)
    const entries = Array.from({ length: 2_048 }, () => ({ key: word, blobId: word }))
    const announced = EXAMPLES.find(({ message }) => message.kind === 'announce')?.message as unknown as {
      statement: never
    }
    expect(encodeCbor(encodeIndex({ kind: 'announce', statement: announced.statement, entries })).length).to.be.at.most(
      MAX_INDEX_BYTES,
    )
    for (const { protocol, message } of EXAMPLES) {
      if (protocol !== 'report') continue
      const full =
        message.kind === 'report' || message.kind === 'call'
          ? { ...message, report: { ...message.report, evidence: new Uint8Array(MAX_REPORT_EVIDENCE) } }
          : message.kind === 'verdict'
            ? { ...message, verdict: { ...message.verdict, evidence: new Uint8Array(MAX_VERDICT_EVIDENCE) } }
            : message
      expect(encodeCbor(encodeReportMessage(full)).length).to.be.at.most(MAX_REPORT_BYTES)
    }
  })

  it('refuses reports and verdicts with more evidence than their caps, or of a kind or class that is not one', () => {
    for (const { protocol, message } of EXAMPLES) {
      if (protocol !== 'report' || (message.kind !== 'report' && message.kind !== 'verdict')) continue
      const inner = message.kind === 'report' ? message.report : message.verdict
      for (const change of [
        { evidence: new Uint8Array(MAX_VERDICT_EVIDENCE + 1) },
        { [message.kind === 'report' ? 'kind' : 'class']: 'hearsay' },
        { signature: new Uint8Array(64) },
        { at: 2 ** 32 },
      ]) {
        const changed = encodeReportMessage({ ...message, [message.kind]: { ...inner, ...change } } as never)
        expect(isMalformed(() => PROTOCOLS.report.decode(changed))).to.equal(true)
      }
    }
  })

  it('refuses every example with one field missing, one too many, or one of another type', () => {
    for (const { name, protocol, message } of EXAMPLES) {
      const { encode, decode } = codecOf(protocol)
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
          isMalformed(() => decode({ [kind]: { ...body, [key]: typeof body[key] === 'string' ? 7 : 'another type' } })),
          `${name}.${key} type`,
        ).to.equal(true)
        const isOptional =
          (key === 'right' && kind === 'offer') ||
          (kind === 'go' && key === 'transfer') ||
          (['from', 'locator', 'length', 'successor', 'txHash', 'lot', 'plain', 'known'].includes(key) &&
            kind !== 'successor' &&
            kind !== 'docket')
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
      bytes: encodeCbor(codecOf(protocol).encode(message as never)),
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
          const message = codecOf(protocol).decode(decodeCbor(bytes, CAPS[protocol]))
          // What is read means exactly the bytes that came.
          expect(toHex(encodeCbor(codecOf(protocol).encode(message as never)))).to.equal(toHex(bytes))
        } catch (cause) {
          if (!(cause instanceof HoldfastError && cause.code === 'NET_MALFORMED')) throw cause
        }
      }),
      { numRuns: effort(10_000, 100_000, 2_000_000) },
    )
  }).timeout(effort(60_000, 300_000, 7_200_000))

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
