/**
 * Released bounties: when a steward is asked, what counts as its release, and which docket follows. Pure. protocol.md §4, §8, Damage;
 * docs/spec/schedule.md, Damage.
 */
import { compareBytes, fromHex, toHex, utf8 } from '../base/bytes.ts'
import { recoverSigner } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import { sha256 } from '../base/hash.ts'
import { type Domain, releaseDigest } from '../base/typed-data.ts'
import { HOUR } from '../base/units.ts'
import type { Policy } from './policy.ts'
import type { BountyRecord } from './records.ts'
import { DEADLINE_STEP } from './schedule.ts'

/** What is left of a released docket gets so long to be answered at least. Seconds. protocol.md §8. */
export const AGAIN_WINDOW = 24 * HOUR

/** What a steward says. */
export interface Release {
  readonly deadline: number
  /** Of Release(bountyId, deadline), 65 bytes. */
  readonly signature: Uint8Array
  /** 32 bytes each, ascending. */
  readonly lost: readonly Uint8Array[]
}

/**
 * When the steward of a bounty is asked next; undefined when there is nothing to ask. A docket that follows a release is not released again
 * (once a round), and what was never swept by its deadline is missed.
 */
export function askDueOf(bounty: BountyRecord, policy: Policy): number | undefined {
  const { phase, final, release, again, postedAt, asked, deadline } = bounty
  if (phase !== 'posted' || !final || release || again || postedAt === undefined) return undefined
  const due = asked ? asked.at + policy.askAgain : postedAt + policy.askAfter
  return due < deadline ? due : undefined
}

/**
 * The placements that the release gives up.
 * @param blobs placement ids by blob id, hex, of the whole docket
 * @throws `NET_MALFORMED` for what is not a release of this bounty: another signer or deadline, no blob, one that is not on the docket, or out of order
 */
export function placementsLost(
  domain: Domain,
  bounty: Pick<BountyRecord, 'id' | 'steward' | 'deadline' | 'partial'>,
  blobs: ReadonlyMap<string, string>,
  { deadline, signature, lost }: Release,
): string[] {
  const refuse = (what: string) => new HoldfastError('NET_MALFORMED', { what: `a release ${what}` })
  if (deadline !== bounty.deadline) throw refuse('for another deadline')
  const digest = releaseDigest(domain, { bountyId: fromHex(bounty.id, 32), deadline })
  if (recoverSigner(digest, signature) !== bounty.steward) throw refuse('that its steward did not sign')
  if (lost.length === 0) throw refuse('without a lost blob')
  return lost.flatMap((blobId, at) => {
    const before = lost[at - 1]
    if (before && compareBytes(before, blobId) >= 0) throw refuse('with blobs out of order')
    const placement = blobs.get(toHex(blobId))
    // of a docket that asks for blobs the ledger does not know nobody here can tell
    if (placement === undefined && bounty.partial) return []
    if (placement === undefined) throw refuse('of a blob that is not on the docket')
    return [placement]
  })
}

/** The plan of what is left: named after the docket that was released, so that deciding it again gives the same. Hex. */
export function againPlanOf(plan: string): string {
  return toHex(sha256(utf8('holdfast/docket-again/1'), utf8(plan)))
}

/** Its deadline: the old one, or the first multiple of 21600 s at least 24 h ahead, whichever is later. */
export function againDeadlineOf(deadline: number, now: number): number {
  return Math.max(deadline, Math.ceil((now + AGAIN_WINDOW) / DEADLINE_STEP) * DEADLINE_STEP)
}
