/**
 * `holdfast demo`: a file lives a year in a local market of real processes. One steward cheats, seven are killed, the file comes back, the
 * books balance. Every ✔ is computed, most of them from the chain alone.
 */
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Address } from '../../base/curve.ts'
import { EXIT, HoldfastError } from '../../base/errors.ts'
import { openSource } from '../../store/source-file.ts'
import { bringUp, type Market, type Running } from '../bring-up.ts'
import type { Context, Options } from '../context.ts'
import { type Acts, createActs } from '../demo/acts.ts'
import { CHEAT, CHEAT_PROGRAM, TOTAL } from '../demo/cast.ts'
import { fetchBack, kill, tellMoney } from '../demo/end-acts.ts'
import { lose, mend } from '../demo/loss-acts.ts'
import { carryOn, loseHome, recoveredHome } from '../demo/recovery-act.ts'
import { forget, type Stored, storeFile } from '../demo/store-acts.ts'
import { walk } from '../demo/year-act.ts'
import { homeAt } from '../home.ts'
import { listProcesses } from '../run-file.ts'
import { resolveSettings } from '../settings.ts'
import { stopAll } from './down.ts'

/** With fewer days there is no second act: noticing and repairing takes months. */
const WHOLE_STORY = 300
/** When stewards die, and when the uploader's computer is lost. Days of the story. */
const LOSS_DAY = 100
const RECOVERY_DAY = 220

export async function demo(original: Context, [file]: readonly string[], options: Options): Promise<number> {
  const stewards = countOf(options['stewards'], '--stewards', TOTAL, 40)
  const days = countOf(options['days'], '--days', 30, 3650)
  if (original.options.dryRun === true) {
    original.out.summary({
      command: 'demo',
      fields: { dryRun: true, stewards, days },
      lines: [
        `would start a chain, an index, a controller and ${stewards} stewards in a new directory, store ${file ?? 'this source tree'} and walk ${days} days`,
        'Nothing was started (dry run).',
      ],
    })
    return EXIT.done
  }
  // A directory or a device is refused by name before anything is started.
  if (file !== undefined) await (await openSource(file)).close()
  const context = await openDemoHome(original)
  const { out, clock, home, signal } = context
  const acts = createActs(out, clock)
  const isKept = options['keep'] === true
  const startedAt = clock.monotonic()
  try {
    const market = await startMarket(context, acts, stewards)
    const stored = await storeFile(context, acts, file)
    const cheat = market.stewards.find(({ number }) => number === CHEAT)
    await forget(acts, stored, cheat)
    const end =
      days < WHOLE_STORY
        ? await shortStory(context, acts, market, stored, cheat, days)
        : await wholeStory(context, acts, market, stored, cheat, days)
    const living = end.market.stewards
    const killed = await kill(acts, living, end.holders, cheat)
    await fetchBack(end.uploader, acts, stored, living.length - killed.length)
    const everHeld = new Set([...stored.stewards, ...end.holders])
    await tellMoney(end.uploader, acts, allOf(market, end.market), everHeld, cheat)
    signal.throwIfAborted()
  } finally {
    if (!isKept || signal.aborted) await tidy(context)
  }
  const failures = acts.failures()
  const seconds = (clock.monotonic() - startedAt) / 1000
  const next = isKept
    ? [
        `It still runs in ${home.root}:  holdfast status --home ${home.root}     stop it:  holdfast down --wipe --home ${home.root}`,
      ]
    : []
  out.summary({
    command: 'demo',
    fields: {
      claims: acts.checked(),
      failures,
      seconds: Number(seconds.toFixed(1)),
      ...(isKept ? { home: home.root } : {}),
    },
    lines: [
      `${acts.checked() - failures.length} of ${acts.checked()} claims hold, in ${Math.round(seconds)} s`,
      ...failures.map((text) => `✘ ${text}`),
      ...next,
      'Your own file: npm run demo -- FILE',
    ],
    result: failures.length === 0 ? 'ok' : 'failed',
  })
  return failures.length === 0 ? EXIT.done : EXIT.failed
}

/** Who is there when the story ends, and who holds the shares. */
interface Ending {
  readonly market: Market
  readonly holders: readonly Address[]
  /** The home of whoever stored the file. */
  readonly uploader: Context
}

/** The stewards of both, each once, in order. */
function allOf(...markets: readonly Market[]): readonly Running[] {
  const byNumber = new Map(markets.flatMap(({ stewards }) => stewards.map((steward) => [steward.number, steward])))
  return [...byNumber.values()].sort((a, b) => a.number - b.number)
}

/** Time passes, and nothing is lost but to the cheat. */
async function shortStory(
  context: Context,
  acts: Acts,
  market: Market,
  stored: Stored,
  cheat: Running | undefined,
  days: number,
): Promise<Ending> {
  await walk(context, acts, market, stored, cheat, days)
  return { market, holders: stored.stewards, uploader: context }
}

/** After the first months stewards die and a disk rots; the market repairs. */
async function wholeStory(
  context: Context,
  acts: Acts,
  market: Market,
  stored: Stored,
  cheat: Running | undefined,
  days: number,
): Promise<Ending> {
  await walk(context, acts, market, stored, cheat, LOSS_DAY)
  const losses = await lose(context, acts, market, stored, cheat)
  await mend(context, acts, stored, losses, RECOVERY_DAY - LOSS_DAY)
  const recovered = await loseHome(context, acts, market, stored)
  const bad = [...losses.dead, ...(cheat === undefined ? [] : [cheat])].map(({ id }) => id)
  const holders = await carryOn(recovered, context, acts, stored, bad, days - RECOVERY_DAY)
  return { market: losses.market, holders, uploader: recovered }
}

/** A directory of its own, and settings that nobody's environment or configuration reaches into. */
async function openDemoHome(context: Context): Promise<Context> {
  const root = context.home.root ?? (await mkdtemp(join(tmpdir(), 'holdfast-demo-')))
  if (context.home.root !== undefined && existsSync(root) && (await readdir(root)).length > 0)
    throw new HoldfastError('INPUT_EXISTS', { path: root })
  for (const name of Object.keys(process.env))
    if (name.startsWith('HOLDFAST_') && name !== 'HOLDFAST_RELAUNCHED') delete process.env[name]
  return {
    ...context,
    home: homeAt(root, process.env),
    settings: resolveSettings({}, {}, {}),
    environment: process.env,
  }
}

async function startMarket(context: Context, acts: Acts, stewards: number): Promise<Market> {
  acts.begin('chain')
  const hasCheat = existsSync(CHEAT_PROGRAM)
  return bringUp(context, {
    stewards,
    indexes: 1,
    monitors: 0,
    apiPort: 0,
    programFor: (number) => (number === CHEAT && hasCheat ? CHEAT_PROGRAM : undefined),
    onStep: ({ part, chain, dev }) => {
      if (part === 'chain') {
        acts.say(`anvil 31337 at ${chain.url}, token, market and registrar deployed`)
        acts.end({ rpc: chain.url })
        acts.begin('pool')
      }
      if (part === 'pool')
        acts.say(`master, manager, index; ${dev.stewards.length} stewards registered, each on a network of its own`)
      if (part === 'pool' && !dev.hasNetworks)
        acts.say('(this system has only 127.0.0.1: one network for all, so the cluster rule is off)')
      if (part === 'daemons') {
        acts.say(
          `controller, index and ${dev.stewards.length} stewards run as processes; 1000 HOLD of test money deposited`,
        )
        if (hasCheat)
          acts.say(`steward ${CHEAT} cheats: of every blob it keeps the state of a hash instead of the bytes`)
        acts.end({ stewards: dev.stewards.length, cheat: hasCheat ? CHEAT : undefined })
      }
    },
  })
}

async function tidy(context: Context): Promise<void> {
  const { home } = context
  const recovered = recoveredHome(context)
  await stopAll(recovered, (await listProcesses(recovered.home.run)).live)
  await stopAll(context, (await listProcesses(home.run)).live)
  if (home.root !== undefined) await rm(home.root, { recursive: true, force: true, maxRetries: 5 })
}

function countOf(value: unknown, name: string, least: number, most: number): number {
  const count = typeof value === 'string' && /^\d{1,6}$/.test(value) ? Number(value) : Number.NaN
  if (!(count >= least && count <= most))
    throw new HoldfastError('INPUT_RANGE', {
      name,
      expected: `a whole number from ${least} to ${most}`,
      got: String(value),
    })
  return count
}
