/**
 * An inventory: what a repository stores for others, as the root of a Merkle-sum tree over its placements. Every node says how many bytes
 * lie below it, so a byte offset leads to exactly one placement, and bytes that are not there cannot be skipped when the verifier draws
 * (pool.md, "The right to store", step 1). Pure.
 */
import { compareBytes, equalBytes, u64 } from '../base/bytes.ts'
import { HoldfastError } from '../base/errors.ts'
import { sha256 } from '../base/hash.ts'

/** One placement in the tree. */
export interface InventoryItem {
  /** 32 bytes. Each blob stands once, however many placements there are over it. */
  readonly blobId: Uint8Array
  /** Bytes of the blob, at least 1. */
  readonly length: number
  /** EIP-712 digest of the newest placement both sides signed. 32 bytes. */
  readonly digest: Uint8Array
}

/** The node beside one on the way up. */
export interface Sibling {
  /** Bytes below it. */
  readonly sum: number
  /** 32 bytes. */
  readonly hash: Uint8Array
  /** 1: it stands on the left. */
  readonly left: number
}

interface Node {
  readonly sum: number
  readonly hash: Uint8Array
}

/** The tree; its root is what is committed to. */
export interface Inventory {
  /** Ascending by blob id. */
  readonly items: readonly InventoryItem[]
  /** Bytes in all. */
  readonly total: number
  /** 32 bytes. */
  readonly root: Uint8Array
  /** The item that holds the byte at `offset`, and the way from it to the root. @throws `INPUT_RANGE` beyond the end */
  proveAt(offset: number): { readonly item: InventoryItem; readonly path: readonly Sibling[] }
}

/** Deeper no tree can be: 2⁴⁸ placements. */
export const MAX_PATH = 48

const LEAF = Uint8Array.of(0)
const INNER = Uint8Array.of(1)

function leafOf({ length, digest }: Pick<InventoryItem, 'length' | 'digest'>): Node {
  return { sum: length, hash: sha256(LEAF, u64(length), digest) }
}

function parentOf(left: Node, right: Node): Node {
  return { sum: left.sum + right.sum, hash: sha256(INNER, u64(left.sum), left.hash, u64(right.sum), right.hash) }
}

/** Builds the tree; of several placements over one blob the first counts. @throws `INPUT_RANGE` when there is nothing, or more than 2⁵³ bytes */
export function inventoryOf(placements: Iterable<InventoryItem>): Inventory {
  const sorted = [...placements].sort((a, b) => compareBytes(a.blobId, b.blobId))
  const items = sorted.filter(
    ({ blobId }, i) => i === 0 || !equalBytes(blobId, (sorted[i - 1] as InventoryItem).blobId),
  )
  const levels: Node[][] = [items.map(leafOf)]
  for (let level = levels[0] as Node[]; level.length > 1; level = levels.at(-1) as Node[]) {
    const above: Node[] = []
    for (let i = 0; i < level.length; i += 2) {
      const [left, right] = [level[i] as Node, level[i + 1]]
      above.push(right === undefined ? left : parentOf(left, right))
    }
    levels.push(above)
  }
  const top = levels.at(-1)?.[0]
  if (top === undefined || !Number.isSafeInteger(top.sum) || items.some(({ length }) => length < 1))
    throw new HoldfastError('INPUT_RANGE', { name: 'inventory', expected: 'some bytes', got: top?.sum ?? 0 })
  return {
    items,
    total: top.sum,
    root: top.hash,
    proveAt: (offset) => {
      if (!Number.isSafeInteger(offset) || offset < 0 || offset >= top.sum)
        throw new HoldfastError('INPUT_RANGE', { name: 'offset', expected: `below ${top.sum}`, got: offset })
      const path: Sibling[] = []
      let rest = offset
      let at = 0
      for (let level = levels.length - 2; level >= 0; level--) {
        const nodes = levels[level] as readonly Node[]
        const [left, right] = [nodes[2 * at] as Node, nodes[2 * at + 1]]
        const goesRight = right !== undefined && rest >= left.sum
        if (right !== undefined) path.push(goesRight ? { ...left, left: 1 } : { ...right, left: 0 })
        if (goesRight) rest -= left.sum
        at = 2 * at + (goesRight ? 1 : 0)
      }
      return { item: items[at] as InventoryItem, path: path.reverse() }
    },
  }
}

/**
 * True when the placement lies at this byte of an inventory with this root and total. Every sum on the way is recomputed from below, so a
 * node that claims more bytes than lie under it fits no path through it.
 */
export function isAt(
  { root, total }: Pick<Inventory, 'root' | 'total'>,
  offset: number,
  item: Pick<InventoryItem, 'length' | 'digest'>,
  path: readonly Sibling[],
): boolean {
  if (path.length > MAX_PATH) return false
  let node = leafOf(item)
  let start = 0
  for (const { sum, hash, left } of path) {
    const sibling: Node = { sum, hash }
    if (!Number.isSafeInteger(node.sum + sum)) return false
    if (left === 1) start += sum
    node = left === 1 ? parentOf(sibling, node) : parentOf(node, sibling)
  }
  return equalBytes(node.hash, root) && node.sum === total && start <= offset && offset < start + item.length
}
