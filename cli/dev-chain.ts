/** The chain of a local market as a process of its own: found running, or started where it was left. */
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { HoldfastError } from '../base/errors.ts'
import { formatTime } from '../base/units.ts'
import { startAnvil } from '../chain/devnet.ts'
import { freePort } from '../chain/free-port.ts'
import { detailLog } from './chain-access.ts'
import type { Context } from './context.ts'
import { writeDevConfig } from './dev-home.ts'
import { isAlive, logFileName, readRunFile, writeRunFile } from './run-file.ts'

/** A running dev chain. */
export interface DevChain {
  readonly url: string
  readonly pid?: number
  /** It ran already. */
  readonly wasRunning: boolean
}

/** The state file of the home's chain. */
export function chainStateFile({ home }: Pick<Context, 'home'>): string {
  return join(home.chain, 'state.json')
}

/** Starts this home's chain unless it runs, at the port it had. @throws as `startAnvil` */
export async function ensureDevChain(context: Context): Promise<DevChain> {
  const { home, clock } = context
  const run = await readRunFile(home.run, 'chain')
  if (run !== undefined && (await isAlive(run))) return { url: run.api, pid: run.pid, wasRunning: true }
  await mkdir(home.chain, { recursive: true, mode: 0o700 })
  await mkdir(home.logs, { recursive: true, mode: 0o700 })
  const port = await portFor(context)
  const options = {
    log: detailLog(context),
    clock,
    port,
    stateFile: chainStateFile(context),
    logFile: join(home.logs, logFileName('chain')),
    detached: true,
  }
  const { url, pid } = await startAnvil(options)
  await writeRunFile(home.run, { role: 'chain', pid, startedAt: formatTime(clock.now()), api: url })
  if (!existsSync(home.config)) await writeDevConfig(home, url)
  return { url, pid, wasRunning: false }
}

/** The port in config.json: daemons and scripts know it. A new home gets a free one. */
async function portFor({ home, settings }: Context): Promise<number> {
  const { from } = settings.origin('chain.rpc')
  if (!existsSync(home.config) && from !== 'flag') return freePort('127.0.0.1')
  const url = new URL(settings.value('chain.rpc')[0] as string)
  if (!/^(127\.0\.0\.1|localhost)$/.test(url.hostname) || url.port === '')
    throw new HoldfastError('CONFIG_INVALID', {
      what: `chain.rpc is ${url.href}; a local chain needs http://127.0.0.1:PORT, or give --chain ${url.href}`,
    })
  return Number(url.port)
}
