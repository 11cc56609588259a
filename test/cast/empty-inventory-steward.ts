/**
 * EmptyInventorySteward: says that it stores more than it does, to store elsewhere without money. It keeps nine tenths of what was placed with it and lists it
 * all; or it keeps next to nothing and signs the same inventory. What is drawn of it is the product's own choice.
 */
import { toHex } from '../../base/bytes.ts'
import type { Address } from '../../base/curve.ts'
import { inventoryOf, isAt } from '../../pool/inventory.ts'
import { RIGHT_POLICY } from '../../pool/right-policy.ts'
import { type Drawn, isEnough, offsetAt } from '../../pool/sample.ts'
import { rng } from '../net/nodes.ts'

const UPLOADERS = 12
const PLACEMENTS = 300
const LENGTH = 1_000

/**
 * Percent of its challenges that a repository passes when a part of its bytes is missing: a challenge is failed when one blob that was
 * drawn is not there to answer for.
 */
export function passed(challenges: number, missing: number): number {
  const tree = inventoryOf(
    Array.from({ length: PLACEMENTS }, () => ({ blobId: rng.bytes(32), length: LENGTH, digest: rng.bytes(32) })),
  )
  const extent = { total: tree.total, count: PLACEMENTS, uploaders: UPLOADERS }
  const drawnAt = new Map(tree.items.map(({ blobId }, i) => [toHex(blobId), drawnOf(toHex(blobId), i)]))
  const gone = new Set(tree.items.filter((_, i) => i < missing * PLACEMENTS).map(({ blobId }) => toHex(blobId)))
  let sound = 0
  for (let challenge = 0; challenge < challenges; challenge++) {
    const seed = rng.bytes(32)
    const sample = new Map<string, Drawn>()
    for (let i = 0; i < RIGHT_POLICY.draws; i++) {
      const offset = offsetAt(seed, tree.root, i, tree.total)
      const { item, path } = tree.proveAt(offset)
      if (i === 0 && !isAt(tree, offset, item, path)) throw new Error('the tree does not prove itself')
      const blob = toHex(item.blobId)
      sample.set(blob, drawnAt.get(blob) as Drawn)
      if (isEnough([...sample.values()], 10 * LENGTH, extent, RIGHT_POLICY)) break
    }
    if (![...sample.keys()].some((blob) => gone.has(blob))) sound++
  }
  return (100 * sound) / challenges
}

function drawnOf(blobId: string, i: number): Drawn {
  const uploader: Address = `0x${String(i % UPLOADERS).padStart(40, '0')}`
  return { blobId, length: LENGTH, cluster: uploader, uploader, isEligible: true }
}
