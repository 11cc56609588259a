/** `holdfast controller|steward|pool index|pool monitor|pool manager start`: runs a daemon here, or with --detach beside us. */
import { join } from 'node:path'
import { HoldfastError } from '../../base/errors.ts'
import { chooseActor } from '../choose-actor.ts'
import type { CommandRun, Context, Options } from '../context.ts'
import { runDaemon } from '../daemon.ts'
import type { DaemonPaths } from '../home.ts'
import { pathsOf } from '../local-api.ts'
import { obtainPassphrase } from '../passphrase.ts'
import { isAlive, logFileName, type Role, readRunFile } from '../run-file.ts'
import { startDaemon } from '../spawn.ts'

/** Longest wait for a detached daemon. Milliseconds. */
const READY_MS = 60_000

export const controllerStart: CommandRun = async (context, _args, options) => {
  const paths = context.home.controller
  if (options['detach'] === true)
    return startDetached(context, options, 'controller', undefined, ['controller', 'start'])
  await assertAlone(context, 'controller', undefined, paths)
  const passphrase = await obtainPassphrase(context, options, "the controller's keystore")
  const { composeController } = await import('../compose-controller.ts')
  return runDaemon(context, {
    role: 'controller',
    paths,
    compose: (log, scope) => composeController(context, passphrase, log, scope),
  })
}

export const stewardStart: CommandRun = async (context, _args, options) => {
  const { id, paths } = await chooseActor(context, 'steward', options)
  if (options['detach'] === true)
    return startDetached(context, options, 'steward', id, ['steward', 'start', '--id', id])
  await assertAlone(context, 'steward', id, paths)
  const passphrase = await obtainPassphrase(context, options, `steward ${id}`)
  const { composeSteward } = await import('../compose-steward.ts')
  return runDaemon(context, {
    role: 'steward',
    id,
    paths,
    compose: (log, scope) => composeSteward(context, paths, passphrase, log, scope),
  })
}

export const indexStart: CommandRun = async (context, _args, options) => {
  const { id, paths } = await chooseActor(context, 'index', options)
  if (options['detach'] === true)
    return startDetached(context, options, 'index', id, ['pool', 'index', 'start', '--id', id])
  await assertAlone(context, 'index', id, paths)
  const passphrase = await obtainPassphrase(context, options, `index ${id}`)
  const { composeIndex } = await import('../compose-index.ts')
  return runDaemon(context, {
    role: 'index',
    id,
    paths,
    compose: (log, scope) => composeIndex(context, paths, passphrase, log, scope),
  })
}

export const monitorStart: CommandRun = async (context, _args, options) => {
  const { id, paths } = await chooseActor(context, 'monitor', options)
  if (options['detach'] === true)
    return startDetached(context, options, 'monitor', id, ['pool', 'monitor', 'start', '--id', id])
  await assertAlone(context, 'monitor', id, paths)
  const passphrase = await obtainPassphrase(context, options, `monitor ${id}`)
  const { composeMonitor } = await import('../compose-monitor.ts')
  return runDaemon(context, {
    role: 'monitor',
    id,
    paths,
    compose: (log, scope) => composeMonitor(context, paths, passphrase, log, scope),
  })
}

export const managerStart: CommandRun = async (context, _args, options) => {
  const paths = context.home.manager
  if (options['detach'] === true)
    return startDetached(context, options, 'manager', undefined, ['pool', 'manager', 'start'])
  await assertAlone(context, 'manager', undefined, paths)
  const passphrase = await obtainPassphrase(context, options, "the manager's keystore")
  const { composeManager } = await import('../compose-manager.ts')
  return runDaemon(context, {
    role: 'manager',
    paths,
    compose: (log, scope) => composeManager(context, passphrase, log, scope),
  })
}

/** A friendlier word than the lock's, before anything is opened. */
async function assertAlone({ home }: Context, role: Role, id: string | undefined, paths: DaemonPaths): Promise<void> {
  const run = await readRunFile(home.run, role, id)
  if (run !== undefined && run.pid !== process.pid && (await isAlive(run)))
    throw new HoldfastError('STORE_LOCKED', { path: paths.dir, owner: ` by process ${run.pid} since ${run.startedAt}` })
}

async function startDetached(
  context: Context,
  options: Options,
  role: Role,
  id: string | undefined,
  command: readonly string[],
): Promise<undefined> {
  const { home, out, settings, clock, signal } = context
  const paths = pathsOf(context, { role, ...(id === undefined ? {} : { id }) })
  if (paths === undefined) throw new HoldfastError('INTERNAL', { what: `a ${role} has no home` })
  await assertAlone(context, role, id, paths)
  const rpc = settings.origin('chain.rpc')
  const args = [
    ...command,
    ...(home.root === undefined ? [] : ['--home', home.root]),
    ...(rpc.from === 'flag' && rpc.text !== undefined ? ['--rpc', rpc.text] : []),
    ...['passphraseFile', 'listen', 'api', 'logLevel', 'config'].flatMap((name) =>
      typeof options[name] === 'string'
        ? [`--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`, options[name]]
        : [],
    ),
    '--json',
    '--no-input',
  ]
  const logFile = join(home.logs, logFileName(role, id))
  const started = await startDaemon(
    { role, ...(id === undefined ? {} : { id }), args, logFile, runDir: home.run },
    clock,
  )
  const { pid, api } = await started.ready(READY_MS, signal)
  out.summary({
    type: 'ready',
    command: `${role} start`,
    fields: { role, id, pid, api, log: logFile },
    lines: [`${id === undefined ? role : `${role} ${id}`} runs as process ${pid}; its log is ${logFile}`],
    result: String(pid),
  })
  return undefined
}
