/** Commits numbered records one after another until one fails; for nth-call.test.ts. Prints each number once durable, then the end. Argument: directory. */
import { openLevelStore } from '../../store/level-store.ts'

const [directory = ''] = process.argv.slice(2)
try {
  const store = await openLevelStore(directory)
  for (let i = 0; i < 30; i++) {
    await store.commit([
      { key: `a/${i}`, value: new Uint8Array(1000).fill(i) },
      { key: `b/${i}`, value: Uint8Array.of(i) },
    ])
    console.log(`ok ${i}`)
  }
  await store.close()
  console.log('end')
} catch (cause) {
  console.log(`failed ${(cause as { code?: string }).code ?? String(cause)}`)
}
process.exit() // Level's own threads would wait for a disk that is broken
