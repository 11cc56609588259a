/** Replays the acknowledgement log against disks and chain, after every fault test of a whole market. Each check says what it looked at. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { Ledger } from '../../../controller/ledger.ts'
import { openLevelStore } from '../../../store/level-store.ts'
import { marketLogs } from '../../market/chain-log.ts'
import type { World } from '../world.ts'
import { acknowledgedIsKept } from './i01-acknowledged.ts'
import { tokensAreConserved } from './i02-tokens.ts'
import { nothingTwice } from './i03-once.ts'
import { restartsAlone } from './i04-restart.ts'
import { nothingOutside } from './i05-outside.ts'
import { errorsAreClear } from './i06-errors.ts'
import { descriptorsOf, memoryIsBounded } from './i07-bounds.ts'
import { assertIntended, sentBy } from './i08-intents.ts'
import { ledgerFollowsChain } from './i09-replay.ts'
import { secretsStaySecret } from './i10-secrets.ts'
import { healed } from './i11-heals.ts'

export interface Baseline {
  readonly descriptors: ReadonlyMap<string, number>
  /** First block after the market was set up: from there on only daemons send. */
  readonly block: number
}

/** Taken before the first fault. */
export async function baselineOf(world: World): Promise<Baseline> {
  const { last } = await world.ok(['controller', 'status'])
  return {
    descriptors: await descriptorsOf(world),
    block: (last as unknown as { chain: { block: number } }).chain.block + 1,
  }
}

/**
 * All of I1 to I11. Lets a month pass first, so that what is due gets done (I11); ends the daemons for I8 and I9, which read their stores, and
 * starts them again.
 * @returns what was looked at, a line for each invariant
 */
export async function checkInvariants(world: World, baseline: Baseline): Promise<readonly string[]> {
  await world.ok(['devnet', 'advance', '31d'], { timeoutMs: 300_000 })
  const log = await marketLogs(world.market)
  const told = [
    `I1  ${await acknowledgedIsKept(world)}`,
    `I2  ${await tokensAreConserved(world, log)}`,
    `I3  ${nothingTwice(log)}`,
    `I4  ${restartsAlone(world)}`,
    `I6  ${errorsAreClear(world.commands)}`,
    `I7  ${await memoryIsBounded(world, baseline.descriptors)}`,
    `I10 ${await secretsStaySecret(world)}`,
    `I11 ${await healed(world)}`,
    `I5  ${await nothingOutside(world)}`,
  ]
  for (const daemon of world.daemons)
    expect((await daemon.end('SIGTERM')).code, `${daemon.name} ends on SIGTERM`).to.equal(0)
  told.push(...(await readStores(world, baseline, log)))
  await Promise.all(world.daemons.map((daemon) => daemon.start()))
  return told
}

async function readStores(
  { market }: World,
  { block }: Baseline,
  log: Awaited<ReturnType<typeof marketLogs>>,
): Promise<readonly string[]> {
  const ledgerStore = await openLevelStore(join(market.home, 'controller', 'ledger'))
  try {
    const account = String(JSON.parse(await readFile(join(market.home, 'controller', 'volume.json'), 'utf8')).id)
    const stewards = market.ready.stewards.map(({ id }) => id)
    const sent = await sentBy(market.ready.rpc, [account, ...stewards], block)
    let entries = await assertIntended(ledgerStore, sent.get(account) ?? [], 'controller')
    for (const { id, dataDir } of market.ready.stewards) {
      const store = await openLevelStore(join(dataDir, 'db'))
      entries += await assertIntended(store, sent.get(id) ?? [], `steward ${id}`).finally(() => store.close())
    }
    const count = [...sent.values()].reduce((sum, each) => sum + each.length, 0)
    return [
      `I8  ${count} transactions on chain, ${entries} entries, none lingers`,
      `I9  ${ledgerFollowsChain(await Ledger.open(ledgerStore), log)}`,
    ]
  } finally {
    await ledgerStore.close()
  }
}
