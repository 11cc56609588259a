/**
 * What all daemons have in common: log, local API with a fresh token, run file, a clean end on SIGTERM. A daemon told to stop exits 0.
 */
import { mkdir } from 'node:fs/promises'
import { flushCompileCache } from 'node:module'
import { dirname, join } from 'node:path'
import { toHex } from '../base/bytes.ts'
import { asHoldfastError, type HoldfastError, hasCode } from '../base/errors.ts'
import type { Log } from '../base/ports.ts'
import { formatTime } from '../base/units.ts'
import { openApi, type Route } from '../net/http-server.ts'
import { writeJson } from '../store/json-file.ts'
import type { Context } from './context.ts'
import { createDaemonLog } from './daemon-log.ts'
import type { DaemonPaths } from './home.ts'
import { logFileName, type Role, removeOwnRunFile, writeRunFile } from './run-file.ts'
import { SETTING_KEYS } from './settings-table.ts'

/** A composed daemon that is not started yet. */
export interface Daemon {
  readonly routes: readonly Route[]
  /** Undefined when it can serve, else why not. */
  unready(): string | undefined
  /** Rejects when it cannot go on; its state on disk is sound. */
  readonly failed: Promise<never>
}

export interface DaemonFrame {
  readonly role: Role
  readonly id?: string
  readonly paths: DaemonPaths
  /** Builds everything into the scope, which is closed in reverse order; starts it last. */
  compose(log: Log, scope: AsyncDisposableStack): Promise<Daemon>
}

/** Longest wait for a clean end: what is not done by then is done after the next start. Less than main.ts gives. Milliseconds. */
const END_MS = 8_000

/** When the compile cache is written: after the rush of the start. Milliseconds. */
const FLUSH_MS = 5_000

/** Runs a daemon until it is told to stop. @returns its exit code */
export async function runDaemon(context: Context, frame: DaemonFrame): Promise<number> {
  const { home, out, settings, clock, rng, signal } = context
  const { role, id, paths } = frame
  const forPeople = process.stdout.isTTY === true && !out.style.json
  const log = createDaemonLog({
    role,
    ...(id === undefined ? {} : { id }),
    level: out.style.verbosity > 0 ? 'debug' : settings.value('log.level'),
    forPeople,
    file: join(home.logs, logFileName(role, id)),
  })
  for (const key of SETTING_KEYS) settings.find(key) // all of them, before anything is opened
  const scope = new AsyncDisposableStack()
  let failure: HoldfastError | undefined
  // Last of all: until then nobody should start another one.
  scope.defer(() => removeOwnRunFile(home.run, role, id))
  try {
    const daemon = await frame.compose(log, scope)
    const token = toHex(rng.bytes(32))
    const { port } = settings.value('api.listen')
    const api = await openApi({
      host: '127.0.0.1',
      port,
      token,
      title: role,
      routes: daemon.routes,
      unready: daemon.unready,
      log,
    })
    scope.defer(() => api.close())
    await mkdir(dirname(paths.api), { recursive: true, mode: 0o700 })
    await writeJson(paths.api, { url: api.url, token }, 0o600)
    await writeRunFile(home.run, {
      role,
      ...(id === undefined ? {} : { id }),
      pid: process.pid,
      startedAt: formatTime(clock.now()),
      api: api.url,
    })
    const shown = id === undefined ? role : `${role} ${id}`
    out.record({ type: 'ready', role, id, pid: process.pid, api: api.url })
    if (!out.style.json) out.stderr.write(`${shown} is ready, its API is at ${api.url}; Ctrl-C stops it\n`)
    log.info('ready', { api: api.url })
    // Otherwise it is written when the process ends, which would make a first stop slow.
    const flush = setTimeout(() => flushCompileCache?.(), FLUSH_MS)
    scope.defer(async () => clearTimeout(flush))
    await Promise.race([stopped(signal), daemon.failed])
  } catch (cause) {
    // Told to stop while it was starting is a good end, too.
    if (!signal.aborted) failure = asHoldfastError(cause)
  }
  const reason = failure === undefined ? 'told to' : failure.code
  log.info('stopping', { why: reason })
  const isClean = await closeWithin(scope, clock, log)
  if (failure !== undefined && !hasCode(failure, 'INTERRUPTED')) throw failure
  log.info('stopped', { clean: isClean })
  return 0
}

/** Longest is decided here, not by the parts. */
async function closeWithin(scope: AsyncDisposableStack, clock: Context['clock'], log: Log): Promise<boolean> {
  try {
    return await Promise.race([scope.disposeAsync().then(() => true), clock.sleep(END_MS).then(() => false)])
  } catch (cause) {
    log.error('stopping failed', {
      message: asHoldfastError(cause).message,
      stack: cause instanceof Error ? cause.stack : undefined,
    })
    return false
  }
}

function stopped(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
