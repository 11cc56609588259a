/** Stores random blobs without end and prints each id once its sink has finished; for blob-files.test.ts. */
import { createHash, randomBytes } from 'node:crypto'
import { openBlobFiles } from '../../store/blob-files.ts'
import { silent } from './silent.ts'

const [directory = ''] = process.argv.slice(2)
const files = await openBlobFiles(directory, { log: silent })
async function writer(): Promise<never> {
  for (;;) {
    const blob = randomBytes(20_000 + Math.floor(Math.random() * 200_000))
    const id = createHash('sha256').update(blob).digest()
    const sink = await files.write(id, blob.length)
    for (let at = 0; at < blob.length; at += 16_384) await sink.write(blob.subarray(at, at + 16_384))
    await sink.finish()
    process.stdout.write(`${id.toString('hex')} ${blob.length}\n`)
  }
}
await Promise.all(Array.from({ length: 4 }, writer))
