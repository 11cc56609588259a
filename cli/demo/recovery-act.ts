/** The act in which the uploader's computer is lost: everything of it is deleted, and the recovery words bring it back. */
import { existsSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Address } from '../../base/curve.ts'
import { durableWrite } from '../../store/durable-write.ts'
import { ensureDaemon, type Market } from '../bring-up.ts'
import type { Context } from '../context.ts'
import { homeAt } from '../home.ts'
import { openLedgerView } from '../ledger-view.ts'
import { readRunFile } from '../run-file.ts'
import type { Acts } from './acts.ts'
import { endProcess } from './end-acts.ts'
import { sharesOf } from './loss-acts.ts'
import { runHoldfast } from './run-holdfast.ts'
import type { Stored } from './store-acts.ts'
import { countEnds, passDays, readChain } from './year-act.ts'

/** Where the uploader goes on after the loss; below the demo's own directory, so that it goes with it. */
export function recoveredHome(context: Context): Context {
  return { ...context, home: homeAt(join(context.home.root ?? '', 'recovered'), context.environment) }
}

/** Kills the controller, deletes the uploader's home but for the words on paper, recovers into a new one. @returns the new home */
export async function loseHome(context: Context, acts: Acts, market: Market, stored: Stored): Promise<Context> {
  const { home, signal } = context
  acts.begin('recovery')
  const words = (await readFile(home.controller.words, 'utf8')).trim()
  const before = await sharesOf(context, stored)
  const run = await readRunFile(home.run, 'controller')
  const isDead = run !== undefined && (await endProcess(run.pid))
  const gone = [home.controller.dir, home.puts, home.keystore, home.deployment, home.config]
  for (const path of gone) await rm(path, { recursive: true, force: true })
  acts.check(
    `the uploader's home is deleted, its controller killed: no keys, no ledger, no answers; ${words.split(/\s+/).length} words on paper are left`,
    isDead && gone.every((path) => !existsSync(path)),
  )
  const recovered = recoveredHome(context)
  const paper = join(home.root ?? '', 'demo', 'words.txt')
  await durableWrite(paper, `${words}\n`, 0o600)
  const { market: contract } = market.deployment.contracts
  const place = ['--rpc', market.chain.url, '--market', contract.address, '--home', recovered.home.root ?? '']
  const told = await runHoldfast(['recover', '--words-file', paper, ...place, '--yes'], signal)
  await ensureDaemon(recovered, { role: 'controller', args: ['controller', 'start'] })
  await using view = await openLedgerView(recovered)
  const { objects } = await view.objects()
  const after = await view.shares(stored.id, false)
  const answers = after.reduce((sum, { state, answersLeft }) => sum + (state === 'held' ? answersLeft : 0), 0)
  acts.check(
    `words, an endpoint and the market's address brought back ${String(told['objects'])} object, ${after.length} placements with ${answers} unused answers, and ${Number(told['balance']).toFixed(4)} HOLD in ${Number(told['seconds']).toFixed(1)} s`,
    answers > 0 &&
      objects.some(({ id, name }) => id === stored.id && name === stored.name) &&
      before.every(({ blobId, steward }) => after.some((line) => line.blobId === blobId && line.steward === steward)),
  )
  acts.end({ objects: told['objects'], placements: told['placements'], seconds: told['seconds'] })
  return recovered
}

/**
 * The rest of the time, from the new home: checks go on as if nothing had happened.
 * @param bad the cheat and the dead, whose bounties nobody sweeps
 * @returns the holders of the shares at the end
 */
export async function carryOn(
  recovered: Context,
  stewards: Context,
  acts: Acts,
  stored: Stored,
  bad: readonly Address[],
  days: number,
): Promise<readonly Address[]> {
  acts.begin('a year')
  const { bounties: before } = await readChain(recovered)
  const advanced = await passDays(recovered, stored, days, [stewards])
  const { bounties } = await readChain(recovered)
  const known = new Set(before.map(({ id }) => id))
  const { posted, swept, revoked, open } = countEnds(
    bounties.filter(({ id, steward }) => !known.has(id) && !bad.includes(steward)),
  )
  acts.check(
    `${days} days more, from the new home: ${posted} bounties posted to who lives and is honest, ${swept} swept, ${revoked} revoked, ${open} still open`,
    swept > 0 && swept + open === posted,
  )
  const lines = await sharesOf(recovered, stored)
  const held = lines.filter(({ type, state }) => type === 'share' && state === 'held')
  const total = stored.stewards.length
  acts.check(
    `the year is over, and ${held.length} of ${total} shares are held${held.length < total ? ': enough not to repair' : ''}`,
    held.length >= total - 1,
  )
  acts.end({ hops: advanced.hops, now: advanced.now, posted, swept, held: held.length })
  return held.map(({ steward }) => steward)
}
