import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { fromHex, toHex } from '../../base/bytes.ts'
import { type BlobFiles, openBlobFiles } from '../../store/blob-files.ts'
import { openBlobSink } from '../../store/blob-sink.ts'
import { killChildren, startChild } from './child.ts'
import { rejection } from './rejection.ts'
import { silent } from './silent.ts'

const idOf = (blob: Uint8Array) => new Uint8Array(createHash('sha256').update(blob).digest())

describe('store/blob-files', () => {
  let home: string
  before(async () => {
    home = await mkdtemp(join(tmpdir(), 'holdfast-blobs-'))
  })
  after(async () => {
    await killChildren()
    await rm(home, { recursive: true, force: true })
  })

  async function aStore(): Promise<{ directory: string; files: BlobFiles }> {
    const directory = await mkdtemp(join(home, 'store-'))
    return { directory, files: await openBlobFiles(directory, { log: silent }) }
  }
  async function put(files: BlobFiles, blob: Uint8Array): Promise<Uint8Array> {
    const sink = await files.write(idOf(blob), blob.length)
    await sink.write(blob.subarray(sink.offset))
    await sink.finish()
    return idOf(blob)
  }

  it('keeps a blob at blobs/<first two hex>/<hex> and gives it back whole, in pieces and in part', async () => {
    const { directory, files } = await aStore()
    const blob = randomBytes(2_500_000)
    const id = await put(files, blob)
    expect(await stat(join(directory, 'blobs', toHex(id).slice(0, 2), toHex(id)))).to.have.property('size', blob.length)
    expect(blob.equals(await files.read(id))).to.equal(true)
    const pieces: Uint8Array[] = []
    for await (const piece of files.stream(id)) pieces.push(piece)
    expect(pieces.map((piece) => piece.length)).to.deep.equal([1_048_576, 1_048_576, 402_848])
    expect(Buffer.concat(pieces).equals(blob)).to.equal(true)
    const part: Uint8Array[] = []
    for await (const piece of files.stream(id, { offset: 1_000_000, length: 17 })) part.push(piece)
    expect(Buffer.concat(part).equals(blob.subarray(1_000_000, 1_000_017))).to.equal(true)
    expect(await files.size(id)).to.equal(blob.length)
    expect(await files.verify(id)).to.equal(true)
  })

  it('takes nothing for durable whose directory could not be synced', async () => {
    const { directory, files } = await aStore()
    const blob = randomBytes(1000)
    const hex = toHex(idOf(blob))
    const [part, place] = [join(directory, 'incoming', `${hex}.part`), join(directory, 'blobs', hex)]
    const shelve = async () => {
      await rename(part, place)
      throw Object.assign(new Error('fsync'), { code: 'EIO' })
    }
    const sink = await openBlobSink({ hex, length: 1000, isHere: false, part, place, shelve, release() {} })
    await sink.write(blob)
    expect(await rejection(sink.finish())).to.have.property('code', 'STORE_UNUSABLE')
    expect(await rejection(stat(place))).to.have.property('code', 'ENOENT')
    expect((await files.write(idOf(blob), blob.length)).offset).to.equal(0)
  })

  it('stores an empty blob, lists everything, and removes durably and once', async () => {
    const { files } = await aStore()
    const ids = [await put(files, new Uint8Array()), await put(files, randomBytes(10))]
    const listed: string[] = []
    for await (const { id, bytes } of files.list()) listed.push(`${toHex(id)} ${bytes}`)
    expect(listed.sort()).to.deep.equal(
      [`${toHex(ids[0] as Uint8Array)} 0`, `${toHex(ids[1] as Uint8Array)} 10`].sort(),
    )
    expect(await files.remove(ids[0] as Uint8Array)).to.equal(true)
    expect(await files.remove(ids[0] as Uint8Array)).to.equal(false)
    expect(await rejection(files.read(ids[0] as Uint8Array))).to.have.property('code', 'BLOB_UNKNOWN')
    for await (const _ of files.list()) return
    expect.fail('the other blob is gone too')
  })

  it('continues an interrupted arrival and checks the id over all of it', async () => {
    const { files } = await aStore()
    const blob = randomBytes(100_000)
    const first = await files.write(idOf(blob), blob.length)
    await first.write(blob.subarray(0, 33_333))
    expect(await rejection(files.write(idOf(blob), blob.length))).to.have.property('code', 'PEER_BUSY')
    await first.suspend()
    const second = await files.write(idOf(blob), blob.length)
    expect(second.offset).to.equal(33_333)
    expect(await rejection(second.finish())).to.have.property('code', 'NET_PROTOCOL')
    await second.write(blob.subarray(33_333))
    await second.finish()
    expect(await files.verify(idOf(blob))).to.equal(true)
  })

  it('refuses bytes that are not those of the id, and more bytes than announced; nothing stays', async () => {
    const { directory, files } = await aStore()
    const id = idOf(randomBytes(3))
    const sink = await files.write(id, 4)
    await sink.write(Uint8Array.of(1, 2, 3))
    expect(await rejection(sink.write(Uint8Array.of(4, 5)))).to.have.property('code', 'NET_OVERSIZE')
    await sink.write(Uint8Array.of(4))
    expect(await rejection(sink.finish())).to.have.property('code', 'BLOB_CORRUPT')
    expect(await files.has(id)).to.equal(false)
    expect(await readdir(join(directory, 'incoming'))).to.deep.equal([])
    const dropped = await files.write(id, 4)
    await dropped.write(Uint8Array.of(1))
    await dropped.abort()
    expect(await readdir(join(directory, 'incoming'))).to.deep.equal([])
  })

  it('needs no bytes for a blob it holds, and takes it anew when the one it holds has rotted', async () => {
    const { directory, files } = await aStore()
    const blob = randomBytes(5000)
    const id = await put(files, blob)
    const again = await files.write(id, blob.length)
    expect(again.offset).to.equal(blob.length)
    await again.finish()
    await truncate(join(directory, 'blobs', toHex(id).slice(0, 2), toHex(id)), 4999)
    expect(await files.verify(id)).to.equal(false)
    const anew = await files.write(id, blob.length)
    expect(anew.offset).to.equal(0)
    await anew.write(blob)
    await anew.finish()
    expect(await files.verify(id)).to.equal(true)
    const reason = await readFile(join(directory, 'quarantine', `${toHex(id)}.json`), 'utf8')
    expect(JSON.parse(reason).reason).to.include('damaged')
    expect(await stat(join(directory, 'quarantine', toHex(id)))).to.have.property('size', 4999)
  })

  it('finds every kind of damage: a flipped bit at either end, an emptied and an extended file', async () => {
    const { directory, files } = await aStore()
    for (const damage of [
      (b: Buffer) => (b[0] = (b[0] as number) ^ 1),
      (b: Buffer) => (b[b.length - 1] = (b[b.length - 1] as number) ^ 128),
    ]) {
      const id = await put(files, randomBytes(1000))
      const path = join(directory, 'blobs', toHex(id).slice(0, 2), toHex(id))
      const bytes = await readFile(path)
      damage(bytes)
      await writeFile(path, bytes)
      expect(await files.verify(id)).to.equal(false)
    }
    for (const length of [0, 999, 1001]) {
      const id = await put(files, randomBytes(1000))
      await truncate(join(directory, 'blobs', toHex(id).slice(0, 2), toHex(id)), length)
      expect(await files.verify(id)).to.equal(false)
      expect(await files.quarantine(id, 'test')).to.equal(true)
      expect(await files.has(id)).to.equal(false)
    }
  })

  it('refuses an arrival that would touch the reserve', async () => {
    const files = await openBlobFiles(await mkdtemp(join(home, 'full-')), {
      log: silent,
      reserveBytes: Number.MAX_SAFE_INTEGER,
    })
    expect(await rejection(files.write(new Uint8Array(32), 1))).to.have.property('code', 'STORE_FULL')
  })

  it('holds every acknowledged blob, intact, and no half of one, when the writer is killed (5 cycles)', async () => {
    const directory = await mkdtemp(join(home, 'killed-'))
    const acknowledged: string[] = []
    for (let cycle = 0; cycle < 5; cycle++) {
      const child = startChild('blob-writer.child.ts', [directory])
      await child.line(() => child.lines.length > 5 + 3 * cycle)
      await child.kill('SIGKILL')
      acknowledged.push(...child.lines)
      const parts = await readdir(join(directory, 'incoming'))
      const files = await openBlobFiles(directory, { log: silent })
      expect(await readdir(join(directory, 'incoming')), `of ${parts.length} parts`).to.deep.equal([])
      for (const line of acknowledged.slice(-40)) {
        const [hex = '', bytes] = line.split(' ')
        expect(await files.size(fromHex(hex))).to.equal(Number(bytes))
      }
      for await (const { id } of files.list()) expect(await files.verify(id), toHex(id)).to.equal(true)
    }
  })
})
