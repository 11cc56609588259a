/** The last acts: seven stewards are killed, the file comes back, the books balance. */
import { dirname, join } from 'node:path'
import { formatGwei, formatHold, formatSize } from '../../base/units.ts'
import type { Running } from '../bring-up.ts'
import { openMarketChain } from '../chain-access.ts'
import type { Context } from '../context.ts'
import type { Acts } from './acts.ts'
import { CHEAT, NEED } from './cast.ts'
import { type ChainStory, earnedBy, isConserved, readBooks, readStory } from './chain-story.ts'
import { runHoldfast } from './run-holdfast.ts'
import { hashOf, type Stored } from './store-acts.ts'

/** Kills all that live but as many honest holders as are needed. @returns who was killed */
export async function kill(
  acts: Acts,
  living: readonly Running[],
  holders: readonly string[],
  cheat: Running | undefined,
): Promise<readonly Running[]> {
  acts.begin('disaster')
  const survivors = living.filter(({ id }) => id !== cheat?.id && holders.includes(id)).slice(-NEED)
  const killed = living.filter((each) => !survivors.includes(each))
  const areDead = await killAll(killed)
  acts.check(
    `${killed.length} of ${living.length} stewards killed with -9: ${killed.map(({ number }) => number).join(', ')}; ${survivors.map(({ number }) => number).join(', ')} are left`,
    areDead,
  )
  acts.end({ killed: killed.map(({ id, pid }) => ({ id, pid })) })
  return killed
}

/** Kills with -9. @returns whether all are gone */
export async function killAll(victims: readonly Running[]): Promise<boolean> {
  const dead = await Promise.all(victims.map(({ pid }) => endProcess(pid)))
  return dead.every((gone) => gone)
}

/** Kills with -9. @returns whether it is gone */
export function endProcess(pid: number): Promise<boolean> {
  process.kill(pid, 'SIGKILL')
  return isGone(pid)
}

async function isGone(pid: number): Promise<boolean> {
  for (let look = 0; look < 100; look++) {
    try {
      process.kill(pid, 0)
    } catch {
      return true
    }
    await new Promise((done) => setTimeout(done, 20))
  }
  return false
}

/** Fetches the file in a process of its own and compares. */
export async function fetchBack(context: Context, acts: Acts, stored: Stored, left: number): Promise<void> {
  const { home, signal } = context
  acts.begin('fetch')
  const target = join(dirname(stored.copy), `back-${stored.name}`)
  const got = await runHoldfast(['get', stored.id, '-o', target, '--home', home.root ?? ''], signal)
  const { bytes, sha256 } = await hashOf(target)
  acts.check(
    `${stored.name} from ${left} stewards in ${Number(got['seconds']).toFixed(1)} s: ${formatSize(bytes)}   sha256 ${sha256.slice(0, 4)}…${sha256.slice(-4)} = ${stored.sha256.slice(0, 4)}…${stored.sha256.slice(-4)}`,
    sha256 === stored.sha256 && bytes === stored.bytes,
  )
  acts.end({ bytes, sha256, seconds: got['seconds'] })
}

/** Earnings and books, from the chain. @param stewards all there ever were, in order; @param holders who ever held a share */
export async function tellMoney(
  context: Context,
  acts: Acts,
  stewards: readonly Running[],
  holders: ReadonlySet<string>,
  cheat: Running | undefined,
): Promise<void> {
  acts.begin('books')
  const { chain, deployment } = await openMarketChain(context)
  try {
    const story = await readStory(chain, deployment)
    const earned = stewards.map(({ id, number }) => ({
      steward: id,
      number,
      gwei: earnedBy(story.bounties, id),
    }))
    acts.say(`earned: ${earned.map(({ number, gwei }) => `steward ${number} ${formatMicro(gwei)}`).join(', ')} µHOLD`)
    if (cheat !== undefined)
      acts.check(
        `the cheat earned ${formatGwei(earned.find(({ number }) => number === CHEAT)?.gwei ?? 0n)}, every honest holder something`,
        earned.every(({ steward, number, gwei }) =>
          number === CHEAT ? gwei === 0n : gwei > 0n || !holders.has(steward),
        ),
      )
    const books = await readBooks(chain, deployment, story)
    acts.check(
      `deposits ${formatHold(books.deposits)} − withdrawals ${formatHold(books.withdrawals)} − advert fees ${formatHold(books.advertFees)} = balances ${formatHold(books.balances)} + open bounties ${formatHold(books.open)}`,
      isConserved(books),
    )
    acts.check(
      `no bounty was paid twice: ${story.bounties.length} bounties, ${story.bounties.filter(({ end }) => end === 'swept').length} swept once, ${story.bounties.filter(({ end }) => end === 'revoked').length} revoked once`,
      isPaidOnce(story),
    )
    acts.end({
      earned: earned.map(({ steward, gwei }) => ({ steward, earned: formatGwei(gwei) })),
      books: Object.fromEntries(Object.entries(books).map(([name, amount]) => [name, formatHold(amount)])),
    })
  } finally {
    chain.close()
  }
}

/** As many ends as posts that ended, and never a payment without a post. */
function isPaidOnce({ events, bounties }: ChainStory): boolean {
  const count = (kind: string) => events.filter((event) => event.kind === kind).length
  const ended = bounties.filter(({ end }) => end !== undefined).length
  return count('posted') === bounties.length && count('swept') + count('revoked') === ended
}

/** Gwei of HOLD in millionths of a HOLD, for people. */
function formatMicro(gwei: bigint): string {
  return (Number(gwei) / 1000).toFixed(1)
}
