import { expect } from 'chai'
import fc from 'fast-check'
import { toHex } from '../../base/bytes.ts'
import { HoldfastError } from '../../base/errors.ts'
import { type InventoryItem, inventoryOf, isAt, MAX_PATH } from '../../pool/inventory.ts'
import { effort } from '../effort.ts'
import { rng } from '../net/nodes.ts'

const anItem = (length: number): InventoryItem => ({ blobId: rng.bytes(32), length, digest: rng.bytes(32) })
const items = (...lengths: readonly number[]) => lengths.map(anItem)

describe('pool/inventory', () => {
  it('leads every byte to the one placement that holds it, and shows the way', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 40 }), (lengths) => {
        const tree = inventoryOf(items(...lengths))
        expect(tree.total).to.equal(lengths.reduce((sum, length) => sum + length, 0))
        let offset = 0
        for (const item of tree.items)
          for (let i = 0; i < item.length; i++, offset++) {
            const found = tree.proveAt(offset)
            expect(toHex(found.item.blobId)).to.equal(toHex(item.blobId))
            expect(isAt(tree, offset, found.item, found.path)).to.equal(true)
          }
      }),
      { numRuns: effort(20, 200) },
    )
  })

  it('fits no other offset, length, placement, way, root or total', () => {
    const tree = inventoryOf(items(10, 20, 30, 40, 50))
    const { item, path } = tree.proveAt(75)
    expect(isAt(tree, 75, item, path)).to.equal(true)
    const start = tree.items.slice(0, tree.items.indexOf(item)).reduce((sum, { length }) => sum + length, 0)
    expect(isAt(tree, start - 1, item, path), 'the byte before it').to.equal(false)
    expect(isAt(tree, start + item.length, item, path), 'the byte behind it').to.equal(false)
    expect(isAt(tree, 75, { ...item, length: item.length + 1 }, path)).to.equal(false)
    expect(isAt(tree, 75, { ...item, digest: rng.bytes(32) }, path)).to.equal(false)
    expect(isAt(tree, 75, item, path.slice(1))).to.equal(false)
    expect(
      isAt(
        tree,
        75,
        item,
        path.map((one) => ({ ...one, left: 1 - one.left })),
      ),
    ).to.equal(false)
    expect(
      isAt(
        tree,
        75,
        item,
        path.map((one) => ({ ...one, sum: one.sum + 1 })),
      ),
    ).to.equal(false)
    expect(isAt({ ...tree, total: tree.total + 1 }, 75, item, path)).to.equal(false)
    expect(isAt({ ...tree, root: rng.bytes(32) }, 75, item, path)).to.equal(false)
  })

  it('is one tree whatever the order, and counts a blob once', () => {
    const all = items(5, 6, 7, 8)
    const twice = { ...anItem(7), blobId: (all[2] as InventoryItem).blobId }
    const tree = inventoryOf(all)
    expect(toHex(inventoryOf([...all].reverse()).root)).to.equal(toHex(tree.root))
    expect(inventoryOf([...all, twice]).total).to.equal(26)
  })

  it('refuses an empty one, empty blobs, and offsets beyond the end', () => {
    const code = (act: () => unknown) => {
      try {
        act()
      } catch (cause) {
        return cause instanceof HoldfastError ? cause.code : String(cause)
      }
      return 'none'
    }
    expect(code(() => inventoryOf([]))).to.equal('INPUT_RANGE')
    expect(code(() => inventoryOf(items(5, 0)))).to.equal('INPUT_RANGE')
    expect(code(() => inventoryOf(items(Number.MAX_SAFE_INTEGER, 1)))).to.equal('INPUT_RANGE')
    expect(code(() => inventoryOf(items(5)).proveAt(5))).to.equal('INPUT_RANGE')
    expect(code(() => inventoryOf(items(5)).proveAt(-1))).to.equal('INPUT_RANGE')
    const sibling = { sum: 1, hash: rng.bytes(32), left: 0 }
    expect(isAt(inventoryOf(items(5)), 0, anItem(5), Array(MAX_PATH + 1).fill(sibling))).to.equal(false)
  })
})
