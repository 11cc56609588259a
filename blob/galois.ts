/**
 * GF(2⁸) modulo x⁸+x⁴+x³+x²+1, and the rows of the erasure code (protocol.md §2.3).
 *
 * The code is a polynomial code: the k primary shares are the values of a polynomial of degree below k at the points
 * x_0 … x_{k−1}, share i its value at x_i, with x_0 = 0 and x_i = 2^(i−1). That is the Vandermonde matrix of the
 * protocol multiplied by the inverse of its top square, without inverting anything: the factor of share h in share i
 * is a Lagrange coefficient. It holds for any k known shares, so encoding, decoding and repair are one formula.
 */

/** x⁸+x⁴+x³+x²+1, without the x⁸. protocol.md §2.3. */
const REDUCTION = 0x1d

/** powers[e] = 2^e for 0 ≤ e < 510, so that a sum of two logarithms needs no reduction. */
const powers = new Uint8Array(510)
/** logarithms[2^e] = e; of zero there is none. */
const logarithms = new Uint8Array(256)
for (let e = 0, x = 1; e < 255; e++) {
  powers[e] = x
  powers[e + 255] = x
  logarithms[x] = e
  x = x & 0x80 ? ((x << 1) & 0xff) ^ REDUCTION : x << 1
}

/** Product of two bytes of the field. */
export function multiplyBytes(a: number, b: number): number {
  return a === 0 || b === 0 ? 0 : (powers[(logarithms[a] as number) + (logarithms[b] as number)] as number)
}

/** The point at which share `index` is the polynomial's value. */
function pointOf(index: number): number {
  return index === 0 ? 0 : (powers[index - 1] as number)
}

/**
 * How to make some shares from others: share wanted[r] = Σ_c rows[r][c] · share known[c].
 * @param known k share indices, distinct, 0 to 255
 * @param wanted share indices, 0 to 255; one that is known gets a unit row
 * @returns one row of k factors per wanted share
 */
export function deriveRows(known: readonly number[], wanted: readonly number[]): Uint8Array[] {
  const points = known.map(pointOf)
  // log of Π_{m ≠ c} (x_c − x_m), modulo 255; subtraction is xor
  const weights = points.map((point, c) => sumOfLogs(points, point, c))
  return wanted.map((index) => {
    const row = new Uint8Array(points.length)
    const at = pointOf(index)
    const own = points.indexOf(at)
    if (own >= 0) {
      row[own] = 1
      return row
    }
    const all = sumOfLogs(points, at, -1)
    for (const [c, point] of points.entries()) {
      // Π_{m ≠ c} (x − x_m) / Π_{m ≠ c} (x_c − x_m)
      row[c] = powers[(all + 510 - (logarithms[at ^ point] as number) - (weights[c] as number)) % 255] as number
    }
    return row
  })
}

function sumOfLogs(points: readonly number[], at: number, except: number): number {
  let sum = 0
  for (const [m, point] of points.entries()) if (m !== except) sum += logarithms[at ^ point] as number
  return sum % 255
}
