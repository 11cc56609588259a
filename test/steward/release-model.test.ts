import { expect } from 'chai'
import fc from 'fast-check'
import { toHex } from '../../base/bytes.ts'
import { type Address, addressOf } from '../../base/curve.ts'
import { sha256 } from '../../base/hash.ts'
import { toTagged } from '../../base/tagged-json.ts'
import { bountyIdOf, type Domain } from '../../base/typed-data.ts'
import { DAY, HOUR } from '../../base/units.ts'
import { docketHashOf, encodeDocket } from '../../blob/docket.ts'
import { createMemoryJournal } from '../../cli/memory-journal.ts'
import { Book } from '../../steward/book.ts'
import { holdPlacement } from '../../steward/held-placement.ts'
import type { BountyFact, PostedFact } from '../../steward/ports.ts'
import { createReleases } from '../../steward/release.ts'
import { Step } from '../../steward/step.ts'
import { createWatch } from '../../steward/watch.ts'
import { effort } from '../effort.ts'
import { aLog } from '../net/nodes.ts'

const DOMAIN: Domain = { chainId: 31337, contract: `0x${'11'.repeat(20)}` }
const START = 1_800_000_000
const SECRET = new Uint8Array(32).fill(3)
const STEWARD = addressOf(SECRET)
const POSTER = addressOf(new Uint8Array(32).fill(4))
const BLOBS = [1, 2].map((n) => new Uint8Array(32).fill(n))
/** Dockets over both blobs, over each, and over both again: the last three fit what is left of the first. */
const DOCKETS = [BLOBS, BLOBS.slice(0, 1), BLOBS.slice(1), BLOBS]

const BOUNTIES: readonly PostedFact[] = DOCKETS.map((blobs, i) => {
  const note = encodeDocket(blobs.map((blobId) => ({ blobId, nonce: new Uint8Array(32).fill(i) })))
  const claimKey: Address = addressOf(new Uint8Array(32).fill(10 + i))
  return {
    kind: 'posted',
    id: toHex(bountyIdOf(POSTER, claimKey, STEWARD)),
    steward: STEWARD,
    poster: POSTER,
    claimKey,
    amount: 10n,
    deadline: START + 3 * DAY,
    docketHash: docketHashOf(note),
    note,
    block: 0,
    blockTime: 0,
  }
})

const RUNS = effort(100, 600, 6_000)

type Act =
  | { readonly kind: 'post' | 'claim' | 'sweep' | 'revoke' | 'refuse' | 'missed'; readonly which: number }
  | { readonly kind: 'release'; readonly which: number; readonly lost: number }
  | { readonly kind: 'reorg'; readonly depth: number }
  | { readonly kind: 'wait'; readonly hours: number }
  | { readonly kind: 'restart' }

const which = fc.nat(BOUNTIES.length - 1)
const anAct: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constantFrom('post', 'claim', 'sweep', 'revoke', 'refuse', 'missed'), which }),
  },
  // most of what else happens keeps a bounty from being claimed
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('claim' as const), which }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('release' as const), which, lost: fc.integer({ min: 1, max: 3 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reorg' as const), depth: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('wait' as const), hours: fc.integer({ min: 1, max: 30 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const) }) },
) as fc.Arbitrary<Act>

/** A steward's rules over a book in memory, and a chain that does what contracts do. @param lag blocks until one is final */
async function aWorld(lag: number) {
  const journal = createMemoryJournal()
  const log = aLog()
  let book = await Book.open(journal)
  let now = START
  let blocks: (readonly BountyFact[])[] = [[]]
  /** Intended to be swept, ever; and released, with the signature. */
  const claimed = new Set<string>()
  const released = new Map<string, string>()
  const wire = () => {
    const watch = createWatch({ book, steward: STEWARD, log, alert: () => undefined })
    const step = async <Result>(run: (step: Step) => Result | Promise<Result>) => {
      const made = new Step(book, now)
      const result = await run(made)
      await book.commit(made.batch)
      return result
    }
    return { watch, step, releases: createReleases({ book, watch, domain: DOMAIN, secret: SECRET, log, step }) }
  }
  let parts = wire()

  const endOf = (id: string) =>
    blocks.flat().find((fact) => fact.kind !== 'posted' && fact.kind !== 'missed' && fact.id === id)
  const isOpen = (id: string) =>
    blocks.flat().some((fact) => fact.kind === 'posted' && fact.id === id) && endOf(id) === undefined
  const mine = (fact: BountyFact) => {
    const placed = { ...fact, block: blocks.length, blockTime: now }
    blocks.push([placed])
    return parts.step((step) => {
      parts.watch.apply(step, placed)
      parts.watch.settle(step, blocks.length - 1 - lag)
    })
  }

  await parts.step((step) => {
    for (const [i, blobId] of BLOBS.entries()) {
      const zeros = new Uint8Array(32)
      const held = holdPlacement(`${i}`.repeat(64), {
        ...{ uploader: POSTER, steward: STEWARD, blobId, length: 1000, price: 1n, egressPrice: 0n, egressFree: 0 },
        ...{
          start: START - DAY,
          end: START + 90 * DAY,
          grace: 14 * DAY,
          bond: 0n,
          answersRoot: zeros,
          tokenHash: zeros,
        },
        ...{ advert: zeros, offerUntil: START, version: 1 },
      })
      const rest = {
        versions: [held.id],
        tokenHash: '',
        advert: '',
        heldAt: START - DAY,
        earned: 0n,
        sweeps: 0,
        missed: 0,
      }
      step.save({ held, ...rest })
    }
  })

  async function act(does: Act): Promise<void> {
    const bounty = 'which' in does ? (BOUNTIES[does.which] as PostedFact) : (BOUNTIES[0] as PostedFact)
    const { id, claimKey } = bounty
    const record = book.bounties.get(id)
    switch (does.kind) {
      case 'post':
        if (!blocks.flat().some((fact) => fact.kind !== 'missed' && fact.id === id)) await mine(bounty)
        return
      case 'claim':
        if (!record || !parts.watch.answerable(blocks.length - 1 - lag).includes(id) || now > record.deadline) return
        claimed.add(id)
        await parts.step((step) =>
          step.saveBounty({ ...record, phase: 'claimed', intent: `${id}/${record.attempt}`, claimedAt: now }),
        )
        return
      case 'sweep':
        if (isOpen(id) && claimed.has(id) && now <= bounty.deadline)
          await mine({ kind: 'swept', id, block: 0, blockTime: 0 })
        return
      case 'revoke':
        if (isOpen(id) && (released.has(id) || now >= bounty.deadline + HOUR))
          await mine({ kind: 'revoked', id, block: 0, blockTime: 0 })
        return
      case 'missed':
        return mine({ kind: 'missed', claimKey, block: 0, blockTime: 0 })
      case 'refuse':
        if (record?.phase === 'claimed') await parts.step((step) => parts.watch.unclaim(step, record))
        return
      case 'release': {
        const lost = new Set(BLOBS.filter((_, i) => (does.lost >> i) & 1).map(toHex))
        if (!(await parts.releases.release(id, lost))) return
        expect(released.has(id), 'one release a bounty').to.equal(false)
        released.set(id, toHex(sha256(book.releases.get(id)?.signature as Uint8Array)))
        return
      }
      case 'reorg': {
        const undone = blocks
          .slice(Math.max(1, blocks.length - does.depth))
          .flat()
          .reverse()
        blocks = blocks.slice(0, Math.max(1, blocks.length - does.depth))
        return parts.step((step) => {
          for (const fact of undone) parts.watch.undo(step, fact)
        })
      }
      case 'wait':
        now += does.hours * HOUR
        return parts.step((step) => {
          parts.watch.tick(step, true)
          parts.releases.tick(step)
        })
      case 'restart':
        book = await Book.open(journal)
        parts = wire()
    }
  }

  async function check(): Promise<void> {
    for (const [id, signature] of released) {
      expect(claimed.has(id), 'both released and to be swept').to.equal(false)
      expect(parts.watch.answerable(blocks.length)).to.not.include(id)
      expect(toHex(sha256(book.releases.get(id)?.signature as Uint8Array)), 'the same word for ever').to.equal(
        signature,
      )
      const phase = book.bounties.get(id)?.phase
      expect(phase === undefined || ['released', 'revoked', 'gone'].includes(phase), `phase ${phase}`).to.equal(true)
    }
    const again = await Book.open(journal)
    for (const part of ['bounties', 'releases', 'holdings'] as const)
      expect(toTagged(Object.fromEntries(again[part])), `${part} on disk`).to.deep.equal(
        toTagged(Object.fromEntries(book[part])),
      )
  }

  return { act, check, released, claimed }
}

describe('steward/release, whatever happens', () => {
  it('a bounty is swept or released, never both; a release is one, stays, and survives restarts and reorganisations', async () => {
    let [releases, claims] = [0, 0]
    await fc.assert(
      fc.asyncProperty(fc.nat(2), fc.array(anAct, { minLength: 5, maxLength: 40, size: 'max' }), async (lag, acts) => {
        const world = await aWorld(lag)
        const posts = BOUNTIES.map((_, i): Act => ({ kind: 'post', which: i }))
        for (const act of [...posts.slice(0, 2), ...acts.slice(0, 8), ...posts.slice(2), ...acts.slice(8)]) {
          await world.act(act)
          await world.check()
        }
        releases += world.released.size
        claims += world.claimed.size
      }),
      { numRuns: RUNS },
    )
    expect(releases, 'releases in all runs').to.be.above(RUNS / 4)
    expect(claims, 'claims in all runs').to.be.above(RUNS / 4)
  })
})
