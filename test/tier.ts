/**
 * Runs one tier of tests and ends with `N passed, N failed, N skipped` alone on the last line:
 *
 *   quick   `npm test`           Solidity tests, then every test/**\/*.test.ts that is no *.ci.test.ts or *.slow.test.ts
 *   ci      `npm run test:ci`    Solidity with 128,000 calls an invariant, every *.ci.test.ts, and again, with larger
 *                                counts, the files that ask test/effort.ts
 *   slow    `npm run test:slow`  the same with the largest counts, and every *.slow.test.ts
 *
 * There are two lanes: everything else, and whole markets. In the quick tier they run side by side, for two processors; what the second prints is shown
 * when all has ended. In the larger tiers, where most tests are markets and storms of kills, one follows the other, since they disturb each other; the
 * Solidity tests run beside them. There each file that starts processes runs in a mocha of its own: what one leaves in memory, or its end at its time limit, is nothing to the next.
 * Exit code 0 only if something passed and nothing failed.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { glob } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseTier, type Tier } from './effort.ts'
import { addCounts, type Count, countOfHardhat, formatCount, isGood, NOTHING, type Report } from './tier-count.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** A tier that takes longer hangs. It is ended, what it did is counted, and it has failed. Minutes. */
const LIMITS: Readonly<Record<Tier, number>> = { quick: 25, ci: 75, slow: 24 * 60 }

/** The same for one file with a mocha of its own. Minutes. */
const FILE_LIMITS: Readonly<Record<Tier, number>> = { quick: LIMITS.quick, ci: 20, slow: 12 * 60 }

/** From the first, polite signal to the second. Milliseconds. */
const GRACE_MS = 10_000

/** What takes processors and minutes comes last: a broken rule shows before anything expensive starts. */
const LAST = ['test/cli/', 'test/market/', 'test/faults/']

/** Folders of the lane of whole markets. */
const MARKETS = ['test/cli/', 'test/docs/', 'test/market/']

/** Folders whose tests start processes and kill them. */
const ALONE = [...MARKETS, 'test/faults/']

/** The mocha files of a tier, in the order they run. Pure: `scales` tells whether a file asks test/effort.ts. */
export function selectFiles(
  files: readonly string[],
  tier: Tier,
  scales: (file: string) => boolean,
): readonly string[] {
  const kind = (file: string): Tier =>
    file.endsWith('.ci.test.ts') ? 'ci' : file.endsWith('.slow.test.ts') ? 'slow' : 'quick'
  const rank = (file: string) => LAST.findIndex((folder) => file.startsWith(folder))
  return files
    .filter((file) => kind(file) === tier || (tier !== 'quick' && kind(file) !== 'slow' && scales(file)))
    .sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1))
}

/** What runs together in one mocha: in the quick tier everything; in the others each file that starts processes is alone. Pure. */
export function groupFiles(files: readonly string[], tier: Tier): readonly (readonly string[])[] {
  const isAlone = (file: string) => tier !== 'quick' && ALONE.some((folder) => file.startsWith(folder))
  const together = files.filter((file) => !isAlone(file))
  return [together, ...files.filter(isAlone).map((file) => [file])].filter(({ length }) => length > 0)
}

/** Files that start whole markets, and the others: about as long as each other, and nothing of one is in the way of the other. Pure. */
export function splitLanes(files: readonly string[]): { readonly markets: string[]; readonly others: string[] } {
  const isMarket = (file: string) => MARKETS.some((folder) => file.startsWith(folder))
  return { markets: files.filter(isMarket), others: files.filter((file) => !isMarket(file)) }
}

async function findFiles(tier: Tier): Promise<readonly string[]> {
  const files: string[] = []
  for await (const file of glob('test/**/*.test.ts', { cwd: ROOT })) files.push(file)
  return selectFiles(files, tier, (file) => /from '[./]+\/effort\.ts'/.test(readFileSync(join(ROOT, file), 'utf8')))
}

/** Where a lane prints. */
interface Printer {
  write(text: string): void
}

/** Somebody wants it to end: nothing more is begun. */
let isStopped = false

/** One test program: what it printed and how it ended. */
async function runProgram(
  name: string,
  args: readonly string[],
  { env, until, out }: { readonly env: NodeJS.ProcessEnv; readonly until: number; readonly out: Printer },
): Promise<{ code: number; output: string }> {
  const program = realpathSync(join(ROOT, 'node_modules/.bin', name))
  const path = `${dirname(process.execPath)}:${join(ROOT, 'node_modules/.bin')}:${process.env.PATH ?? ''}`
  const child = spawn(process.execPath, [program, ...args], {
    cwd: ROOT,
    env: { ...process.env, ...env, PATH: path, ...(process.stdout.isTTY ? { FORCE_COLOR: '1' } : {}) },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true, // a group of its own: at the limit all of it ends
  })
  const forward = (signal: NodeJS.Signals) => {
    isStopped = true
    endGroup(child, signal)
  }
  process.once('SIGINT', forward).once('SIGTERM', forward)
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
    out.write(text)
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => out.write(text))
  const timer = setTimeout(
    () => {
      console.error(`${name}: the tier's time is over`)
      endGroup(child, 'SIGTERM') // mocha ends the processes its tests started
      setTimeout(() => endGroup(child, 'SIGKILL'), GRACE_MS).unref()
    },
    Math.max(0, until - performance.now()),
  )
  const code = await new Promise<number>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (status) => resolve(status ?? 1))
  })
  clearTimeout(timer)
  process.removeListener('SIGINT', forward).removeListener('SIGTERM', forward)
  return { code, output }
}

function endGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, signal)
  } catch {
    // ended meanwhile
  }
}

/** A program that ends badly without a failed test has failed all the same, by one. */
function charge(count: Count, code: number, what: string): Count {
  if (code === 0 || count.failed > 0) return count
  console.error(`${what} ended with exit code ${code}`)
  return addCounts(count, { ...NOTHING, failed: 1 })
}

async function runSolidity(tier: Tier, until: number, out: Printer): Promise<Count> {
  const env = { HOLDFAST_FUZZ: tier, HOLDFAST_TIER: tier }
  const { code, output } = await runProgram('hardhat', ['test', 'solidity'], { env, until, out })
  const count = countOfHardhat(output)
  if (count === undefined) console.error('hardhat told no totals')
  return charge(count ?? { ...NOTHING, failed: 1 }, code, 'hardhat')
}

/** What a lane of mocha ended with. */
interface MochaEnd {
  readonly count: Count
  readonly skips: readonly string[]
  readonly failures: readonly string[]
  /** What each group of files took, in the order they ran. */
  readonly times: readonly string[]
}

/** Runs a lane, group by group; what each group of a larger tier took is told at the end. */
async function runLane(files: readonly string[], tier: Tier, until: number, out: Printer): Promise<MochaEnd> {
  let all: MochaEnd = { count: NOTHING, skips: [], failures: [], times: [] }
  for (const group of groupFiles(files, tier)) {
    if (isStopped || performance.now() > until) {
      console.error(`not run: ${group.join(' ')}`)
      all = { ...all, count: addCounts(all.count, { ...NOTHING, failed: 1 }) }
      continue
    }
    const began = performance.now()
    const { count, skips, failures } = await runMocha(
      group,
      tier,
      Math.min(until, began + FILE_LIMITS[tier] * 60_000),
      out,
    )
    const name = group.length === 1 ? group[0] : `${group.length} files`
    const time = `${String(Math.round((performance.now() - began) / 1000)).padStart(5)} s  ${name}: ${formatCount(count)}`
    all = {
      count: addCounts(all.count, count),
      skips: [...all.skips, ...skips],
      failures: [...all.failures, ...failures],
      times: [...all.times, time],
    }
  }
  return all
}

async function runMocha(
  files: readonly string[],
  tier: Tier,
  until: number,
  out: Printer,
): Promise<Omit<MochaEnd, 'times'>> {
  const dir = mkdtempSync(join(tmpdir(), 'holdfast-tier-'))
  try {
    const path = join(dir, 'report.json')
    const args = ['--reporter', 'test/reporter.ts', ...files]
    const env = { HOLDFAST_REPORT: path, HOLDFAST_TIER: tier }
    const { code } = await runProgram('mocha', args, { env, until, out })
    const report = readReport(path)
    if (!report.complete) console.error(`mocha ended before its last test: ${files.length === 1 ? files[0] : 'a lane'}`)
    const count = report.complete ? report : addCounts(report, { ...NOTHING, failed: 1 })
    const { skips, failures } = report
    return { count: charge(count, code, 'mocha'), skips, failures }
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

function readReport(path: string): Report {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Report
  } catch {
    return { ...NOTHING, complete: false, skips: [], failures: [] } // mocha did not get as far as its reporter
  }
}

if (import.meta.main) {
  // an edit since the last bundle would have every process of the tests load the sources, which takes twice as long
  const { bundleProgram } = (await import(`${ROOT}scripts/bundle-program.js`)) as {
    bundleProgram: (root: string) => Promise<boolean>
  }
  await bundleProgram(ROOT)
  const tier = parseTier(process.argv[2] ?? 'quick')
  const until = performance.now() + LIMITS[tier] * 60_000
  const { markets, others } = splitLanes(await findFiles(tier))
  const shown: Printer = process.stdout
  const kept: string[] = []
  const aside: Printer = { write: (text) => kept.push(text) }
  const lane = (files: readonly string[], out: Printer) => runLane(files, tier, until, out)
  const isQuick = tier === 'quick'
  async function quick(): Promise<{ readonly solidity: Count; readonly ends: readonly MochaEnd[] }> {
    const beside = lane(markets, aside)
    const solidity = await runSolidity(tier, until, shown)
    return { solidity, ends: [await lane(others, shown), await beside] }
  }
  async function larger(): ReturnType<typeof quick> {
    const beside = runSolidity(tier, until, aside)
    const ends = [await lane(others, shown), await lane(markets, shown)]
    return { solidity: await beside, ends }
  }
  const { solidity, ends } = await (isQuick ? quick() : larger())
  shown.write(kept.join(''))
  const count = addCounts(...ends.map((end) => end.count))
  const skips = ends.flatMap((end) => end.skips)
  const total = addCounts(solidity, count)
  console.log(`\nSolidity: ${formatCount(solidity)}. TypeScript: ${formatCount(count)}.`)
  if (!isQuick) for (const time of ends.flatMap(({ times }) => times)) console.log(time)
  // once more, where whoever reads only the end finds them
  for (const failure of ends.flatMap(({ failures }) => failures)) console.log(`\nfailed: ${failure}`)
  for (const skip of skips) console.log(`skipped ${skip}`)
  if (solidity.skipped > 0) console.log(`skipped ${solidity.skipped} Solidity tests: see above`)
  console.log(formatCount(total))
  process.exitCode = isGood(total) ? 0 : 1
}
