/** `holdfast doctor`: clock, chain, disk, keys, daemons; each check says what it found and what to do. Changes nothing. */
import { existsSync } from 'node:fs'
import { mkdir, stat, statfs, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { asHoldfastError, EXIT } from '../../base/errors.ts'
import { formatSize, MiB } from '../../base/units.ts'
import { openMarketChain } from '../chain-access.ts'
import { listActors } from '../choose-actor.ts'
import type { Context } from '../context.ts'
import { openDaemonApi, pathsOf } from '../local-api.ts'
import { paint } from '../output.ts'
import { pasteable } from '../pasteable.ts'
import { listProcesses } from '../run-file.ts'
import { shortId } from '../words.ts'

/** A finding. `warn` does not fail the command. */
interface Finding {
  readonly check: string
  readonly state: 'ok' | 'warn' | 'fail'
  readonly found: string
  readonly fix?: string
}

/** A handshake with a clock further off is refused. Seconds. protocol.md §7. */
const CLOCK_LIMIT = 600
const LITTLE_SPACE = 512 * MiB

export async function doctor(context: Context): Promise<number> {
  const { out } = context
  const findings = (
    await Promise.all([
      checkNode(),
      checkSettings(context),
      checkKeys(context),
      checkDisk(context),
      checkChain(context),
      checkDaemons(context),
    ])
  ).flat()
  for (const finding of findings) out.record({ type: 'check', ...finding })
  const failed = findings.filter(({ state }) => state === 'fail')
  const marks = {
    ok: paint(out.style, 'green', '✔'),
    warn: paint(out.style, 'yellow', '!'),
    fail: paint(out.style, 'red', '✘'),
  }
  out.summary({
    command: 'doctor',
    fields: { checks: findings.length, failed: failed.length },
    lines: findings.flatMap(({ check, state, found, fix }) => [
      `${marks[state]} ${check.padEnd(10)} ${found}`,
      ...(fix === undefined ? [] : [`             fix  ${fix}`]),
    ]),
    result: failed.length === 0 ? 'ok' : 'failed',
  })
  return failed.length === 0 ? EXIT.done : EXIT.partial
}

async function checkNode(): Promise<readonly Finding[]> {
  return [
    { check: 'program', state: 'ok', found: `Node ${process.versions.node} on ${process.platform} ${process.arch}` },
  ]
}

async function checkSettings({ home }: Context): Promise<readonly Finding[]> {
  // config.json was read and checked before any command runs, so being here proves it.
  return [
    { check: 'settings', state: 'ok', found: existsSync(home.config) ? home.config : `no ${home.config}: defaults` },
  ]
}

async function checkKeys({ home, options }: Context): Promise<readonly Finding[]> {
  const stewards = await listActors(home.stewards)
  const files = [
    home.keystore,
    home.controller.keystore,
    home.manager.keystore,
    ...stewards.map((id) => home.steward(id).keystore),
  ].filter(existsSync)
  if (files.length === 0)
    return [
      {
        check: 'keys',
        state: 'warn',
        found: 'this home has no keys',
        fix: `${pasteable(options, 'init')}, or ${pasteable(options, 'up')} for a local market`,
      },
    ]
  const open = (await Promise.all(files.map(async (path) => ({ path, mode: (await stat(path)).mode & 0o077 })))).filter(
    ({ mode }) => mode !== 0,
  )
  if (open.length > 0)
    return open.map(({ path }) => ({
      check: 'keys',
      state: 'fail',
      found: `${path} can be read by others`,
      fix: `chmod 600 ${path}`,
    }))
  return [{ check: 'keys', state: 'ok', found: `${files.length} keystores, readable by their owner only` }]
}

async function checkDisk({ home }: Context): Promise<readonly Finding[]> {
  const place = home.root ?? home.controller.dir
  if (!existsSync(place)) return [{ check: 'disk', state: 'warn', found: `there is no ${place} yet` }]
  try {
    const probe = join(place, `.doctor.${process.pid}`)
    await mkdir(place, { recursive: true })
    await writeFile(probe, 'x')
    await unlink(probe)
    const { bavail, bsize } = await statfs(place)
    const free = bavail * bsize
    const found = `${place} is writable, ${formatSize(free)} free`
    return [
      free < LITTLE_SPACE
        ? { check: 'disk', state: 'warn', found, fix: 'free some space: stewards refuse writes below their reserve' }
        : { check: 'disk', state: 'ok', found },
    ]
  } catch (cause) {
    return [
      {
        check: 'disk',
        state: 'fail',
        found: `${place} cannot be written: ${asHoldfastError(cause).message}`,
        fix: 'check the owner, the mode and the file system',
      },
    ]
  }
}

async function checkChain(context: Context): Promise<readonly Finding[]> {
  try {
    const { chain, deployment } = await openMarketChain(context)
    try {
      const { number, timestamp } = await chain.head()
      const ahead = timestamp - context.clock.now()
      const chainFound: Finding = {
        check: 'chain',
        state: 'ok',
        found: `${chain.url}, chain ${chain.chainId}, block ${number}; the contracts are those of deployment.json (market ${shortId(deployment.contracts.market.address)})`,
      }
      // A dev chain's time is moved on purpose.
      if (chain.chainId === 31_337)
        return [
          chainFound,
          {
            check: 'clock',
            state: 'ok',
            found: `chain time is ${ahead >= 0 ? `${ahead} s ahead` : `${-ahead} s behind`}; this is a dev chain`,
          },
        ]
      return [
        chainFound,
        Math.abs(ahead) > CLOCK_LIMIT
          ? {
              check: 'clock',
              state: 'fail',
              found: `this clock and the chain differ by ${Math.abs(ahead)} s`,
              fix: 'set the clock (NTP), or use another --rpc',
            }
          : { check: 'clock', state: 'ok', found: `within ${Math.abs(ahead)} s of the chain` },
      ]
    } finally {
      chain.close()
    }
  } catch (cause) {
    const error = asHoldfastError(cause)
    return [{ check: 'chain', state: 'fail', found: error.message, fix: error.fix }]
  }
}

async function checkDaemons(context: Context): Promise<readonly Finding[]> {
  const { live, dead } = await listProcesses(context.home.run)
  const gone: Finding[] = dead.map(({ role, id }) => ({
    check: role,
    state: 'fail',
    found: `${id === undefined ? 'it' : shortId(id)} does not run any more`,
    fix: restartOf(context, role, id),
  }))
  const looks = await Promise.all(
    live.map(async (run): Promise<Finding> => {
      const name = run.id === undefined ? `process ${run.pid}` : `${shortId(run.id)}, process ${run.pid}`
      const paths = pathsOf(context, run)
      if (paths === undefined) return { check: run.role, state: 'ok', found: name }
      try {
        const client = await openDaemonApi(paths, run.role)
        const why = await client.unready({ timeoutMs: 3_000 }).finally(() => client.close())
        return why === undefined
          ? { check: run.role, state: 'ok', found: `${name} is ready` }
          : { check: run.role, state: 'warn', found: `${name} is not ready: ${why}` }
      } catch (cause) {
        return {
          check: run.role,
          state: 'fail',
          found: `${name} does not answer: ${asHoldfastError(cause).message}`,
          fix: `stop process ${run.pid}; then ${restartOf(context, run.role, run.id)}`,
        }
      }
    }),
  )
  return looks.length + gone.length === 0
    ? [
        {
          check: 'daemons',
          state: 'warn',
          found: 'none runs in this home',
          fix: `${pasteable(context.options, 'up')}, or ${pasteable(context.options, 'controller start')}`,
        },
      ]
    : [...looks, ...gone]
}

function restartOf({ options }: Context, role: string, id: string | undefined): string {
  if (role === 'controller') return pasteable(options, 'controller start')
  if (role === 'manager') return pasteable(options, 'pool manager start')
  if (role === 'steward') return pasteable(options, `steward start --id ${id}`)
  if (role === 'index' || role === 'monitor') return pasteable(options, `pool ${role} start --id ${id}`)
  return pasteable(options, 'up')
}
