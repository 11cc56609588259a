import { expect } from 'chai'
import { encodeCbor } from '../../base/codec.ts'
import { HoldfastError } from '../../base/errors.ts'
import type { Clock } from '../../base/ports.ts'
import { unixTime } from '../../base/units.ts'
import {
  announce,
  encodeIndex,
  type IndexEntry,
  isStated,
  MAX_INDEX_BYTES,
  type ProvenEntry,
  RECORD_LIFE,
  type Statement,
} from '../../net/messages/index-records.ts'
import { type BlobIndex, createBlobIndex } from '../../pool/blob-index.ts'
import { aLog, anIdentity, rng } from '../net/nodes.ts'

const NOW = 1_800_000_000

/** A clock that the test moves. */
function aClock(): Clock & { advance(seconds: number): void } {
  let passed = 0
  return {
    now: () => unixTime(NOW + passed),
    monotonic: () => passed * 1000,
    sleep: async () => undefined,
    advance: (seconds) => {
      passed += seconds
    },
  }
}

const anEntry = (change: Partial<IndexEntry> = {}): IndexEntry => ({ key: rng.bytes(32), blobId: undefined, ...change })

function anAnnouncement(
  holder: ReturnType<typeof anIdentity>,
  entries: readonly IndexEntry[],
  expires = NOW + RECORD_LIFE,
) {
  return announce(holder.secret, { holder: holder.id, expires }, entries)
}

/** Announces and returns how many were kept. */
function tell(index: BlobIndex, holder: ReturnType<typeof anIdentity>, entries: readonly IndexEntry[]): number {
  return index.announce(anAnnouncement(holder, entries).statement, entries, holder.id)
}

function ask(index: BlobIndex, keys: readonly Uint8Array[]): (ProvenEntry & { by: Statement })[] {
  return [...index.lookup(keys)].flatMap(({ statements, entries }) =>
    entries.map((entry) => ({ ...entry, by: statements[entry.statement] as Statement })),
  )
}

describe('pool/blob-index', () => {
  it('keeps what a holder announces for 40 minutes of its own time, each entry with its proof', () => {
    const clock = aClock()
    const index = createBlobIndex({ clock, log: aLog() })
    const holder = anIdentity()
    const entries = Array.from({ length: 7 }, () => anEntry())
    expect(tell(index, holder, entries)).to.equal(7)
    clock.advance(RECORD_LIFE - 1)
    const key = entries[5]?.key as Uint8Array
    const found = ask(index, [key, key])
    expect(found).to.have.length(1)
    expect(found[0]?.by.holder).to.equal(holder.id)
    expect(isStated(found[0] as ProvenEntry, found[0]?.by as Statement)).to.equal(true)
    clock.advance(1)
    expect(ask(index, [key])).to.deep.equal([])
  })

  it('takes the same holding again as the same record', () => {
    const index = createBlobIndex({ clock: aClock(), log: aLog() })
    const holder = anIdentity()
    const entry = anEntry()
    for (let i = 0; i < 3; i++)
      expect(tell(index, holder, [entry, anEntry({ key: entry.key, blobId: entry.key })])).to.equal(2)
    expect(index.size()).to.deep.equal({ records: 2, announcers: 1 })
  })

  it('refuses announcements for others, unsigned, altered, expired ones and ones from the future', () => {
    const index = createBlobIndex({ clock: aClock(), log: aLog() })
    const holder = anIdentity()
    const other = anIdentity()
    const entries = [anEntry(), anEntry()]
    const good = anAnnouncement(holder, entries).statement
    const bad: [Statement, readonly IndexEntry[]][] = [
      [anAnnouncement(other, entries).statement, entries],
      [{ ...anAnnouncement(other, entries).statement, holder: holder.id }, entries],
      [{ ...good, addresses: ['/ip4/6.6.6.6/tcp/1'] }, entries],
      [{ ...good, expires: good.expires - 1 }, entries],
      [good, [...entries, anEntry()]],
      [good, [...entries].reverse()],
      [good, [entries[0] as IndexEntry, { ...(entries[1] as IndexEntry), blobId: rng.bytes(32) }]],
      [anAnnouncement(holder, entries, NOW).statement, entries],
      [anAnnouncement(holder, entries, NOW + RECORD_LIFE + 601).statement, entries],
    ]
    for (const [statement, told] of bad)
      expect(() => index.announce(statement, told, holder.id))
        .to.throw(HoldfastError)
        .with.property('code', 'NET_MALFORMED')
    expect(index.size().records).to.equal(0)
    expect(index.announce(good, entries, holder.id)).to.equal(2)
  })

  it('keeps at most 4 records of one announcer and 32 in all under a locator', () => {
    const index = createBlobIndex({ clock: aClock(), log: aLog() })
    const key = rng.bytes(32)
    const greedy = anIdentity()
    const copies = Array.from({ length: 6 }, () => anEntry({ key, blobId: rng.bytes(32) }))
    expect(tell(index, greedy, copies)).to.equal(4)
    for (let i = 0; i < 30; i++)
      expect(
        tell(index, anIdentity(), [anEntry({ key, blobId: rng.bytes(32) })]),
        'whoever has most makes way',
      ).to.equal(1)
    expect(ask(index, [key])).to.have.length(32)
    expect(tell(index, greedy, copies.slice(0, 1))).to.equal(0)
    expect(tell(index, greedy, copies.slice(3, 4))).to.equal(1) // its place is its own
  })

  it('forgets the longest unannounced of whoever has most, never of others', () => {
    const index = createBlobIndex({ clock: aClock(), log: aLog(), limits: { perAnnouncer: 5, total: 8 } })
    const small = anIdentity()
    const mine = anEntry()
    tell(index, small, [mine])
    const theirs = Array.from({ length: 7 }, () => anEntry())
    const large = anIdentity()
    expect(tell(index, large, theirs)).to.equal(7)
    const keys = theirs.map(({ key }) => key)
    expect(ask(index, keys)).to.have.length(5)
    for (let i = 0; i < 4; i++) tell(index, anIdentity(), [anEntry()])
    expect(index.size().records).to.equal(8)
    expect(ask(index, [mine.key])).to.have.length(1)
    expect(ask(index, keys)).to.have.length(3)
  })

  it('answers in pages that fit a frame, each with the statements it needs', () => {
    const index = createBlobIndex({ clock: aClock(), log: aLog() })
    const holder = anIdentity()
    const entries = Array.from({ length: 2_000 }, () => anEntry({ blobId: rng.bytes(32) }))
    expect(tell(index, holder, entries)).to.equal(2_000)
    const pages = [...index.lookup(entries.map(({ key }) => key))]
    expect(pages.length).to.be.above(1)
    for (const page of pages) {
      expect(encodeCbor(encodeIndex({ kind: 'found', ...page, more: 1 })).length).to.be.at.most(MAX_INDEX_BYTES)
      for (const entry of page.entries)
        expect(isStated(entry, page.statements[entry.statement] as Statement)).to.equal(true)
    }
    expect(pages.flatMap(({ entries }) => entries)).to.have.length(2_000)
  })
})
