/** The act in which time passes: checks back off, placements renew, the cheat is found out. */
import type { Address } from '../../base/curve.ts'
import { DAY } from '../../base/units.ts'
import type { Advanced } from '../advance.ts'
import type { Market, Running } from '../bring-up.ts'
import { openMarketChain } from '../chain-access.ts'
import { advanceHome } from '../commands/devnet-advance.ts'
import type { Context } from '../context.ts'
import { openLedgerView } from '../ledger-view.ts'
import { createProgress } from '../progress.ts'
import type { Acts } from './acts.ts'
import { CHEAT, TOTAL } from './cast.ts'
import { type BountyStory, type ChainStory, gapsOf, readStory, rungsOf } from './chain-story.ts'
import type { Stored } from './store-acts.ts'

/** Due times lie on full hours, and a post takes its time. Days. */
const SLACK = 2 / 24
/** Gaps of the ladder and their play. Days. protocol.md §8. */
const LADDER = [1, 7, 14, 30] as const
const JITTER = 0.25

/** Walks `days` with all who live. @param others further homes whose daemons take part */
export async function passDays(
  context: Context,
  stored: Stored,
  days: number,
  others: readonly Context[] = [],
): Promise<Advanced> {
  const progress = createProgress(context.out, 'demo', context.clock)
  progress.phase('walking')
  const { advanced } = await advanceHome(
    context,
    days * DAY,
    ({ time }) => progress.remark(`day ${Math.floor((time - stored.at) / DAY)}`),
    others,
  )
  progress.end()
  return advanced
}

/** The first days, nothing broken but the cheat: walks and tells what the chain shows of them. */
export async function walk(
  context: Context,
  acts: Acts,
  market: Market,
  stored: Stored,
  cheat: Running | undefined,
  days: number,
): Promise<void> {
  acts.begin(days === 365 ? 'a year' : `${days} days`)
  const advanced = await passDays(context, stored, days)
  const { bounties } = await readChain(context)
  const honest = market.stewards
    .filter(({ id }) => id !== cheat?.id && stored.stewards.includes(id))
    .map(({ id }) => id)
  const ours = bounties.filter(({ steward }) => honest.includes(steward))
  const counts = countEnds(ours)
  acts.say(
    `${days} days in ${advanced.hops} hops, block ${advanced.block}; each bounty asks for a hash over every byte of a share, with a nonce nobody knew before`,
  )
  acts.check(
    `honest stewards: ${counts.posted} bounties posted, ${counts.swept} swept, ${counts.revoked} revoked, ${counts.open} still open`,
    counts.posted > 0 && counts.revoked === 0 && counts.swept + counts.open === counts.posted,
  )
  const rungs = rungsOf(gapsOf(ours, honest, stored.at)).filter(({ count }) => count > honest.length / 2)
  acts.check(
    `checks back off, day by day between two: ${rungs.slice(0, 6).map(formatRung).join(' → ')}`,
    isLadder(rungs),
  )
  if (cheat !== undefined)
    tellCheat(
      acts,
      bounties.filter(({ steward }) => steward === cheat.id),
    )
  await tellObject(context, acts, stored, honest, cheat)
  acts.end({ hops: advanced.hops, now: advanced.now, ...counts })
}

function tellCheat(acts: Acts, bounties: readonly BountyStory[]): void {
  const { posted, swept, revoked } = countEnds(bounties)
  acts.check(
    `steward ${CHEAT} had ${posted} bounties and swept ${swept}: ${revoked} revoked, the money went back; then it was asked no more (MIA)`,
    posted > 0 && swept === 0 && revoked === posted,
  )
}

async function tellObject(
  context: Context,
  acts: Acts,
  stored: Stored,
  honest: readonly Address[],
  cheat: Running | undefined,
): Promise<void> {
  await using view = await openLedgerView(context)
  const shares = (await view.shares(stored.id, true)).filter(({ type }) => type === 'share')
  const good = shares.filter(({ steward }) => honest.includes(steward))
  const renewals = Math.min(...good.map(({ version }) => version)) - 1
  acts.check(
    `placements renewed ${renewals} times by themselves: same bytes, same ids; all ${good.length} honest shares are held`,
    good.length > 0 && good.every(({ state, version }) => state === 'held' && version > 1),
  )
  if (cheat !== undefined) {
    // Given up after two missed rounds, its placement was not renewed and has ended by now.
    const bad = shares.filter(({ steward }) => steward === cheat.id)
    const isGivenUp =
      bad.length > 0 &&
      bad.every(
        ({ state, checksDone, version }) => (state === 'mia' || state === 'ended') && checksDone === 0 && version === 1,
      )
    acts.check(
      `the cheat's share was given up and not renewed; ${honest.length} of ${TOTAL} are left, so repair can wait`,
      isGivenUp,
    )
  }
}

/** Jitter is never on the first gap; a docket takes along what is due within a quarter of its gap. */
function isLadder(rungs: readonly { readonly least: number; readonly most: number }[]): boolean {
  const longest = LADDER.at(-1) ?? 0
  return (
    rungs.length >= LADDER.length &&
    rungs.every(({ least, most }, rung) => {
      const gap = LADDER[Math.min(rung, LADDER.length - 1)] ?? longest
      const play = rung === 0 ? 0 : JITTER
      return least >= gap * (1 - play) * (1 - JITTER) - SLACK && most <= Math.min(gap * (1 + play), longest) + SLACK
    })
  )
}

function formatRung({ least, most }: { readonly least: number; readonly most: number }): string {
  const [low, high] = [least.toFixed(0), most.toFixed(0)]
  return low === high ? low : `${low}–${high}`
}

export function countEnds(bounties: readonly BountyStory[]) {
  const count = (end: BountyStory['end']) => bounties.filter((bounty) => bounty.end === end).length
  return { posted: bounties.length, swept: count('swept'), revoked: count('revoked'), open: count(undefined) }
}

export async function readChain(context: Context): Promise<ChainStory> {
  const { chain, deployment } = await openMarketChain(context)
  try {
    return await readStory(chain, deployment)
  } finally {
    chain.close()
  }
}
