import { expect } from 'chai'
import { toHex } from '../../base/bytes.ts'
import type { Address } from '../../base/curve.ts'
import { type Inventory, type InventoryItem, inventoryOf } from '../../pool/inventory.ts'
import { RIGHT_POLICY } from '../../pool/right-policy.ts'
import { creditOf, type Drawn, isEnough, offsetAt } from '../../pool/sample.ts'
import { effort } from '../effort.ts'
import { rng } from '../net/nodes.ts'

const uploaders = Array.from({ length: 12 }, (_, i): Address => `0x${String(i).padStart(40, '0')}`)
const drawn = (blob: number, uploader: number, length = 100, change: Partial<Drawn> = {}): Drawn => ({
  blobId: String(blob),
  length,
  uploader: uploaders[uploader] as Address,
  cluster: uploaders[uploader] as Address,
  isEligible: true,
  ...change,
})
const extent = { total: 1_000_000, count: 1000, uploaders: 12 }

/** What the verifier would draw of an inventory, by the product's own functions. */
function sampleOf(tree: Inventory, seed: Uint8Array): readonly Drawn[] {
  const [{ length }] = tree.items as [InventoryItem]
  const count = tree.items.length
  const ids = new Map(tree.items.map(({ blobId }, i) => [toHex(blobId), i]))
  const sample = new Map<number, Drawn>()
  const all = { total: tree.total, count, uploaders: uploaders.length }
  for (let i = 0; i < RIGHT_POLICY.draws; i++) {
    const { item } = tree.proveAt(offsetAt(seed, tree.root, i, tree.total))
    const at = ids.get(toHex(item.blobId)) as number
    sample.set(at, drawn(at, at % uploaders.length, length))
    if (isEnough([...sample.values()], 10 * length, all, RIGHT_POLICY)) break
  }
  return [...sample.values()]
}

describe('pool/sample', () => {
  it('draws offsets of the seed, the root and the number, all below the total', () => {
    const [seed, root] = [rng.bytes(32), rng.bytes(32)]
    const offsets = Array.from({ length: 100 }, (_, i) => offsetAt(seed, root, i, 1000))
    expect(offsets.every((offset) => offset >= 0 && offset < 1000)).to.equal(true)
    expect(new Set(offsets).size).to.be.greaterThan(80)
    expect(offsetAt(seed, root, 0, 2 ** 52)).to.equal(offsetAt(seed, root, 0, 2 ** 52))
    expect(offsetAt(rng.bytes(32), root, 0, 2 ** 52)).to.not.equal(offsetAt(seed, root, 0, 2 ** 52))
    expect(offsetAt(seed, rng.bytes(32), 0, 2 ** 52)).to.not.equal(offsetAt(seed, root, 0, 2 ** 52))
  })

  it('is enough with 16 placements of 6 uploaders that cover what is asked for', () => {
    const wide = Array.from({ length: 16 }, (_, i) => drawn(i, i % 6))
    expect(isEnough(wide, 600, extent, RIGHT_POLICY)).to.equal(true)
    expect(isEnough(wide.slice(1), 600, extent, RIGHT_POLICY), 'fifteen').to.equal(false)
    expect(
      isEnough(
        wide.map((one) => ({ ...one, uploader: uploaders[0] as Address })),
        600,
        extent,
        RIGHT_POLICY,
      ),
    ).to.equal(false)
    expect(isEnough(wide, 1601, extent, RIGHT_POLICY), 'more than was drawn').to.equal(false)
    expect(isEnough([...wide.slice(1), wide[1] as Drawn], 600, extent, RIGHT_POLICY), 'one twice').to.equal(false)
  })

  it('asks for no more placements and uploaders than there are', () => {
    const few = Array.from({ length: 6 }, (_, i) => drawn(i, i))
    expect(isEnough(few, 600, { total: 600, count: 6, uploaders: 6 }, RIGHT_POLICY)).to.equal(true)
    expect(isEnough(few, 600, { total: 700, count: 7, uploaders: 6 }, RIGHT_POLICY)).to.equal(false)
  })

  it('counts a sixth of one cluster at most, and nothing that is not eligible', () => {
    expect(creditOf([drawn(1, 0, 10_000)], 600, RIGHT_POLICY)).to.equal(100)
    expect(creditOf([drawn(1, 0, 80), drawn(2, 0, 80), drawn(3, 1, 80)], 600, RIGHT_POLICY)).to.equal(180)
    const ring = Array.from({ length: 12 }, (_, i) => drawn(i, i, 1000, { cluster: 'one owner' }))
    expect(creditOf(ring, 600, RIGHT_POLICY)).to.equal(100)
    expect(creditOf([drawn(1, 0), drawn(2, 1, 100, { isEligible: false })], 600, RIGHT_POLICY)).to.equal(100)
    expect(creditOf([drawn(1, 0, 50), drawn(1, 0, 50)], 600, RIGHT_POLICY), 'drawn twice').to.equal(50)
  })

  it('catches a repository that misses a tenth of its bytes in four challenges of five', () => {
    const runs = effort(2_000, 20_000)
    let caught = 0
    const tree = inventoryOf(
      Array.from({ length: 200 }, () => ({ blobId: rng.bytes(32), length: 1000, digest: rng.bytes(32) })),
    )
    let fewest = Number.POSITIVE_INFINITY
    for (let run = 0; run < runs; run++) {
      const sample = sampleOf(tree, rng.bytes(32))
      fewest = Math.min(fewest, sample.length)
      // blobs stand in the order of random ids: every tenth is a random tenth
      if (sample.some(({ blobId }) => Number(blobId) % 10 === 0)) caught++
    }
    expect(fewest).to.be.at.least(16)
    // 1 − 0.9¹⁶ = 0.815; four standard deviations of room
    const room = 4 * Math.sqrt((0.8 * 0.2) / runs)
    expect(caught / runs).to.be.at.least(0.8 - room)
  }).timeout(60_000)
})
