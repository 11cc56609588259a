/**
 * The inner loop of the erasure code, in AssemblyScript (not TypeScript: excluded from tsc, compiled by
 * scripts/build-kernel.ts into blob/erasure-module.ts).
 *
 * Output o is the sum over inputs c of coefficient[o][c] · input[c] in GF(2^8). A product by a fixed coefficient is two
 * look-ups of sixteen bytes each, one by the low and one by the high nibble, which a swizzle does for sixteen bytes at
 * a time. The caller lays out memory:
 *
 *   tables    for each input c, for each of the m outputs o: 16 products of the low nibble, 16 of the high nibble
 *   inputs    k blocks, `stride` bytes apart
 *   outputs   m blocks, `stride` bytes apart, overwritten
 *
 * `length` is rounded up to whole vectors; the blocks have room for it.
 */

// @ts-nocheck: v128, usize and the decorators are AssemblyScript's.

/** Sixteen look-ups. Indices are nibbles, always below 16, where the relaxed and the strict instruction agree. */
@inline
function lookUp(table: v128, indices: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return i8x16.relaxed_swizzle(table, indices)
  return i8x16.swizzle(table, indices)
}

/** A running sum plus one product, by the tables of its two nibbles. */
@inline
function add(sum: v128, lowTable: v128, highTable: v128, low: v128, high: v128): v128 {
  return v128.xor(sum, v128.xor(lookUp(lowTable, low), lookUp(highTable, high)))
}

/** Up to eight outputs in one pass over the inputs. `m` is a constant at every call, so the unused sums fold away. */
@inline
function combine(m: i32, tables: usize, inputs: usize, outputs: usize, k: i32, length: i32, stride: i32): void {
  const mask = i8x16.splat(0x0f)
  const zero = i8x16.splat(0)
  for (let at: usize = 0; at < <usize>length; at += 16) {
    let s0 = zero
    let s1 = zero
    let s2 = zero
    let s3 = zero
    let s4 = zero
    let s5 = zero
    let s6 = zero
    let s7 = zero
    let input = inputs + at
    let table = tables
    for (let c = 0; c < k; c++) {
      const bytes = v128.load(input)
      const low = v128.and(bytes, mask)
      const high = i8x16.shr_u(bytes, 4)
      s0 = add(s0, v128.load(table, 0), v128.load(table, 16), low, high)
      if (m > 1) s1 = add(s1, v128.load(table, 32), v128.load(table, 48), low, high)
      if (m > 2) s2 = add(s2, v128.load(table, 64), v128.load(table, 80), low, high)
      if (m > 3) s3 = add(s3, v128.load(table, 96), v128.load(table, 112), low, high)
      if (m > 4) s4 = add(s4, v128.load(table, 128), v128.load(table, 144), low, high)
      if (m > 5) s5 = add(s5, v128.load(table, 160), v128.load(table, 176), low, high)
      if (m > 6) s6 = add(s6, v128.load(table, 192), v128.load(table, 208), low, high)
      if (m > 7) s7 = add(s7, v128.load(table, 224), v128.load(table, 240), low, high)
      table += m << 5
      input += stride
    }
    let output = outputs + at
    v128.store(output, s0)
    if (m > 1) v128.store((output += stride), s1)
    if (m > 2) v128.store((output += stride), s2)
    if (m > 3) v128.store((output += stride), s3)
    if (m > 4) v128.store((output += stride), s4)
    if (m > 5) v128.store((output += stride), s5)
    if (m > 6) v128.store((output += stride), s6)
    if (m > 7) v128.store((output += stride), s7)
  }
}

/** m outputs, 1 to 8, of k inputs. */
export function multiply(m: i32, tables: usize, inputs: usize, outputs: usize, k: i32, length: i32, stride: i32): void {
  switch (m) {
    case 1: return combine(1, tables, inputs, outputs, k, length, stride)
    case 2: return combine(2, tables, inputs, outputs, k, length, stride)
    case 3: return combine(3, tables, inputs, outputs, k, length, stride)
    case 4: return combine(4, tables, inputs, outputs, k, length, stride)
    case 5: return combine(5, tables, inputs, outputs, k, length, stride)
    case 6: return combine(6, tables, inputs, outputs, k, length, stride)
    case 7: return combine(7, tables, inputs, outputs, k, length, stride)
    case 8: return combine(8, tables, inputs, outputs, k, length, stride)
  }
}
