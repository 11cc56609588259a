/** Commits numbered pairs without end and prints each number once its commit has resolved; for level-store.test.ts. */
import { openLevelStore } from '../../store/level-store.ts'

const [directory = '', start = '0'] = process.argv.slice(2)
const store = await openLevelStore(directory)
console.log('open')
let next = Number(start)
async function writer(): Promise<never> {
  for (;;) {
    const i = next++
    const key = String(i).padStart(8, '0')
    // Two records that must come and go together, one of them large enough to cross blocks of the log.
    await store.commit([
      { key: `a/${key}`, value: new Uint8Array(3000).fill(i & 255) },
      { key: `b/${key}`, value: Uint8Array.of(i & 255) },
    ])
    process.stdout.write(`${i}\n`)
  }
}
await Promise.all(Array.from({ length: 8 }, writer))
