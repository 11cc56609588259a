/** kill -9 while blobs come in (F01): whatever was countersigned is there, whole, and signed the same; what was half there goes on. */
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { toHex } from '../../base/bytes.ts'
import { addressOf } from '../../base/curve.ts'
import { REFERENCE_AT_START } from '../../pricing/reference.ts'
import { effort } from '../effort.ts'
import { aNode, rng, stopNodes } from '../net/nodes.ts'
import { killChildren, startChild } from '../store/child.ts'
import { auction, sendBlob } from './client.ts'
import { aBlob, NOW, Uploader } from './rig.ts'

const CYCLES = effort(3, 15, 200)

describe('steward, killed', () => {
  let dir: string
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'holdfast-kill-'))
  })
  afterEach(async () => {
    await killChildren()
    await stopNodes()
    await rm(dir, { recursive: true, force: true })
  })

  it('loses nothing it has signed for, at whatever moment', async function () {
    this.timeout(60_000 * CYCLES)
    const secret = rng.bytes(32)
    const id = addressOf(secret)
    const uploader = new Uploader()
    const advert = uploader.advert({ lots: [{ count: 10, bytes: 2 ** 32, blobs: 1_000_000 }] })
    const signed: { offer: Parameters<typeof sendBlob>[2]; blob: Uint8Array; signature: string }[] = []
    let unsigned: (typeof signed)[0] | undefined
    let port = '0'
    for (let cycle = 0; cycle < CYCLES; cycle++) {
      const child = startChild('../steward/steward.child.ts', [dir, toHex(secret), port])
      const address = await child.line((line) => line.startsWith('/'), 30_000)
      port = /tcp\/(\d+)/.exec(address)?.[1] ?? '0'
      const target = { id, addresses: [address] }
      const net = await aNode({ listen: [] })
      if (cycle === 0) await auction(net, target, uploader, advert, 0)
      for (const { offer, blob, signature } of signed.slice(-10)) {
        const again = await sendBlob(net, target, offer, blob)
        expect(again.offset, 'not one byte is asked for again').to.equal(blob.length)
        expect(toHex(again.signature)).to.equal(signature)
      }
      if (unsigned) {
        const { offer, blob } = unsigned
        await sendBlob(net, target, offer, blob)
        unsigned = undefined
      }
      let timer: NodeJS.Timeout | undefined
      try {
        for (;;) {
          const blob = aBlob(1 + Math.floor(Math.random() * 600_000))
          const placement = uploader.placement(id, blob, advert, { price: 2n * REFERENCE_AT_START, start: NOW })
          const offer = { placement, signature: uploader.sign(placement) }
          unsigned = { offer, blob, signature: '' }
          const { signature } = await sendBlob(net, target, offer, blob)
          signed.push({ offer, blob, signature: toHex(signature) })
          // not before something was signed for: a busy machine may take its time
          timer ??= setTimeout(() => child.process.kill('SIGKILL'), Math.random() * 300)
          unsigned = undefined
        }
      } catch (cause) {
        expect(cause).to.have.property('name', 'HoldfastError')
      } finally {
        clearTimeout(timer)
      }
      await child.kill('SIGKILL')
      await net.stop()
    }
    expect(signed.length).to.be.at.least(CYCLES)
    const child = startChild('../steward/steward.child.ts', [dir, toHex(secret), port])
    const address = await child.line((line) => line.startsWith('/'), 30_000)
    const net = await aNode({ listen: [] })
    for (const { offer, blob, signature } of signed)
      expect(toHex((await sendBlob(net, { id, addresses: [address] }, offer, blob)).signature)).to.equal(signature)
    const parts = await readdir(join(dir, 'incoming'))
    expect(parts.length, 'what broke off can go on, nothing else is left').to.be.at.most(1)
  })
})
