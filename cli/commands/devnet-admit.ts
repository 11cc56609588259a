/** `holdfast devnet admit ID`: takes a steward of another home into this home's pool. What a manager does elsewhere, on a local chain only. */
import { existsSync } from 'node:fs'
import { parseAddress } from '../../base/curve.ts'
import { HoldfastError } from '../../base/errors.ts'
import { openMarketChain } from '../chain-access.ts'
import type { Context } from '../context.ts'
import { admitSteward } from '../dev-pool.ts'
import { readActorKey } from '../keys.ts'
import { openDaemonApi } from '../local-api.ts'
import { readSecretFile } from '../passphrase.ts'
import { isAlive, readRunFile } from '../run-file.ts'

/** How long the steward's daemon may take to register. Milliseconds. */
const REGISTER_MS = 60_000
const DEV_CHAIN = 31_337

export async function admit(context: Context, [text = '']: readonly string[]): Promise<undefined> {
  const { home, out, clock, signal } = context
  const id = parseAddress(text, 'id')
  const path = home.pool.manager
  if (!existsSync(home.devPassphrase) || !existsSync(path)) throw new HoldfastError('CONFIG_NOT_INITIALISED', { path })
  if (context.options.dryRun === true) {
    out.summary({
      command: 'devnet',
      fields: { dryRun: true, id },
      lines: [`would give ${id} coin for fees and the repository role`],
    })
    return
  }
  const manager = await readActorKey(path, await readSecretFile(home.devPassphrase))
  const { chain, deployment } = await openMarketChain(context)
  try {
    if (chain.chainId !== DEV_CHAIN) throw new HoldfastError('CHAIN_NOT_DEV', { got: chain.chainId })
    const run = await readRunFile(home.run, 'manager')
    const admit = run !== undefined && (await isAlive(run)) ? () => admitByDaemon(context, id) : undefined
    await admitSteward(chain, deployment, manager, id, {
      clock,
      signal,
      limitMs: REGISTER_MS,
      ...(admit === undefined ? {} : { admit }),
    })
  } finally {
    chain.close()
  }
  out.summary({
    command: 'devnet',
    fields: { id, manager: manager.id, role: 'repository' },
    lines: [`${id} has coin for fees and the repository role; it is asked for bids from the next put on`],
    result: id,
  })
}

/** A manager that runs is the only one that sends with its key. */
async function admitByDaemon({ home, signal }: Context, id: string): Promise<void> {
  const api = await openDaemonApi(home.manager, 'manager')
  try {
    await api.post('/admit', { id }, { signal })
  } finally {
    api.close()
  }
}
