import { expect } from 'chai'
import { toHex } from '../../base/bytes.ts'
import { answerOf } from '../../blob/challenge.ts'
import { blobIdOf } from '../../blob/whiten.ts'
import { type Answering, createAnswering } from '../../steward/answering.ts'
import type { BlobFiles } from '../../store/blob-files.ts'
import { rng } from '../net/nodes.ts'
import { codeOf, DOMAIN } from './rig.ts'

const MB = 2 ** 20

/** Blobs in memory, read as the disk would: in pieces of 1 MiB, each its own. */
function inMemory(
  ...blobs: readonly Uint8Array[]
): Pick<BlobFiles, 'read' | 'stream'> & { readonly ids: readonly Uint8Array[] } {
  const ids = blobs.map(blobIdOf)
  const find = (id: Uint8Array) => blobs[ids.findIndex((one) => toHex(one) === toHex(id))] as Uint8Array
  return {
    ids,
    read: async (id) => find(id).slice(),
    async *stream(id) {
      const blob = find(id)
      for (let at = 0; at < blob.length; at += MB) yield blob.slice(at, at + MB)
    },
  }
}

describe('steward/answering', () => {
  const open: Answering[] = []
  const answering = (files: Pick<BlobFiles, 'read' | 'stream'>, threads: number) => {
    const made = createAnswering({ files, domain: DOMAIN, threads })
    open.push(made)
    return made.answer
  }
  afterEach(async () => {
    for (const one of open.splice(0)) await one.close()
  })

  it('gives the same answers here and in threads, for every size, many at once', async () => {
    const blobs = [1, MB - 1, MB, MB + 1, 2 * MB, 5 * MB + 7].map((length) => rng.bytes(length))
    const files = inMemory(...blobs)
    const nonces = [rng.bytes(32), rng.bytes(32)]
    for (const threads of [0, 2]) {
      const answer = answering(files, threads)
      const answers = await Promise.all(
        blobs.map((blob, i) => answer({ blobId: files.ids[i] as Uint8Array, length: blob.length }, nonces)),
      )
      for (const [i, blob] of blobs.entries())
        expect(answers[i]?.map(toHex)).to.deep.equal(
          nonces.map((nonce) => toHex(answerOf(DOMAIN, files.ids[i] as Uint8Array, blob, nonce))),
        )
    }
  })

  it('gives no answer for bytes that are not the blob: altered, short, long', async () => {
    const blob = rng.bytes(3 * MB)
    const blobId = blobIdOf(blob)
    const altered = blob.slice()
    altered[2 * MB] = (altered[2 * MB] as number) ^ 1
    for (const bytes of [altered, blob.subarray(0, 2 * MB), new Uint8Array(3 * MB + 1)])
      for (const threads of [0, 1]) {
        const files = { read: async () => bytes, stream: inMemory(bytes).stream }
        const renamed = { ...files, stream: () => inMemory(bytes).stream(blobIdOf(bytes)) }
        expect(await codeOf(answering(renamed, threads)({ blobId, length: blob.length }, [rng.bytes(32)]))).to.equal(
          'BLOB_CORRUPT',
        )
      }
  })

  it('passes on what the disk says, and answers the next one', async () => {
    const blob = rng.bytes(2 * MB)
    const files = inMemory(blob)
    let isBroken = true
    const answer = answering(
      {
        ...files,
        async *stream(id) {
          if (isBroken) throw new Error('EIO')
          yield* files.stream(id)
        },
      },
      1,
    )
    const challenged = { blobId: files.ids[0] as Uint8Array, length: blob.length }
    const nonce = rng.bytes(32)
    expect(await codeOf(answer(challenged, [nonce]))).to.equal('Error: EIO')
    isBroken = false
    expect((await answer(challenged, [nonce])).map(toHex)).to.deep.equal([
      toHex(answerOf(DOMAIN, challenged.blobId, blob, nonce)),
    ])
  })
})
