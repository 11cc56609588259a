/** The ledger read from its directory while no controller runs: listing and looking need no chain and no network. */
import { existsSync } from 'node:fs'
import { HoldfastError } from '../base/errors.ts'
import { formatHold, formatTime, WEI_PER_GWEI } from '../base/units.ts'
import { viewRounds } from '../controller/accounts.ts'
import { Ledger } from '../controller/ledger.ts'
import type { Outlook } from '../controller/outlook.ts'
import { POLICY } from '../controller/policy.ts'
import { viewAuction, viewAuctions } from '../controller/view-market.ts'
import { viewPlan } from '../controller/view-plan.ts'
import {
  findObject,
  openAmount,
  viewAccounts,
  viewObject,
  viewObjectDetail,
  viewShares,
  viewTotals,
} from '../controller/views.ts'
import { openDataDir, readVolume } from '../store/data-dir.ts'
import type { Context } from './context.ts'
import type { LedgerView } from './ledger-answers.ts'

/** @throws `CONFIG_NOT_INITIALISED`, `STORE_LOCKED` while another process has it open */
export async function openStoredView({ home, clock, settings }: Context): Promise<LedgerView> {
  const { dir } = home.controller
  const volume = existsSync(dir) ? await readVolume(dir) : undefined
  if (volume === undefined) throw new HoldfastError('CONFIG_NOT_INITIALISED', { path: dir })
  const data = await openDataDir(dir, { role: 'controller', id: volume.id, clock, database: 'ledger' })
  const ledger = await Ledger.open(data.store)
  const now = latestMoment(ledger, clock.now())
  const policy = { ...POLICY, settle: settings.value('controller.settle') }
  const outlook: Outlook = { ledger, policy, now }
  const { deposited, withdrawn, advertFees } = ledger.money
  const gone = [...ledger.bounties.values()].reduce(
    (sum, { phase, amount }) => (phase === 'posted' || phase === 'swept' ? sum + amount : sum),
    0n,
  )
  const redeemed = [...ledger.promises.values()].reduce((sum, { paidOut = 0n }) => sum + paidOut, 0n)
  const balance = deposited - withdrawn - (advertFees + gone + redeemed) * WEI_PER_GWEI
  return {
    isOffline: true,
    asOf: formatTime(now),
    objects: async () => ({ now, objects: [...ledger.objects.values()].map((object) => viewObject(outlook, object)) }),
    object: async (id) => viewObjectDetail(outlook, findObject(outlook, id)),
    shares: async (id, history) => viewShares(outlook, findObject(outlook, id), history),
    plan: async (days) => viewPlan(outlook, days),
    accounts: async () => viewAccounts(outlook, balance),
    rounds: async () => viewRounds(ledger),
    auctions: async () => viewAuctions(ledger),
    auction: async (id) => viewAuction(ledger, id),
    status: async () => ({
      role: 'controller',
      account: volume.id as `0x${string}`,
      chain: { id: 0, block: 0, time: formatTime(now), headAgeSeconds: 0 },
      balance: formatHold(balance),
      open: formatHold(openAmount(ledger)),
      coin: '0',
      ...viewTotals(outlook, balance),
      alerts: [],
    }),
    [Symbol.asyncDispose]: () => data.close(),
  }
}

/** The wall clock, or the newest thing the ledger saw: on a dev chain time may be far ahead. */
function latestMoment(ledger: Ledger, wall: number): number {
  return [...ledger.placements.values()].reduce(
    (latest, { start, totals }) => Math.max(latest, start, totals.lastProof),
    wall,
  )
}
