/** Trees of RFC 6962 over short entries, with inclusion paths: one signature then speaks for each entry by itself. */
import { concat, equalBytes } from '../../base/bytes.ts'
import { sha256 } from '../../base/hash.ts'

/** Level 0 holds the leaf hashes, the last level the root alone. */
export type Tree = readonly (readonly Uint8Array[])[]

const LEAF = Uint8Array.of(0)
const NODE = Uint8Array.of(1)

/** The tree over at least one entry. */
export function treeOf(entries: readonly Uint8Array[]): Tree {
  const levels: Uint8Array[][] = [entries.map((entry) => sha256(LEAF, entry))]
  for (let level = levels[0] as Uint8Array[]; level.length > 1; level = levels.at(-1) as Uint8Array[]) {
    const above: Uint8Array[] = []
    // An odd one out rises unchanged, which is the same as RFC 6962's split at the largest power of two.
    for (let i = 0; i < level.length; i += 2)
      above.push(i + 1 < level.length ? parent(level[i], level[i + 1]) : (level[i] as Uint8Array))
    levels.push(above)
  }
  return levels
}

export function rootOf(tree: Tree): Uint8Array {
  return tree.at(-1)?.[0] as Uint8Array
}

/** The hashes beside the way from an entry to the root, joined. */
export function pathOf(tree: Tree, position: number): Uint8Array {
  const path: Uint8Array[] = []
  for (let level = 0, at = position; level < tree.length - 1; level++, at >>= 1) {
    const sibling = (tree[level] as readonly Uint8Array[])[at ^ 1]
    if (sibling !== undefined) path.push(sibling)
  }
  return concat(...path)
}

/** True when `entry` stands at `position` of the `count` entries under `root`. */
export function isIncluded(
  entry: Uint8Array,
  position: number,
  count: number,
  path: Uint8Array,
  root: Uint8Array,
): boolean {
  if (position >= count) return false
  let hash = sha256(LEAF, entry)
  let used = 0
  for (let at = position, width = count; width > 1; at >>= 1, width = Math.ceil(width / 2)) {
    if ((at ^ 1) >= width) continue
    const sibling = path.subarray(used, used + 32)
    if (sibling.length !== 32) return false
    used += 32
    hash = at % 2 === 0 ? parent(hash, sibling) : parent(sibling, hash)
  }
  return used === path.length && equalBytes(hash, root)
}

function parent(left: Uint8Array | undefined, right: Uint8Array | undefined): Uint8Array {
  return sha256(NODE, left as Uint8Array, right as Uint8Array)
}
