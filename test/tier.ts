/**
 * Runs one tier of tests and ends with `N passed, N failed, N skipped` alone on the last line:
 *
 *   quick   `npm test`           Solidity tests, then every test/**\/*.test.ts that is no *.ci.test.ts or *.slow.test.ts
 *   ci      `npm run test:ci`    Solidity with 128,000 calls an invariant, every *.ci.test.ts, and again, with larger
 *                                counts, the files that ask test/effort.ts
 *   slow    `npm run test:slow`  the same with the largest counts, and every *.slow.test.ts
 *
 * Solidity, each file that starts the program, and everything else are a job of their own: what one leaves in memory, or its end at its time
 * limit, is nothing to the next. Two run at a time; in the larger tiers whole markets and storms of kills come one by one after the others, since
 * they miss their deadlines beside each other on two processors. What a job prints is shown in one piece.
 * Exit code 0 only if something passed and nothing failed.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { glob } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseTier, type Tier } from './effort.ts'
import { type Printer, showInTurn } from './shown-in-turn.ts'
import { addCounts, type Count, countOfHardhat, formatCount, isGood, NOTHING, type Report } from './tier-count.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** A tier that takes longer hangs. It is ended, what it did is counted, and it has failed. Minutes. */
const LIMITS: Readonly<Record<Tier, number>> = { quick: 25, ci: 75, slow: 24 * 60 }

/** The same for one file with a mocha of its own. Minutes. */
const FILE_LIMITS: Readonly<Record<Tier, number>> = { quick: LIMITS.quick, ci: 20, slow: 12 * 60 }

/** From the first, polite signal to the second. Milliseconds. */
const GRACE_MS = 10_000

/** The mocha files of a tier, by name. Pure: `scales` tells whether a file asks test/effort.ts. */
export function selectFiles(
  files: readonly string[],
  tier: Tier,
  scales: (file: string) => boolean,
): readonly string[] {
  const kind = (file: string): Tier =>
    file.endsWith('.ci.test.ts') ? 'ci' : file.endsWith('.slow.test.ts') ? 'slow' : 'quick'
  return files
    .filter((file) => kind(file) === tier || (tier !== 'quick' && kind(file) !== 'slow' && scales(file)))
    .toSorted()
}

/** What runs together in one mocha: all that start no process, and each other file alone. Pure. */
export function groupFiles(
  files: readonly string[],
  startsProcesses: (file: string) => boolean,
): readonly (readonly string[])[] {
  const alone = files.filter(startsProcesses)
  const together = files.filter((file) => !startsProcesses(file))
  return [together, ...alone.map((file) => [file])].filter(({ length }) => length > 0)
}

const sourceOf = (file: string): string => readFileSync(join(ROOT, file), 'utf8')

async function findFiles(tier: Tier): Promise<readonly string[]> {
  const files: string[] = []
  for await (const file of glob('test/**/*.test.ts', { cwd: ROOT })) files.push(file)
  return selectFiles(files, tier, (file) => /from '[./]+\/effort\.ts'/.test(sourceOf(file)))
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
      out.write(`${name}: its time is over\n`)
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
function charge(count: Count, code: number, what: string, out: Printer): Count {
  if (code === 0 || count.failed > 0) return count
  out.write(`${what} ended with exit code ${code}\n`)
  return addCounts(count, { ...NOTHING, failed: 1 })
}

/** What runs by itself: Solidity, or one mocha. */
interface Job {
  readonly name: string
  /** Minutes it may take. */
  readonly limit: number
  /** @param until when it is ended */
  run(until: number, out: Printer): Promise<Outcome>
}

interface Outcome {
  readonly count: Count
  /** "title: reason" of each skipped test. */
  readonly skips: readonly string[]
  /** "title\nreason" of each failed test. */
  readonly failures: readonly string[]
}

function solidityJob(tier: Tier): Job {
  return {
    name: 'Solidity',
    limit: LIMITS[tier],
    async run(until, out) {
      const env = { HOLDFAST_FUZZ: tier, HOLDFAST_TIER: tier }
      const { code, output } = await runProgram('hardhat', ['test', 'solidity'], { env, until, out })
      const found = countOfHardhat(output)
      if (found === undefined) out.write('hardhat told no totals\n')
      const count = charge(found ?? { ...NOTHING, failed: 1 }, code, 'hardhat', out)
      const skips = count.skipped > 0 ? [`${count.skipped} Solidity tests: see above`] : []
      return { count, skips, failures: count.failed > 0 ? ['Solidity: see above'] : [] }
    },
  }
}

function mochaJob(files: readonly string[], tier: Tier): Job {
  const name = files.length === 1 ? (files[0] as string) : `${files.length} files`
  return {
    name,
    limit: files.length === 1 ? FILE_LIMITS[tier] : LIMITS[tier],
    async run(until, out) {
      const dir = mkdtempSync(join(tmpdir(), 'holdfast-tier-'))
      try {
        const path = join(dir, 'report.json')
        const args = ['--reporter', 'test/reporter.ts', ...files]
        const env = { HOLDFAST_REPORT: path, HOLDFAST_TIER: tier }
        const { code } = await runProgram('mocha', args, { env, until, out })
        const { complete, skips, failures, ...found } = readReport(path)
        if (!complete) out.write(`mocha ended before its last test: ${name}\n`)
        const count = complete ? found : addCounts(found, { ...NOTHING, failed: 1 })
        return { count: charge(count, code, 'mocha', out), skips, failures }
      } finally {
        rmSync(dir, { recursive: true, force: true })
      }
    },
  }
}

function readReport(path: string): Report {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Report
  } catch {
    return { ...NOTHING, complete: false, skips: [], failures: [] } // mocha did not get as far as its reporter
  }
}

/** Runs the jobs in order, `slots` at a time. What is not begun by `until`, or when somebody wants an end, has failed. */
async function runJobs(
  jobs: readonly Job[],
  slots: number,
  until: number,
): Promise<readonly (Outcome & { readonly time: string })[]> {
  const open = showInTurn((text) => process.stdout.write(text))
  const left = [...jobs]
  const done: (Outcome & { readonly time: string })[] = []
  const worker = async () => {
    for (let job = left.shift(); job !== undefined; job = left.shift()) {
      const began = performance.now()
      const out = open()
      const isLate = isStopped || began > until
      const outcome: Outcome = isLate
        ? { count: { ...NOTHING, failed: 1 }, skips: [], failures: [`${job.name}: not run`] }
        : await job.run(Math.min(until, began + job.limit * 60_000), out)
      const seconds = Math.round((performance.now() - began) / 1000)
      out.end()
      done.push({ ...outcome, time: `${String(seconds).padStart(5)} s  ${job.name}: ${formatCount(outcome.count)}` })
    }
  }
  await Promise.all(Array.from({ length: slots }, worker))
  return done
}

if (import.meta.main) {
  // an edit since the last bundle would have every process of the tests load the sources, which takes twice as long
  const { bundleProgram } = (await import(`${ROOT}scripts/bundle-program.js`)) as {
    bundleProgram: (root: string) => Promise<boolean>
  }
  await bundleProgram(ROOT)
  const tier = parseTier(process.argv[2] ?? 'quick')
  const until = performance.now() + LIMITS[tier] * 60_000
  const startsProcesses = (file: string) => /from '[./]+\/(processes|market)\.ts'/.test(sourceOf(file))
  const groups = groupFiles(await findFiles(tier), startsProcesses)
  const [together, ...alone] = groups.map((files) => mochaJob(files, tier))
  const first = [solidityJob(tier), ...(together === undefined ? [] : [together])]
  const ends =
    tier === 'quick'
      ? await runJobs([...first, ...alone], 2, until)
      : [...(await runJobs(first, 2, until)), ...(await runJobs(alone, 1, until))]
  const total = addCounts(...ends.map(({ count }) => count))
  console.log('')
  for (const { time } of ends) console.log(time)
  // once more, where whoever reads only the end finds them
  for (const { failures } of ends) for (const failure of failures) console.log(`\nfailed: ${failure}`)
  for (const { skips } of ends) for (const skip of skips) console.log(`skipped ${skip}`)
  console.log(formatCount(total))
  process.exitCode = isGood(total) ? 0 : 1
}
