/**
 * The bulk arithmetic of the erasure code: blocks of 8 KiB go into WebAssembly memory, are combined there by SIMD, and
 * come out again, so memory stays at 2.5 MiB whatever the size of the shares. Where WebAssembly SIMD is missing, the
 * same result comes from plain JavaScript, some fifty times slower.
 */
import { PLAIN_KERNEL, RELAXED_KERNEL } from './erasure-module.ts'
import { multiplyBytes } from './galois.ts'

/** Adds up products: outputs[r] = Σ_c rows[r][c] · inputs[c], all of one length. At most 256 inputs and outputs together. */
export type Combine = (
  rows: readonly Uint8Array[],
  inputs: readonly Uint8Array[],
  outputs: readonly Uint8Array[],
) => void

/** The three ways to compute the same: two WebAssembly modules and the fallback. */
export type KernelKind = 'relaxed' | 'plain' | 'script'

/** Bytes of each share worked on at a time: ten of them stay in the second-level cache. stack.md §6. */
const BLOCK = 8192
/** Distance of blocks. One cache line more than a block, so that equal offsets do not compete for the same cache sets. */
const STRIDE = BLOCK + 64
/** Outputs in one pass over the inputs: what fits the vector registers. */
const GROUP = 8
/** A product table: sixteen products of the low nibble, sixteen of the high one. */
const TABLE = 32
/** Most tables: k · m with k + m ≤ 256. */
const TABLES_END = 128 * 128 * TABLE
const PAGE = 65_536
const PAGES = Math.ceil((TABLES_END + 256 * STRIDE) / PAGE)

/** As much of the engine's own object as is used here; TypeScript declares it only together with the browser's DOM. */
declare const WebAssembly: {
  validate(module: Uint8Array): boolean
  Memory: new (limits: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer }
  Module: new (bytes: Uint8Array) => object
  Instance: new (
    module: object,
    imports: { env: { memory: object } },
  ) => { readonly exports: { readonly multiply: Multiply } }
}

type Multiply = (
  m: number,
  tables: number,
  inputs: number,
  outputs: number,
  k: number,
  length: number,
  stride: number,
) => void

/** The fastest kernel that runs here. */
export function selectKernelKind(): KernelKind {
  if (WebAssembly.validate(decodeModule(RELAXED_KERNEL))) return 'relaxed'
  return WebAssembly.validate(decodeModule(PLAIN_KERNEL)) ? 'plain' : 'script'
}

/** A kernel of its own memory; not for use by two threads at once. */
export function createKernel(kind: KernelKind): Combine {
  return kind === 'script' ? combineInScript : createWasmKernel(kind === 'relaxed' ? RELAXED_KERNEL : PLAIN_KERNEL)
}

function decodeModule(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0))
}

function createWasmKernel(base64: string): Combine {
  const memory = new WebAssembly.Memory({ initial: PAGES, maximum: PAGES })
  const instance = new WebAssembly.Instance(new WebAssembly.Module(decodeModule(base64)), { env: { memory } })
  const multiply = instance.exports.multiply
  const bytes = new Uint8Array(memory.buffer)
  const blocks = Array.from(
    { length: 256 },
    (_, index) => new Uint8Array(memory.buffer, TABLES_END + index * STRIDE, BLOCK),
  )
  return (rows, inputs, outputs) => {
    const k = inputs.length
    const length = inputs[0]?.length ?? 0
    writeTables(bytes, rows, k)
    const outputsAt = TABLES_END + k * STRIDE
    for (let at = 0; at < length; at += BLOCK) {
      const size = Math.min(BLOCK, length - at)
      for (let c = 0; c < k; c++) (blocks[c] as Uint8Array).set((inputs[c] as Uint8Array).subarray(at, at + size))
      for (let r = 0; r < rows.length; r += GROUP) {
        const m = Math.min(GROUP, rows.length - r)
        multiply(m, r * k * TABLE, TABLES_END, outputsAt + r * STRIDE, k, size, STRIDE)
      }
      for (let r = 0; r < rows.length; r++) {
        const block = blocks[k + r] as Uint8Array
        ;(outputs[r] as Uint8Array).set(size === BLOCK ? block : block.subarray(0, size), at)
      }
    }
  }
}

/** Tables in the order in which the kernel reads them: by group of outputs, then input, then output. */
function writeTables(bytes: Uint8Array, rows: readonly Uint8Array[], k: number): void {
  let to = 0
  for (let r = 0; r < rows.length; r += GROUP) {
    const group = rows.slice(r, r + GROUP)
    for (let c = 0; c < k; c++) {
      for (const row of group) {
        const factor = row[c] as number
        for (let nibble = 0; nibble < 16; nibble++) {
          bytes[to + nibble] = multiplyBytes(factor, nibble)
          bytes[to + 16 + nibble] = multiplyBytes(factor, nibble << 4)
        }
        to += TABLE
      }
    }
  }
}

const combineInScript: Combine = (rows, inputs, outputs) => {
  const products = new Uint8Array(256)
  for (const [r, row] of rows.entries()) {
    const output = outputs[r] as Uint8Array
    output.fill(0)
    for (const [c, input] of inputs.entries()) {
      for (let byte = 0; byte < 256; byte++) products[byte] = multiplyBytes(row[c] as number, byte)
      for (let i = 0; i < input.length; i++)
        output[i] = (output[i] as number) ^ (products[input[i] as number] as number)
    }
  }
}
