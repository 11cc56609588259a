/**
 * Blob files of a steward that does not keep blobs. Whatever arrives is checked, acknowledged and deleted; what stands in for it, and its
 * length, is remembered over restarts, so that the steward looks like one that holds everything: renewals, sizes and lists agree.
 */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { concat, fromHex, readU32, toHex, u32 } from '../../base/bytes.ts'
import { HoldfastError } from '../../base/errors.ts'
import type { BlobFiles, BlobSink } from '../../store/blob-files.ts'

/** What is kept of a blob. */
export interface Remains {
  /** Bytes of the blob that was. */
  readonly length: number
  readonly kept: Uint8Array
}

export interface HollowFiles extends BlobFiles {
  /** What is kept instead of a blob; undefined: it never came. */
  remainsOf(id: Uint8Array): Remains | undefined
}

/** @param makeRemains what to keep of a blob whose bytes go in a moment */
export async function openHollowFiles(
  honest: BlobFiles,
  directory: string,
  makeRemains: (bytes: Uint8Array) => Uint8Array,
): Promise<HollowFiles> {
  const place = join(directory, 'remains')
  await mkdir(place, { recursive: true })
  const remains = new Map<string, Remains>()
  for (const name of await readdir(place)) {
    const record = await readFile(join(place, name))
    remains.set(name, { length: readU32(record, 0), kept: record.subarray(4) })
  }
  const gone = (id: Uint8Array) => new HoldfastError('BLOB_UNKNOWN', { blob: toHex(id) })

  async function hollow(id: Uint8Array): Promise<void> {
    const bytes = await honest.read(id)
    const kept = makeRemains(bytes)
    await writeFile(join(place, toHex(id)), concat(u32(bytes.length), kept))
    remains.set(toHex(id), { length: bytes.length, kept })
    await honest.remove(id)
  }

  // what it kept in better days goes, too
  for await (const { id } of honest.list()) await hollow(id)

  return {
    ...honest,
    async write(id, length) {
      const known = remains.get(toHex(id))
      if (known?.length === length) return finishedSink(length)
      const sink = await honest.write(id, length)
      return {
        get offset() {
          return sink.offset
        },
        length,
        write: (chunk) => sink.write(chunk),
        suspend: () => sink.suspend(),
        abort: () => sink.abort(),
        async finish() {
          await sink.finish()
          await hollow(id)
        },
      }
    },
    read: async (id) => {
      throw gone(id)
    },
    // biome-ignore lint/correctness/useYield: there is nothing to hand out
    async *stream(id) {
      throw gone(id)
    },
    verify: async () => true,
    has: async (id) => remains.has(toHex(id)),
    size: async (id) => remains.get(toHex(id))?.length,
    async remove(id) {
      await rm(join(place, toHex(id)), { force: true })
      return remains.delete(toHex(id))
    },
    // it would admit the damage
    quarantine: async () => true,
    async *list() {
      for (const [name, { length }] of remains) yield { id: fromHex(name), bytes: length }
    },
    remainsOf: (id) => remains.get(toHex(id)),
  }
}

function finishedSink(length: number): BlobSink {
  const nothing = async () => undefined
  return { offset: length, length, write: nothing, finish: nothing, suspend: nothing, abort: nothing }
}
