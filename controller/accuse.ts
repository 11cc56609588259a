/**
 * What an uploader reports of stewards: reads that failed, bounties that nobody claimed. Each report shows the placement that both signed, so
 * that it is heard without an id, and the read token, so that a monitor can look for itself. In the background; pool/reporter.ts.
 */
import { fromHex, toHex } from '../base/bytes.ts'
import type { Address } from '../base/curve.ts'
import { asHoldfastError, type ErrorCode } from '../base/errors.ts'
import type { Log } from '../base/ports.ts'
import type { ReportKind } from '../net/messages/report.ts'
import type { ReceiptShown } from '../pool/evidence-form.ts'
import type { Reports } from '../pool/reporter.ts'
import type { FetchBlob } from '../uploader/holders.ts'
import type { Ledger } from './ledger.ts'
import type { BountyRecord, ReceiptRecord } from './records.ts'

/** What can be said of a read. */
export type ReadTrouble = Extract<ReportKind, 'timeout' | 'slow' | 'refused' | 'wrong-bytes'>

export interface AccuseDeps {
  readonly ledger: Ledger
  readonly account: Address
  readonly reports: Reports
  readonly log: Log
  tokenOf(receipt: ReceiptRecord): Uint8Array
}

/** Of an error while reading: what it says of the holder; undefined: nothing. */
export function troubleOf(code: ErrorCode): ReadTrouble | undefined {
  switch (code) {
    case 'NET_UNREACHABLE':
    case 'NET_TIMEOUT':
    case 'NET_CLOSED':
    case 'TIMED_OUT':
    case 'PEER_HANDSHAKE': // whoever answered there, it was not the holder
      return 'timeout'
    case 'BLOB_CORRUPT':
      return 'wrong-bytes'
    case 'BLOB_UNKNOWN':
    case 'GRANT_WRONG':
    case 'PEER_REFUSED':
      return 'refused'
    default:
      return undefined
  }
}

export function createAccuse(deps: AccuseDeps) {
  const { ledger, reports } = deps

  async function shownOf(
    id: string,
  ): Promise<{ readonly record: ReceiptRecord; readonly shown: ReceiptShown } | undefined> {
    const record = await ledger.receipt(id)
    if (record === undefined) return undefined
    const { placement, signature, countersignature } = record
    return { record, shown: { placement, signature, countersignature } }
  }

  /** A read that failed at a steward that owes it; of others nothing is said. @param blob hex */
  function read(steward: Address, blob: string, kind: ReadTrouble, code?: number): void {
    inBackground(async () => {
      for (const { id, steward: holder, blobId, state } of ledger.placements.values()) {
        if (holder !== steward || blobId !== blob) continue
        if (state !== 'held' && state !== 'suspect') return // what it said itself that it lost, it does not owe
        const found = await shownOf(id)
        if (found === undefined) return
        const evidence = {
          token: deps.tokenOf(found.record),
          receipt: found.shown,
          ...(code === undefined ? {} : { code }),
        }
        reports.reportTo(steward, kind, fromHex(blob, 32), evidence)
        return
      }
    })
  }

  /** A bounty that was not swept in time. */
  function unclaimed(bounty: BountyRecord): void {
    const [first] = bounty.placements
    if (first === undefined) return
    inBackground(async () => {
      const receipt = (await shownOf(first))?.shown
      const { steward, claimKey, amount, deadline, docketHash } = bounty
      const terms = { poster: deps.account, steward, claimKey, amount, deadline, docketHash: fromHex(docketHash, 32) }
      const evidence = { bounty: terms, ...(receipt === undefined ? {} : { receipt }) }
      reports.reportTo(steward, 'unclaimed-bounty', fromHex(bounty.id, 32), evidence)
    })
  }

  /** The same fetch; what fails is reported. */
  function watching(fetch: FetchBlob): FetchBlob {
    return async (holder, wish) => {
      try {
        return await fetch(holder, wish)
      } catch (cause) {
        const kind = wish.signal.aborted ? undefined : troubleOf(asHoldfastError(cause).code)
        if (kind !== undefined) read(holder.id, toHex(wish.blobId), kind)
        throw cause
      }
    }
  }

  function inBackground(job: () => Promise<void>): void {
    job().catch((cause: unknown) => deps.log.info('report.not-made', { why: asHoldfastError(cause).message }))
  }

  return { read, unclaimed, watching }
}
