/** `holdfast devnet advance SPAN`. */
import { existsSync } from 'node:fs'
import { HoldfastError } from '../../base/errors.ts'
import { formatTime, parseDuration } from '../../base/units.ts'
import { flushDevnet } from '../../chain/devnet-state.ts'
import { type AdvanceDeps, type Advanced, advanceTo, type Ticking } from '../advance.ts'
import { openHomeChain } from '../chain-access.ts'
import type { Context, Options } from '../context.ts'
import { chainStateFile } from '../dev-chain.ts'
import { homeAt } from '../home.ts'
import { openDaemonApi, pathsOf } from '../local-api.ts'
import { isAlive, type LiveProcess, listProcesses, type RunFile, readRunFile } from '../run-file.ts'
import { shortId } from '../words.ts'

/** Unless --timeout says otherwise. Seconds. */
const LIMIT = 600
/** A home without stewards of its own does not see when others are done: they get a moment. Milliseconds. */
const QUIET_MS = 2_000

export async function advance(context: Context, [span = '']: readonly string[], options: Options): Promise<undefined> {
  const { out } = context
  const seconds = parseDuration(span)
  if (context.options.dryRun === true) {
    out.summary({
      command: 'devnet',
      fields: { dryRun: true, advancedSeconds: 0 },
      lines: [`would move the chain's time by ${seconds} s`],
    })
    return
  }
  const signal =
    context.options.timeout === undefined ? AbortSignal.any([context.signal, limitSignal()]) : context.signal
  const { advanced, dead } = await advanceHome({ ...context, signal }, seconds, undefined, othersOf(context, options))
  // So that what is told now survives a kill of the chain.
  if (await hasOwnChain(context)) await flushDevnet(chainStateFile(context), context.clock)
  const { advancedSeconds, now, block, hops, skipped } = advanced
  const left = [...new Set([...dead, ...skipped])]
  out.summary({
    command: 'devnet',
    fields: { advancedSeconds, now: formatTime(now), block, hops, skipped: left },
    lines: [
      `${formatTime(now)}   block ${block}   ${advancedSeconds} s in ${hops} hops`,
      ...left.map((name) => `! ${name} does not run and was left out`),
    ],
    result: formatTime(now),
  })
}

/** Homes on the same chain whose daemons take part. */
function othersOf(context: Context, options: Options): readonly Context[] {
  const roots = options['with']
  return Array.isArray(roots)
    ? roots.map((root: string) => ({ ...context, home: homeAt(root, context.environment) }))
    : []
}

/** True when the chain is this home's own and keeps its state. */
async function hasOwnChain(context: Context): Promise<boolean> {
  const run = await readRunFile(context.home.run, 'chain')
  return run !== undefined && (await isAlive(run)) && existsSync(chainStateFile(context))
}

/**
 * Moves the time of this home's chain, with all its live daemons.
 * @param others further homes on the same chain, whose daemons take part
 */
export async function advanceHome(
  context: Context,
  seconds: number,
  onHop?: AdvanceDeps['onHop'],
  others: readonly Context[] = [],
): Promise<{ readonly advanced: Advanced; readonly dead: readonly string[] }> {
  const { signal } = context
  const chain = await openHomeChain(context)
  try {
    const daemons: Ticking[] = []
    const dead: RunFile[] = []
    for (const owner of [context, ...others]) {
      const found = await listProcesses(owner.home.run)
      dead.push(...found.dead)
      for (const run of found.live) if (run.role !== 'chain') daemons.push(await tickingOf(owner, run))
    }
    const { timestamp } = await chain.head()
    const advanced = await advanceTo(
      {
        chain,
        daemons,
        signal,
        quietMs: daemons.some(({ name }) => name.startsWith('steward')) ? 0 : QUIET_MS,
        ...(onHop === undefined ? {} : { onHop }),
      },
      timestamp + seconds,
    )
    return { advanced, dead: dead.map(nameOf) }
  } finally {
    chain.close()
  }
}

async function tickingOf(context: Context, run: LiveProcess): Promise<Ticking> {
  const paths = pathsOf(context, run)
  if (paths === undefined) throw new HoldfastError('INTERNAL', { what: `a ${run.role} has no API` })
  return { name: nameOf(run), client: await openDaemonApi(paths, run.role), isAlive: () => isAlive(run) }
}

function nameOf({ role, id }: { readonly role: string; readonly id?: string }): string {
  return id === undefined ? role : `${role} ${shortId(id)}`
}

function limitSignal(): AbortSignal {
  const stop = new AbortController()
  setTimeout(
    () => stop.abort(new HoldfastError('TIMED_OUT', { what: 'advancing', limit: `${LIMIT} s` })),
    LIMIT * 1000,
  ).unref()
  return stop.signal
}
