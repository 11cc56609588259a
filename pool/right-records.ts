/**
 * What a verifier writes down, beside whatever else its process keeps in the same journal: deposits of uploaders, and grants it gave.
 * A grant is on disk before it leaves; a ticket is gone before its nonce does (reliability.md R9).
 */
import { toHex } from '../base/bytes.ts'
import type { Address } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import type { Change, Journal } from '../base/ports.ts'
import { fromTagged, toTagged } from '../base/tagged-json.ts'
import type { Ticket } from './ticket.ts'

/** What an uploader deposited for one of its placements with others. */
export interface Deposit {
  readonly uploader: Address
  /** End of the placement: after it the deposit is of no use. */
  readonly end: number
  readonly tickets: readonly Ticket[]
  /** Read token it lent; absent: tickets only. */
  readonly token?: Uint8Array
}

/** A grant that was given. */
export interface Given {
  readonly requester: Address
  readonly bytes: number
  /** Until when it may lead to bytes that are kept. Chain time. */
  readonly until: number
  /** It came out of the allowance for newcomers. */
  readonly isAllowance: boolean
}

const KEYS = {
  deposit: (digest: string) => `right/deposit/${digest}`,
  given: (requester: string, id: string) => `right/given/${requester}/${id}`,
} as const

/** Deposits of one uploader that a verifier keeps, and of all. */
export const MAX_DEPOSITS_EACH = 100_000
export const MAX_DEPOSITS = 1_000_000

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf8', { fatal: true })

function encode(record: object): Uint8Array {
  return encoder.encode(JSON.stringify(toTagged(record)))
}

function decode<Record>(key: string, bytes: Uint8Array): Record {
  try {
    return fromTagged(JSON.parse(decoder.decode(bytes))) as Record
  } catch (cause) {
    throw new HoldfastError('LEDGER_CORRUPT', { key }, { cause })
  }
}

export class RightRecords {
  private readonly journal: Journal
  private readonly given = new Map<string, Given>()
  private readonly deposits = new Map<Address, number>()
  private total = 0

  private constructor(journal: Journal) {
    this.journal = journal
  }

  /** Reads what is known. @throws `LEDGER_CORRUPT` */
  static async open(journal: Journal): Promise<RightRecords> {
    const records = new RightRecords(journal)
    for await (const [key, value] of journal.list('right/given/')) records.given.set(key, decode<Given>(key, value))
    for await (const [key, value] of journal.list(KEYS.deposit(''))) records.count(decode<Deposit>(key, value), 1)
    return records
  }

  private count({ uploader }: Deposit, sign: 1 | -1): void {
    this.total += sign
    this.deposits.set(uploader, (this.deposits.get(uploader) ?? 0) + sign)
  }

  /** Deposits that are kept. */
  depositCount(): number {
    return this.total
  }

  /** How many deposits more are taken of an uploader. */
  roomFor(uploader: Address): number {
    return Math.min(MAX_DEPOSITS_EACH - (this.deposits.get(uploader) ?? 0), MAX_DEPOSITS - this.total)
  }

  /** @param digest of the placement, 32 bytes */
  async deposit(digest: Uint8Array): Promise<Deposit | undefined> {
    const key = KEYS.deposit(toHex(digest))
    const bytes = await this.journal.get(key)
    return bytes && decode<Deposit>(key, bytes)
  }

  /** One synced batch. Of a placement that is known only a token is taken: a ticket that was used does not come back. */
  async keep(deposits: readonly { readonly digest: Uint8Array; readonly deposit: Deposit }[]): Promise<void> {
    const changes: Change[] = []
    const fresh: Deposit[] = []
    for (const { digest, deposit } of deposits) {
      const known = await this.deposit(digest)
      if (known === undefined) fresh.push(deposit)
      changes.push({
        key: KEYS.deposit(toHex(digest)),
        value: encode(known === undefined ? deposit : { ...known, ...deposit, tickets: known.tickets }),
      })
    }
    await this.journal.commit(changes)
    for (const deposit of fresh) this.count(deposit, 1)
  }

  /** Takes a ticket of each of these placements that has one; durable when it resolves, so that no nonce is shown twice. By digest, hex. */
  async takeTickets(digests: readonly Uint8Array[]): Promise<ReadonlyMap<string, Ticket>> {
    const taken = new Map<string, Ticket>()
    const changes: Change[] = []
    for (const digest of digests) {
      const deposit = await this.deposit(digest)
      const [ticket, ...tickets] = deposit?.tickets ?? []
      if (deposit === undefined || ticket === undefined) continue
      taken.set(toHex(digest), ticket)
      changes.push({ key: KEYS.deposit(toHex(digest)), value: encode({ ...deposit, tickets }) })
    }
    if (changes.length > 0) await this.journal.commit(changes)
    return taken
  }

  /** Bytes of living grants: those of one requester, or those out of the allowance of all. */
  givenTo(requester: Address, now: number): number {
    return this.sum((given) => given.requester === requester && given.until >= now)
  }

  allowanceGiven(now: number): number {
    return this.sum((given) => given.isAllowance && given.until >= now)
  }

  private sum(fits: (given: Given) => boolean): number {
    let bytes = 0
    for (const given of this.given.values()) if (fits(given)) bytes += given.bytes
    return bytes
  }

  /** Durable when it resolves. @param id of the grant, 32 bytes */
  async give(id: Uint8Array, given: Given): Promise<void> {
    const key = KEYS.given(given.requester, toHex(id))
    await this.journal.commit([{ key, value: encode(given) }])
    this.given.set(key, given)
  }

  /** Forgets what is over: grants that lead to nothing any more, and deposits of placements that have ended. */
  async sweep(now: number): Promise<void> {
    const changes: Change[] = []
    for (const [key, { until }] of this.given) if (until < now) changes.push({ key, value: undefined })
    const ended: Deposit[] = []
    const prefix = KEYS.deposit('')
    for await (const [key, value] of this.journal.list(prefix)) {
      const deposit = decode<Deposit>(key, value)
      if (deposit.end >= now) continue
      changes.push({ key, value: undefined })
      ended.push(deposit)
    }
    if (changes.length === 0) return
    await this.journal.commit(changes)
    for (const { key } of changes) this.given.delete(key)
    for (const deposit of ended) this.count(deposit, -1)
  }
}
