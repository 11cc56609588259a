/**
 * Releasing: the steward's word that it will not sweep a bounty, since blobs on its docket are lost (protocol.md §8, "Damage found by the
 * steward"). One a bounty, in the book before anybody sees it; given to the bounty's poster as often as it asks (docket/1). What the poster
 * then posts for the sound ones is an ordinary bounty over the same rows, which pays to the cut of the same round.
 */
import { fromHex, toHex } from '../base/bytes.ts'
import { recoverSigner, signDigest } from '../base/curve.ts'
import { HoldfastError, hasCode } from '../base/errors.ts'
import type { Log } from '../base/ports.ts'
import { type Domain, demandDigest, releaseDigest } from '../base/typed-data.ts'
import { DAY } from '../base/units.ts'
import {
  type DocketMessage,
  decodeDocketMessage,
  encodeDocketMessage,
  MAX_DOCKET_FRAME,
} from '../net/messages/docket.ts'
import { only } from '../net/messages/fields.ts'
import type { Wire } from '../net/wire.ts'
import type { Book } from './book.ts'
import type { Fault } from './ports.ts'
import type { BountyRecord, ReleaseRecord } from './records.ts'
import type { Step } from './step.ts'
import type { Watch } from './watch.ts'

/** Releases are kept so long after their deadline: what is posted for the sound blobs must still be known for what it is. Seconds. */
const RELEASE_LIFE = 30 * DAY

export interface ReleaseDeps {
  readonly book: Book
  readonly watch: Pick<Watch, 'roundCutOf'>
  readonly domain: Domain
  readonly secret: Uint8Array
  readonly log: Log
  /** Runs a step alone and commits it. */
  step<Result>(run: (step: Step) => Result | Promise<Result>): Promise<Result>
  readonly fault?: Fault | undefined
}

export type Releases = ReturnType<typeof createReleases>

export function createReleases(deps: ReleaseDeps) {
  const { book, watch, domain, secret, log } = deps

  /** Gives a bounty back for good, unless it was ever to be swept or its time is over. @param lost ids of its lost blobs, hex */
  async function release(id: string, lost: ReadonlySet<string>): Promise<boolean> {
    const isDone = await deps.step(async (step) => {
      const bounty = step.bounty(id)
      if (bounty?.phase !== 'posted' || step.now > bounty.deadline) return false
      const before = await book.ended(id)
      if (bounty.wasClaimed || (before && (before.wasClaimed || before.intent !== undefined))) {
        step.saveBounty({
          ...bounty,
          phase: 'lost',
          why: `${lost.size} of its blobs are lost; a sweep of it was tried`,
        })
        return false
      }
      const made = releaseOf(step, bounty, lost)
      step.batch.release(made)
      step.saveBounty({ ...bounty, phase: 'released', why: `${made.lost.length} of its blobs are lost` })
      log.warn('bounty.released', { bounty: id, poster: bounty.poster, lost: made.lost.length, rest: made.rest.length })
      return true
    })
    if (isDone) await deps.fault?.('release.signed')
    return isDone
  }

  function releaseOf(step: Step, bounty: BountyRecord, lost: ReadonlySet<string>): ReleaseRecord {
    const { id, poster, docketHash, postedAt, deadline } = bounty
    const isLost = (placement: string) => lost.has(step.holding(placement)?.held.blobId ?? '')
    return {
      bounty: id,
      poster,
      docketHash,
      postedAt,
      deadline,
      signature: signDigest(secret, releaseDigest(domain, { bountyId: fromHex(id, 32), deadline })),
      lost: [...lost].sort(),
      rest: (bounty.placements ?? []).filter((placement) => !isLost(placement)),
      cut: watch.roundCutOf(step, bounty),
      signedAt: step.now,
    }
  }

  /** The server of `ask`. Whoever asks shows that it is the poster: lists of what is lost are nobody else's business. */
  async function answer(wire: Wire, ask: Extract<DocketMessage, { readonly kind: 'ask' }>): Promise<void> {
    const id = toHex(ask.bountyId)
    const bounty = book.bounties.get(id)
    const made = book.releases.get(id)
    const known = bounty ?? made
    if (known) assertPoster(ask, known)
    // the id may have been posted again, with another deadline: that is another bounty
    if (!made || (bounty && bounty.deadline !== made.deadline)) {
      await wire.send(encodeDocketMessage({ kind: 'nothing' }))
      return
    }
    const { deadline, signature, lost } = made
    await wire.send(
      encodeDocketMessage({ kind: 'release', bountyId: ask.bountyId, deadline, signature, count: lost.length }),
    )
    await wire.sendBytes(idsOf(lost))
    await awaitTaken(wire, made)
  }

  function assertPoster(
    ask: Parameters<typeof answer>[1],
    known: { readonly poster: string; readonly docketHash: string },
  ) {
    if (toHex(ask.docketHash) !== known.docketHash)
      throw new HoldfastError('BOUNTY_INVALID', { what: 'the bounty has another docket' })
    if (recoverSigner(demandDigest(domain, ask), ask.signature) !== known.poster)
      throw new HoldfastError('BOUNTY_INVALID', { what: 'its poster did not sign the question' })
  }

  /** For the operator alone: the same answer is given again in any case. */
  async function awaitTaken(wire: Wire, made: ReleaseRecord): Promise<void> {
    try {
      only(decodeDocketMessage(await wire.receive(MAX_DOCKET_FRAME)), 'taken')
    } catch (cause) {
      if (!hasCode(cause, 'NET_CLOSED', 'NET_TIMEOUT')) throw cause
      return
    }
    if (made.takenAt !== undefined) return
    log.info('release.taken', { bounty: made.bounty, lost: made.lost.length })
    await deps.step((step) => {
      if (book.releases.has(made.bounty)) step.batch.release({ ...made, takenAt: step.now })
    })
  }

  /** Forgets those that nothing can follow from any more. */
  function tick(step: Step): void {
    for (const { bounty, deadline } of book.releases.values())
      if (step.now > deadline + RELEASE_LIFE && !book.bounties.has(bounty)) step.batch.dropRelease(bounty)
  }

  return { release, answer, tick }
}

/** One after another, 32 bytes each. */
function idsOf(blobs: readonly string[]): Uint8Array {
  const ids = new Uint8Array(32 * blobs.length)
  for (const [i, blob] of blobs.entries()) ids.set(fromHex(blob, 32), 32 * i)
  return ids
}
