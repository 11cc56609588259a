import { createHash } from 'node:crypto'
import { expect } from 'chai'
import fc from 'fast-check'
import { fromHex, toHex } from '../../base/bytes.ts'
import { HoldfastError } from '../../base/errors.ts'
import { decodeShares, encodeShares, encodingMatrix, rebuildShares } from '../../blob/erasure.ts'
import { createKernel, type KernelKind } from '../../blob/erasure-kernel.ts'
import zfec from '../vectors/erasure.json' with { type: 'json' }
import protocol from '../vectors/protocol.json' with { type: 'json' }

interface Shape {
  readonly k: number
  readonly n: number
  readonly length: number
  readonly shares?: readonly string[]
  readonly shareSha256?: readonly string[]
  readonly sha256?: string
}

const KINDS: readonly KernelKind[] = ['relaxed', 'plain', 'script']
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index)
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
const aPrimary = (j: number, length: number) =>
  Uint8Array.from({ length }, (_, i) => i * i + 7 * i * j + 31 * j + (i >> 8))
const primariesOf = (k: number, length: number) => upTo(k).map((j) => aPrimary(j, length))

function subsets(items: readonly number[], size: number): number[][] {
  if (size === 0) return [[]]
  return items.flatMap((item, at) => subsets(items.slice(at + 1), size - 1).map((rest) => [item, ...rest]))
}

describe('blob/erasure', () => {
  it('has the matrices of the protocol vectors', () => {
    expect(encodingMatrix(3, 10).map((row) => [...row])).to.deep.equal(protocol.matrix_3_10)
    const wide = encodingMatrix(8, 24)
    expect([...(wide[8] as Uint8Array)]).to.deep.equal(protocol.matrix_8_24_row_8)
    expect([...(wide[23] as Uint8Array)]).to.deep.equal(protocol.matrix_8_24_row_23)
    expect([...(encodingMatrix(3, 256)[255] as Uint8Array)]).to.deep.equal(protocol.matrix_3_256_row_255)
  })

  for (const shape of zfec.shapes as readonly Shape[]) {
    const { k, n, length } = shape
    it(`makes the shares that zfec makes, ${k} of ${n}, ${length} bytes each, with every kernel`, () => {
      const primary = primariesOf(k, length)
      for (const kind of KINDS) {
        const shares = encodeShares(primary, k, n, upTo(n), { combine: createKernel(kind) })
        if (shape.shares) expect(shares.map(toHex), kind).to.deep.equal(shape.shares)
        if (shape.shareSha256) expect(shares.map(sha256), kind).to.deep.equal(shape.shareSha256)
        if (shape.sha256) expect(sha256(Buffer.concat(shares)), kind).to.equal(shape.sha256)
        // the last k shares hold no primary unless they overlap: the hardest decode
        const last = new Map(
          upTo(n)
            .slice(n - k)
            .map((i) => [i, shares[i] as Uint8Array]),
        )
        expect(
          decodeShares(last, k, n, { combine: createKernel(kind) }).every(
            (share, j) => Buffer.compare(share, primary[j] as Uint8Array) === 0,
          ),
          kind,
        ).to.equal(true)
      }
    })
  }

  it('gives the primaries back from every 3 of zfec\u2019s 10 shares, in any order', () => {
    const shape = (zfec.shapes as readonly Shape[]).find(
      ({ k, n, length }) => k === 3 && n === 10 && length === 20,
    ) as Shape
    const shares = (shape.shares as readonly string[]).map((hex) => fromHex(hex))
    const all = subsets(upTo(10), 3)
    expect(all).to.have.length(120)
    for (const subset of all) {
      for (const order of [subset, [...subset].reverse()]) {
        const given = new Map(order.map((i) => [i, shares[i] as Uint8Array]))
        expect(decodeShares(given, 3, 10).map(toHex), order.join(' ')).to.deep.equal(shape.shares?.slice(0, 3))
      }
    }
  })

  it('rebuilds any missing shares from any k, for random shapes and lengths', () => {
    const shape = fc.integer({ min: 1, max: 256 }).chain((n) =>
      fc.record({
        n: fc.constant(n),
        k: fc.integer({ min: 1, max: n }),
        length: fc.integer({ min: 0, max: 70 }),
        seed: fc.integer(),
      }),
    )
    fc.assert(
      fc.property(shape, ({ n, k, length, seed }) => {
        const primary = upTo(k).map((j) =>
          Uint8Array.from({ length }, (_, i) => Math.imul(seed + j * 977 + i, 0x9e3779b1) >>> 24),
        )
        const shares = encodeShares(primary, k, n, upTo(n))
        const order = upTo(n).sort((a, b) => Math.imul(a + 1, seed | 1) - Math.imul(b + 1, seed | 1))
        const given = new Map(order.slice(0, k).map((i) => [i, shares[i] as Uint8Array]))
        const rebuilt = rebuildShares(given, k, n, upTo(n))
        for (const i of upTo(n)) expect(Buffer.compare(rebuilt[i] as Uint8Array, shares[i] as Uint8Array)).to.equal(0)
      }),
      { numRuns: 60 },
    )
  })

  it('gives the same whatever the kernel, at every length around a block', () => {
    for (const length of [0, 1, 15, 16, 17, 8191, 8192, 8193, 16384, 20000]) {
      const primary = primariesOf(4, length)
      const [first, ...others] = KINDS.map((kind) =>
        encodeShares(primary, 4, 13, upTo(13), { combine: createKernel(kind) }).map(sha256),
      )
      for (const other of others) expect(other).to.deep.equal(first)
    }
  })

  it('returns given shares as they came in, also as views of a larger buffer', () => {
    const whole = Uint8Array.from({ length: 60 }, (_, i) => i)
    const primary = [whole.subarray(0, 20), whole.subarray(20, 40), whole.subarray(40, 60)]
    const [second, last] = encodeShares(primary, 3, 10, [1, 9])
    expect(second).to.equal(primary[1])
    expect(last).to.not.equal(undefined)
    expect(decodeShares(new Map(primary.entries()), 3, 10)[2]).to.equal(primary[2])
  })

  it('works in the caller\u2019s memory, without touching the rest of it', () => {
    const primary = primariesOf(3, 100)
    const buffers = [new Uint8Array(150).fill(7), new Uint8Array(100).fill(7)]
    const shares = encodeShares(primary, 3, 10, [8, 0, 9], { buffers })
    expect(shares.map(toHex)).to.deep.equal(encodeShares(primary, 3, 10, [8, 0, 9]).map(toHex))
    expect(shares[0]?.buffer).to.equal(buffers[0]?.buffer)
    expect(shares[1]).to.equal(primary[0])
    expect([...(buffers[0] as Uint8Array).subarray(100)].every((byte) => byte === 7)).to.equal(true)
    expect(() => encodeShares(primary, 3, 10, [7, 8, 9], { buffers })).to.throw(
      HoldfastError,
      /^buffers: expected 3 of/,
    )
    expect(() => encodeShares(primary, 3, 10, [7], { buffers: [new Uint8Array(99)] })).to.throw(
      HoldfastError,
      /^buffers/,
    )
  })

  it('refuses shapes, indices and lengths that are no code, by name', () => {
    const one = [new Uint8Array(4)]
    const refuse = (what: () => unknown, pattern: RegExp) => {
      expect(what).to.throw(HoldfastError, pattern).with.property('code', 'INPUT_RANGE')
    }
    refuse(() => encodeShares(one, 0, 3, []), /^k: /)
    refuse(() => encodeShares(one, 4, 3, []), /^k: /)
    refuse(() => encodeShares(one, 1, 257, []), /^n: /)
    refuse(() => encodeShares(one, 1.5, 3, []), /^k: /)
    refuse(() => encodeShares(one, 2, 3, []), /^primary: expected 2 shares, got 1/)
    refuse(() => encodeShares(one, 1, 3, [3]), /^wanted share: /)
    refuse(() => encodeShares(one, 1, 3, [1, 1]), /^wanted: /)
    refuse(() => encodeShares([new Uint8Array(4), new Uint8Array(5)], 2, 3, []), /^share 1: expected 4 bytes, got 5/)
    refuse(() => decodeShares(new Map([[0, new Uint8Array(4)]]), 2, 3), /^shares: expected at least 2, got 1/)
    refuse(() => decodeShares(new Map([[-1, new Uint8Array(4)]]), 1, 3), /^share index: /)
  })
})
