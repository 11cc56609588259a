/** What stewards that work together have between them: the blobs of others, read from their disks. Their directories stand in a file `partners`. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Name of the file below a steward's data directory; one directory a line. */
export const PARTNERS = 'partners'

/** The directories; none when the file is missing. */
export async function readPartners(directory: string): Promise<readonly string[]> {
  const text = await readFile(join(directory, PARTNERS), 'utf8').catch(() => '')
  return text.split('\n').filter((line) => line !== '')
}

/** All blobs of one steward that are `length` bytes long. */
export async function blobsOf(directory: string, length: number): Promise<readonly Uint8Array[]> {
  const found: Uint8Array[] = []
  const blobs = join(directory, 'blobs')
  for (const shelf of await readdir(blobs).catch(() => [] as string[]))
    for (const name of await readdir(join(blobs, shelf))) {
      const bytes = await readFile(join(blobs, shelf, name)).catch(() => undefined)
      if (bytes?.length === length) found.push(bytes)
    }
  return found
}
