/**
 * SHA-256 whose state can be written down and taken up again: what a cheat keeps instead of the bytes. node:crypto can copy a state but not
 * store it, so the compression function of FIPS 180-4 stands here; the test compares it with node's.
 */

const WORDS = 16
const BLOCK = 64

/** The first 32 bits of the fractional parts of the roots of the first primes: square roots (2) for the start, cube roots (3) for the rounds. */
function rootsOfPrimes(count: number, root: 2 | 3): Uint32Array {
  const bits = BigInt(32 * root)
  const found: number[] = []
  for (let candidate = 2; found.length < count; candidate++) {
    let isPrime = true
    for (let divisor = 2; divisor * divisor <= candidate; divisor++) if (candidate % divisor === 0) isPrime = false
    if (isPrime) found.push(Number(BigInt.asUintN(32, integerRoot(BigInt(candidate) << bits, BigInt(root)))))
  }
  return Uint32Array.from(found)
}

/** ⌊value^(1/root)⌋, by halving. */
function integerRoot(value: bigint, root: bigint): bigint {
  let low = 0n
  let high = 1n << 40n
  while (high - low > 1n) {
    const middle = (low + high) / 2n
    if (middle ** root <= value) low = middle
    else high = middle
  }
  return low
}

const START = rootsOfPrimes(8, 2)
const ROUND = rootsOfPrimes(64, 3)

/** A running SHA-256. */
export class HashState {
  private readonly words: Uint32Array
  private tail: Uint8Array<ArrayBuffer>
  private length: number

  constructor(words: Uint32Array = START, tail = new Uint8Array(0), length = 0) {
    this.words = words.slice()
    this.tail = tail.slice()
    this.length = length
  }

  copy(): HashState {
    return new HashState(this.words, this.tail, this.length)
  }

  update(bytes: Uint8Array): this {
    const all = new Uint8Array(this.tail.length + bytes.length)
    all.set(this.tail)
    all.set(bytes, this.tail.length)
    const whole = all.length - (all.length % BLOCK)
    const schedule = new Uint32Array(64)
    const view = new DataView(all.buffer)
    for (let at = 0; at < whole; at += BLOCK) compress(this.words, view, at, schedule)
    this.tail = all.slice(whole)
    this.length += bytes.length
    return this
  }

  /** The digest so far; the state can go on afterwards. */
  digest(): Uint8Array {
    const ending = this.copy()
    const pad = new Uint8Array(((119 - (this.length % BLOCK)) % BLOCK) + 9)
    pad[0] = 0x80
    new DataView(pad.buffer).setBigUint64(pad.length - 8, BigInt(this.length) * 8n)
    ending.update(pad)
    const digest = new Uint8Array(32)
    const view = new DataView(digest.buffer)
    for (const [i, word] of ending.words.entries()) view.setUint32(4 * i, word)
    return digest
  }

  /** 40 bytes and the unfinished block: all there is to know about what was hashed, however long it was. */
  encode(): Uint8Array {
    const bytes = new Uint8Array(40 + this.tail.length)
    const view = new DataView(bytes.buffer)
    for (const [i, word] of this.words.entries()) view.setUint32(4 * i, word)
    view.setBigUint64(32, BigInt(this.length))
    bytes.set(this.tail, 40)
    return bytes
  }

  static decode(bytes: Uint8Array): HashState {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const words = Uint32Array.from({ length: 8 }, (_, i) => view.getUint32(4 * i))
    return new HashState(words, bytes.slice(40), Number(view.getBigUint64(32)))
  }
}

const turn = (word: number, by: number) => (word >>> by) | (word << (32 - by))

function compress(words: Uint32Array, view: DataView, at: number, w: Uint32Array): void {
  for (let i = 0; i < WORDS; i++) w[i] = view.getUint32(at + 4 * i)
  for (let i = WORDS; i < 64; i++) {
    const early = w[i - 15] as number
    const late = w[i - 2] as number
    const s0 = turn(early, 7) ^ turn(early, 18) ^ (early >>> 3)
    const s1 = turn(late, 17) ^ turn(late, 19) ^ (late >>> 10)
    w[i] = (w[i - 16] as number) + s0 + (w[i - 7] as number) + s1
  }
  let [a, b, c, d, e, f, g, h] = words as unknown as [number, number, number, number, number, number, number, number]
  for (let i = 0; i < 64; i++) {
    const s1 = turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + (ROUND[i] as number) + (w[i] as number)) | 0
    const s0 = turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)
    const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0
    h = g
    g = f
    f = e
    e = (d + t1) | 0
    d = c
    c = b
    b = a
    a = (t1 + t2) | 0
  }
  for (const [i, word] of [a, b, c, d, e, f, g, h].entries()) words[i] = (words[i] as number) + word
}
