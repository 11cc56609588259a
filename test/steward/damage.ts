/** What can happen to a blob's file behind the steward's back: F17, F18, F19. */
import { appendFile, open, rm, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { toHex } from '../../base/bytes.ts'
import { blobIdOf } from '../../blob/whiten.ts'

/** Where a steward keeps a blob. */
export function fileOf(dataDir: string, blob: Uint8Array | string): string {
  const hex = typeof blob === 'string' ? blob : toHex(blobIdOf(blob))
  return join(dataDir, 'blobs', hex.slice(0, 2), hex)
}

/** One bit of the byte at `offset` (from the end when negative). */
export async function flipBit(path: string, offset: number): Promise<void> {
  const file = await open(path, 'r+')
  try {
    const at = offset < 0 ? (await file.stat()).size + offset : offset
    const byte = Buffer.alloc(1)
    await file.read(byte, 0, 1, at)
    byte[0] = (byte[0] as number) ^ 0x10
    await file.write(byte, 0, 1, at)
  } finally {
    await file.close()
  }
}

/** By name; each changes one file. */
export const DAMAGES: Readonly<Record<string, (path: string) => Promise<void>>> = {
  'a bit flipped in the first byte': (path) => flipBit(path, 0),
  'a bit flipped in the middle': (path) => flipBit(path, 300),
  'a bit flipped in the last byte': (path) => flipBit(path, -1),
  truncated: (path) => truncate(path, 299),
  emptied: (path) => truncate(path, 0),
  extended: (path) => appendFile(path, 'x'),
  deleted: (path) => rm(path),
}
