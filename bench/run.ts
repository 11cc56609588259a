/**
 * `npm run bench [-- NAME…]`: runs bench/*.bench.ts one after the other, writes bench/results/<name>.json and the table made of
 * all results. Exit code 1 when a bench could not run or gave a wrong result; a missed target is a result, not a failure.
 */
import { glob, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readEnvironment } from './environment.ts'
import { type Bench, formatTable, RESULTS, type Row, readResults, shape, writeResult } from './report.ts'

async function findNames(): Promise<readonly string[]> {
  const names: string[] = []
  for await (const file of glob('*.bench.ts', { cwd: import.meta.dirname }))
    names.push(file.replace(/\.bench\.ts$/, ''))
  return names.sort()
}

function print({ label, value, unit, against, comparison, target, met, note }: Row): void {
  const parts = [`${shape(value)} ${unit}`]
  if (comparison && against !== undefined) {
    const { median, low, high } = comparison.ratio
    parts.push(`${against} ${shape(comparison.reference)}`)
    parts.push(`ratio ${shape(median)} (${shape(low)}–${shape(high)}, ${comparison.discarded} discarded)`)
  } else if (against !== undefined) parts.push(against)
  if (target !== undefined) parts.push(`target ${target}: ${met ? 'met' : 'missed'}`)
  console.log(`  ${label}: ${parts.join('; ')}${note === undefined ? '' : `. ${note}`}`)
}

async function runOne(name: string): Promise<void> {
  const { bench } = (await import(`./${name}.bench.ts`)) as { bench: Bench }
  console.log(`${name}: ${bench.title}`)
  const before = readEnvironment()
  const start = performance.now()
  const rows = await bench.run()
  const seconds = (performance.now() - start) / 1000
  for (const row of rows) print(row)
  await writeResult({
    schema: 1,
    name,
    title: bench.title,
    environment: { before, after: readEnvironment() },
    seconds,
    rows,
  })
}

const all = await findNames()
const asked = process.argv.slice(2)
const unknown = asked.filter((name) => !all.includes(name))
if (unknown.length > 0) {
  console.error(`no bench ${unknown.join(', ')}; there are ${all.join(', ')}`)
  process.exit(2)
}
for (const name of asked.length > 0 ? asked : all) {
  try {
    await runOne(name)
  } catch (cause) {
    console.error(`${name} failed:`, cause)
    process.exitCode = 1
  }
}
await mkdir(RESULTS, { recursive: true })
await writeFile(join(RESULTS, 'README.md'), formatTable(await readResults()))
