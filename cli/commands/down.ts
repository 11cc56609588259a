/** `holdfast down`: stops what runs in this home, daemons first, the chain last. State is kept. */
import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { HoldfastError } from '../../base/errors.ts'
import type { Context, Options } from '../context.ts'
import { type LiveProcess, listProcesses, type Role, removeRunFile, stopProcess } from '../run-file.ts'
import { plural } from '../words.ts'

/** Who stops first: whoever needs the others. */
const ORDER: readonly Role[] = ['controller', 'steward', 'index', 'monitor', 'manager', 'chain']

/** The chain writes all of its state when it is told to stop; killed sooner, it would lose its last second. Milliseconds. */
const CHAIN_STOP_MS = 60_000

export async function down(context: Context, _args: readonly string[], options: Options): Promise<undefined> {
  const { home, out } = context
  const isWiped = options['wipe'] === true
  if (isWiped) assertWipeable(context)
  const { live, dead } = await listProcesses(home.run)
  if (context.options.dryRun === true) {
    out.summary({
      command: 'down',
      fields: { dryRun: true, running: live.map(({ role, id, pid }) => ({ role, id, pid })) },
      lines: [
        `would stop ${`${live.length} process${live.length === 1 ? '' : 'es'}`}${isWiped ? ` and delete ${home.root ?? 'the local market'}` : ''}`,
      ],
    })
    return
  }
  const { stopped, killed } = await stopAll(context, live)
  for (const { role, id } of dead) await removeRunFile(home.run, role, id)
  if (isWiped) await wipe(context)
  out.summary({
    command: 'down',
    fields: { stopped: stopped.length, killed: killed.map(({ role, id, pid }) => ({ role, id, pid })), wiped: isWiped },
    lines: [
      stopped.length === 0
        ? 'nothing was running'
        : `stopped ${countRoles(stopped)}${isWiped ? '; home deleted' : '; state is kept'}`,
      ...killed.map(
        ({ role, pid }) => `! the ${role} (pid ${pid}) did not stop in time and was killed; its state is consistent`,
      ),
    ],
  })
  return
}

/** Stops processes of this home, role by role; those of one role together. */
export async function stopAll(
  { home, clock }: Context,
  live: readonly LiveProcess[],
): Promise<{ readonly stopped: readonly LiveProcess[]; readonly killed: readonly LiveProcess[] }> {
  const killed: LiveProcess[] = []
  for (const role of ORDER) {
    await Promise.all(
      live
        .filter((run) => run.role === role)
        .map(async (run) => {
          if (await stopProcess(run, clock, role === 'chain' ? CHAIN_STOP_MS : undefined)) killed.push(run)
          await removeRunFile(home.run, run.role, run.id)
        }),
    )
  }
  return { stopped: live, killed }
}

/** Only a home made by `up` may be deleted by a command: it holds no money and no words but test ones. */
export function assertWipeable({ home }: Context): void {
  if (existsSync(home.keystore) && !existsSync(home.devPassphrase))
    throw new HoldfastError('INPUT_USAGE', {
      what: `${home.root ?? home.keystore} was not made by holdfast up, so it is not deleted`,
    })
}

/** Deletes all that `up` makes. Nothing of it may run. */
export async function wipe({ home }: Context): Promise<void> {
  const all = [
    home.chain,
    home.controller.dir,
    home.stewards,
    dirname(home.pool.master),
    home.puts,
    home.run,
    home.logs,
  ]
  const files = [home.config, home.deployment, home.keystore, home.devPassphrase]
  const places = home.root === undefined ? [...all, ...files] : [home.root]
  await Promise.all(places.map((path) => rm(path, { recursive: true, force: true, maxRetries: 5 })))
}

function countRoles(runs: readonly LiveProcess[]): string {
  const parts = ORDER.toReversed().flatMap((role) => {
    const count = runs.filter((run) => run.role === role).length
    return count === 0 ? [] : [count === 1 ? role : plural(count, role)]
  })
  return parts.join(', ')
}
