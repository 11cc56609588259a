/**
 * The dev chain's state on disk. anvil rewrites its file in place every second, so a kill at the wrong moment leaves half of one; its keeper
 * therefore keeps the last whole copy beside it (`.good`). Kills are survived; a power cut may cost the dev chain its last seconds.
 */
import { copyFile, open, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { HoldfastError } from '../base/errors.ts'
import type { Clock } from '../base/ports.ts'

/** `<state>.owner.json`: which processes run on a state. */
export interface Keeping {
  /** anvil. */
  readonly pid: number
  /** Its keeper, which started it. */
  readonly keeper: number
}

/** Longest wait for an orphaned chain to write its state and end. ms. */
const ORPHAN_DEADLINE = 10_000

/**
 * Makes sure that `stateFile` is whole or absent.
 * @returns the newest block's time (chain seconds), and whether the older copy had to be taken
 * @throws `STORE_UNUSABLE` when there are copies and none can be read
 */
export async function prepareState(stateFile: string): Promise<{ timestamp: number | undefined; restored: boolean }> {
  const newest = await readTimestamp(stateFile)
  if (typeof newest === 'number') {
    await keepFirstGenesis(stateFile)
    return { timestamp: newest, restored: false }
  }
  const good = await readTimestamp(`${stateFile}.good`)
  if (typeof good === 'number') {
    await copyFile(`${stateFile}.good`, `${stateFile}.tmp`)
    await rename(`${stateFile}.tmp`, stateFile)
    await keepFirstGenesis(stateFile)
    return { timestamp: good, restored: true }
  }
  if (newest === 'none' && good === 'none') return { timestamp: undefined, restored: false }
  // The very first copy may be cut off too: then nothing was ever kept whole.
  throw new HoldfastError('STORE_UNUSABLE', {
    path: stateFile,
    what: 'the state of the dev chain is damaged; holdfast up --reset starts a new chain',
  })
}

/** Puts the copy before the newest in its place. @returns how to undo that; undefined when there is no other copy */
export async function takeOlderCopy(stateFile: string): Promise<(() => Promise<void>) | undefined> {
  const [newest, good] = await Promise.all(
    [stateFile, `${stateFile}.good`].map((path) => readFile(path).catch(() => undefined)),
  )
  if (newest === undefined || good === undefined || newest.equals(good)) return undefined
  await rename(stateFile, `${stateFile}.refused`)
  await copyFile(`${stateFile}.good`, stateFile)
  return () => rename(`${stateFile}.refused`, stateFile)
}

/**
 * Each start of anvil adds a block 0 of its own to the kept ones, and which of them is found under the number is chance. Only the first
 * belongs to the chain; it is the oldest, because chain time never goes back.
 */
async function keepFirstGenesis(path: string): Promise<void> {
  const state = JSON.parse(await readFile(path, 'utf8')) as { blocks?: readonly KeptBlock[] }
  const timeOf = ({ header }: KeptBlock) => Number(header?.timestamp)
  const all = state.blocks ?? []
  const roots = all.filter(({ header }) => Number(header?.number) === 0).sort((a, b) => timeOf(a) - timeOf(b))
  if (roots.length < 2) return
  const strangers = new Set(roots.slice(1))
  await writeFile(`${path}.tmp`, JSON.stringify({ ...state, blocks: all.filter((block) => !strangers.has(block)) }))
  await rename(`${path}.tmp`, path)
}

/** A block as anvil keeps it, as far as it matters here. */
interface KeptBlock {
  readonly header?: { readonly number?: string; readonly timestamp?: string }
}

async function readTimestamp(path: string): Promise<number | 'none' | 'damaged'> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    if ((cause as { code?: string }).code === 'ENOENT') return 'none'
    throw new HoldfastError('STORE_UNUSABLE', { path, what: String((cause as Error).message) }, { cause })
  }
  try {
    const state = JSON.parse(text) as { block?: { timestamp?: string } }
    const timestamp = Number(state.block?.timestamp)
    return Number.isSafeInteger(timestamp) ? timestamp : 'damaged'
  } catch {
    return 'damaged' // cut off in the middle: the older copy serves
  }
}

/** What runs on a state, or did last. */
export async function readKeeping(stateFile: string): Promise<Keeping | undefined> {
  try {
    const { pid, keeper } = JSON.parse(await readFile(`${stateFile}.owner.json`, 'utf8')) as Partial<Keeping>
    return Number.isSafeInteger(pid) && Number.isSafeInteger(keeper)
      ? { pid: pid as number, keeper: keeper as number }
      : undefined
  } catch {
    return undefined // none, or being written: it is a note, not a lock
  }
}

/**
 * Ends a chain whose keeper is gone: two on one state would overwrite each other.
 * @throws `STORE_LOCKED` while both run, or when the orphan does not end
 */
export async function endOrphan(stateFile: string, clock: Clock): Promise<void> {
  const keeping = await readKeeping(stateFile)
  if (!keeping || !(await runsOn(keeping.pid, stateFile))) return
  const locked = new HoldfastError('STORE_LOCKED', {
    path: stateFile,
    owner: ` by the dev chain with pid ${keeping.pid}`,
  })
  if (await runsOn(keeping.keeper, stateFile)) throw locked
  process.kill(keeping.pid, 'SIGTERM')
  for (const until = clock.monotonic() + ORPHAN_DEADLINE; await runsOn(keeping.pid, stateFile); ) {
    if (clock.monotonic() > until) throw locked
    await clock.sleep(20)
  }
}

/** True when the process lives and its command line names the state: a pid alone may have been given to another program. */
async function runsOn(pid: number, stateFile: string): Promise<boolean> {
  try {
    return (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0').includes(stateFile)
  } catch {
    return false // ended, or no /proc on this system: then the port tells
  }
}

/**
 * Resolves when everything mined before the call is in the state file and in the copy beside it: a kill in the middle of the next write
 * leaves only the copy. For `devnet advance`, so that what was reported survives a kill of the chain.
 * @throws `TIMED_OUT` after `limitMs`
 */
export async function flushDevnet(stateFile: string, clock: Clock, limitMs = 30_000): Promise<void> {
  const until = clock.monotonic() + limitMs
  const before = await writtenAt(stateFile)
  // The write that is seen first may have begun before the call; the one after it has not.
  for (let seen = 0, last = before; seen < 2; ) {
    if (clock.monotonic() > until)
      throw new HoldfastError('TIMED_OUT', { what: 'writing the state of the dev chain', limit: `${limitMs / 1000} s` })
    await clock.sleep(50)
    const now = await writtenAt(stateFile)
    if (now !== last) seen++
    last = now
  }
  const written = (await heightIn(stateFile)) ?? -1
  while (((await heightIn(`${stateFile}.good`)) ?? -1) < written) {
    if (clock.monotonic() > until)
      throw new HoldfastError('TIMED_OUT', { what: 'copying the state of the dev chain', limit: `${limitMs / 1000} s` })
    await clock.sleep(50)
  }
}

/** Number of the newest block, which stands at the beginning of the state; undefined when there is none. */
async function heightIn(path: string): Promise<number | undefined> {
  const file = await open(path).catch(() => undefined)
  try {
    const head = Buffer.alloc(256)
    await file?.read(head, 0, head.length, 0)
    const [, number] = /"number":"(0x[0-9a-f]+)"/.exec(head.toString('latin1')) ?? []
    return number === undefined ? undefined : Number(number)
  } finally {
    await file?.close()
  }
}

async function writtenAt(stateFile: string): Promise<bigint | undefined> {
  return (await stat(stateFile, { bigint: true }).catch(() => undefined))?.mtimeNs
}
