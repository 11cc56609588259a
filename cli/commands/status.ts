/** `holdfast status`: money, objects, daemons; exit 3 when a daemon of this home is down. */
import { existsSync } from 'node:fs'
import { EXIT, HoldfastError, hasCode } from '../../base/errors.ts'
import { formatSize, parseDuration, parseHold } from '../../base/units.ts'
import type { ControllerStatus } from '../../controller/api-types.ts'
import { alertLines } from '../alert-lines.ts'
import type { Context, Options } from '../context.ts'
import { openLedgerView } from '../ledger-view.ts'
import { openDaemonApi, pathsOf } from '../local-api.ts'
import { pasteable } from '../pasteable.ts'
import { type LiveProcess, listProcesses, type RunFile } from '../run-file.ts'
import { formatFromNow, formatStates, formatTable, shortHold, shortId } from '../words.ts'

/** A daemon as `status` sees it. */
interface DaemonHealth extends RunFile {
  readonly state: 'ready' | 'starting' | 'silent' | 'down'
  readonly why?: string
}

export async function status(context: Context, _args: readonly string[], options: Options): Promise<number> {
  const { out } = context
  const daemons = await (typeof options['waitReady'] === 'string'
    ? waitReady(context, options, options['waitReady'])
    : lookAtDaemons(context, options))
  for (const daemon of daemons)
    out.record({
      type: 'daemon',
      role: daemon.role,
      id: daemon.id,
      pid: daemon.pid,
      api: daemon.api,
      state: daemon.state,
      why: daemon.why,
    })
  const wantsLedger = options['role'] === undefined || options['role'] === 'controller'
  const ledger = wantsLedger ? await ledgerStatus(context) : undefined
  const bad = daemons.filter(({ state }) => state !== 'ready')
  out.summary({
    command: 'status',
    fields: {
      home: context.home.root,
      daemons: daemons.length,
      ready: daemons.length - bad.length,
      ...(ledger === undefined ? {} : { controller: ledger }),
    },
    lines: [...ledgerLines(context, ledger), ...daemonLines(context, daemons)],
    result: bad.length === 0 ? 'ready' : 'not ready',
  })
  return bad.length === 0 ? EXIT.done : EXIT.partial
}

async function ledgerStatus(context: Context): Promise<ControllerStatus | undefined> {
  if (!existsSync(context.home.controller.keystore))
    throw new HoldfastError('CONFIG_NOT_INITIALISED', { path: context.home.root ?? context.home.controller.dir })
  try {
    await using view = await openLedgerView(context)
    return await view.status()
  } catch (cause) {
    // A controller that was never started has no ledger yet; one that starts or stops holds it.
    if (hasCode(cause, 'CONFIG_NOT_INITIALISED', 'STORE_LOCKED', 'API_UNREACHABLE')) return undefined
    throw cause
  }
}

function ledgerLines({ options }: Context, status: ControllerStatus | undefined): readonly string[] {
  if (status === undefined) return ['controller does not answer; nothing is known of money and objects']
  const { balance, open, coin, objects, bounties, chain, runwaySeconds, nextDue, alerts, troubles = [] } = status
  const now = Date.parse(chain.time) / 1000
  const runway = runwaySeconds === undefined ? '' : ` (lasts ${formatRunway(runwaySeconds)})`
  return [
    `wallet   ${shortHold(parseHold(balance))} HOLD${runway}, ${shortHold(parseHold(open))} HOLD in open bounties, ${shortHold(parseHold(coin))} coin for fees`,
    `objects  ${objects.count}, ${formatSize(objects.bytes)}   healthy ${objects.healthy}   suspect ${objects.suspect}   at risk ${objects.atRisk}`,
    `bounties ${bounties.posted} posted, ${bounties.swept} swept, ${bounties.revoked} revoked, ${bounties.open} open; next act ${formatFromNow(nextDue, now)}`,
    `chain    ${chain.id === 0 ? 'not asked: no controller runs' : `block ${chain.block}, ${chain.headAgeSeconds} s old`}, as of ${chain.time}`,
    ...troubles
      .slice(0, MAX_TROUBLES)
      .map(
        ({ object, name, states, next }) =>
          `! ${name ?? shortId(object)}: ${formatStates(states)}; next: ${next}   ${pasteable(options, `stat ${shortId(object)} --shares`)}`,
      ),
    ...(troubles.length > MAX_TROUBLES
      ? [`! and ${troubles.length - MAX_TROUBLES} objects more: ${pasteable(options, 'status --json')}`]
      : []),
    ...alertLines(alerts),
  ]
}

/** Objects in trouble that are named; the rest is counted. */
const MAX_TROUBLES = 10

/** Beyond a century nobody counts days. */
function formatRunway(seconds: number): string {
  const days = Math.floor(seconds / 86_400)
  return days > 36_500 ? 'for over 100 years' : `for ${days} d`
}

function daemonLines({ options }: Context, daemons: readonly DaemonHealth[]): readonly string[] {
  if (daemons.length === 0)
    return [`daemons  none runs: ${pasteable(options, 'up')}, or ${pasteable(options, 'controller start')}`]
  const down = daemons.filter(({ state }) => state !== 'ready')
  const counts = [...Map.groupBy(daemons, ({ role }) => role)].map(
    ([role, list]) => `${role} ${list.filter(({ state }) => state === 'ready').length}/${list.length}`,
  )
  return [
    `daemons  ${counts.join('   ')}`,
    ...formatTable(
      down.map(({ role, id, state, why = '' }) => [`! ${role}`, id === undefined ? '' : shortId(id), state, why]),
    ),
  ]
}

async function lookAtDaemons(context: Context, options: Options): Promise<readonly DaemonHealth[]> {
  const { live, dead } = await listProcesses(context.home.run)
  const wanted = ({ role }: RunFile) => options['role'] === undefined || role === options['role']
  const looks = await Promise.all(live.filter(wanted).map((run) => lookAt(context, run)))
  return [
    ...looks,
    ...dead.filter(wanted).map((run) => ({ ...run, state: 'down' as const, why: 'its process is gone' })),
  ]
}

async function lookAt(context: Context, run: LiveProcess): Promise<DaemonHealth> {
  const paths = pathsOf(context, run)
  if (paths === undefined) return { ...run, state: 'ready' } // the chain: its own process is all there is to see here
  try {
    const client = await openDaemonApi(paths, run.role)
    try {
      const why = await client.unready({ timeoutMs: 3_000, signal: context.signal })
      return why === undefined ? { ...run, state: 'ready' } : { ...run, state: 'starting', why }
    } finally {
      client.close()
    }
  } catch (cause) {
    if (hasCode(cause, 'API_UNREACHABLE', 'TIMED_OUT', 'CONFIG_INVALID'))
      return { ...run, state: 'silent', why: cause.message }
    throw cause
  }
}

async function waitReady(context: Context, options: Options, text: string): Promise<readonly DaemonHealth[]> {
  const { clock, signal } = context
  const until = clock.monotonic() + parseDuration(text) * 1000
  for (;;) {
    const daemons = await lookAtDaemons(context, options)
    if (daemons.length > 0 && daemons.every(({ state }) => state === 'ready')) return daemons
    if (clock.monotonic() > until) {
      const late = daemons
        .filter(({ state }) => state !== 'ready')
        .map(({ role, id }) => (id === undefined ? role : `${role} ${shortId(id)}`))
      throw new HoldfastError('TIMED_OUT', {
        what: late.length === 0 ? 'the start of a daemon' : `the start of ${late.join(', ')}`,
        limit: text,
      })
    }
    await clock.sleep(200, signal)
  }
}
