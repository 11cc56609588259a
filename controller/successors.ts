/**
 * Successor records (protocol.md §2.7): written from the receipts of repaired shares, signed by the object's editor, and handed to every
 * steward that holds a copy of the manifest until each has the newest. The ledger keeps which version that is, and who has it.
 */
import { fromHex } from '../base/bytes.ts'
import { type Address, signDigest } from '../base/curve.ts'
import { asHoldfastError, HoldfastError, hasCode } from '../base/errors.ts'
import type { Log, Rng } from '../base/ports.ts'
import { type SignedSuccessor, type SuccessorEntry, sealSuccessor, signSuccessor } from '../blob/successor.ts'
import { successorDigest } from '../net/messages/store.ts'
import type { Ledger } from './ledger.ts'
import type { PlacementState } from './placement-state.ts'
import type { ObjectRecord, SuccessorRecord } from './records.ts'
import { type Volume, volumesOf } from './repair-book.ts'
import type { Step } from './step.ts'

/** A sealed record as a steward gets it; `signature` is the uploader's over `successorDigest`. */
export interface HandedSuccessor {
  /** Of the copy it is kept beside. */
  readonly blobId: Uint8Array
  readonly version: number
  readonly sealed: Uint8Array
  readonly signature: Uint8Array
}

export interface SuccessorDeps {
  readonly ledger: Ledger
  readonly chainSecret: Uint8Array
  readonly rng: Rng
  readonly log: Log
  handSuccessor(steward: Address, successor: HandedSuccessor, signal: AbortSignal): Promise<void>
  step<Result>(run: (step: Step) => Promise<Result> | Result): Promise<Result>
}

/** Copies whose stewards do not have the newest record yet. */
export function withoutNewest(ledger: Ledger, record: SuccessorRecord, { copySlot }: Volume): PlacementState[] {
  return [...ledger.placementsOf(record.ref)].filter(
    ({ id, kind, segment, state }) =>
      kind === 'copy' &&
      segment === copySlot &&
      (state === 'held' || state === 'suspect') &&
      record.handed[id] !== record.version,
  )
}

/** The complete record: for each share that a repair made, the newest blob, whatever has become of it since. */
export async function writeSuccessor(
  ledger: Ledger,
  record: SuccessorRecord,
  volume: Volume,
): Promise<SignedSuccessor> {
  const entries: SuccessorEntry[] = []
  for (const { id, kind, segment, share, repair, replacedAt, contract } of ledger.placementsOf(record.ref)) {
    if (kind !== 'share' || repair === undefined || replacedAt !== undefined) continue
    if (contract?.handover?.done !== undefined) continue // it leaves, and another one has the share
    if (segment < volume.from || segment >= volume.to) continue
    const receipt = await ledger.receipt(id)
    if (receipt === undefined) throw new HoldfastError('LEDGER_CORRUPT', { key: `receipt/${id}` })
    entries.push({ segment: segment - volume.from, share, salt: receipt.salt, blobId: receipt.placement.blobId })
  }
  entries.sort((a, b) => a.segment - b.segment || a.share - b.share)
  return signSuccessor(volume.editorSecret, volume.locator, { version: record.version, entries })
}

/** Hands the newest records of an object to whoever does not have them. @returns true when nobody is left out */
export async function handSuccessors(deps: SuccessorDeps, object: ObjectRecord, signal: AbortSignal): Promise<boolean> {
  let all = true
  for (const volume of volumesOf(object)) {
    const record = deps.ledger.successors.get(volume.id)
    const todo = record === undefined ? [] : withoutNewest(deps.ledger, record, volume)
    if (record === undefined || todo.length === 0) continue
    const signed = await writeSuccessor(deps.ledger, record, volume)
    const sealed = sealSuccessor(volume.repairKey, signed, deps.rng.bytes(12))
    const took = await Promise.all(todo.map((copy) => hand(deps, copy, record.version, sealed, signal)))
    const handed = todo.filter((_, at) => took[at]).map(({ id }) => [id, record.version] as const)
    await deps.step((step) => {
      const now = deps.ledger.successors.get(volume.id)
      if (now !== undefined) step.batch.successor({ ...now, handed: { ...now.handed, ...Object.fromEntries(handed) } })
    })
    all &&= handed.length === todo.length
  }
  return all
}

async function hand(
  { chainSecret, log, handSuccessor }: SuccessorDeps,
  { steward, blobId: copy }: PlacementState,
  version: number,
  sealed: Uint8Array,
  signal: AbortSignal,
): Promise<boolean> {
  const blobId = fromHex(copy, 32)
  const signature = signDigest(chainSecret, successorDigest(blobId, version, sealed))
  try {
    await handSuccessor(steward, { blobId, version, sealed, signature }, signal)
    return true
  } catch (cause) {
    signal.throwIfAborted()
    if (hasCode(cause, 'SUCCESSOR_OLD')) {
      // a ledger that was restored has forgotten it: it leads to the shares of now, and the next repair outdoes it
      log.warn('a newer successor record is kept', { steward, version })
      return true
    }
    const { code, message } = asHoldfastError(cause)
    log.warn('successor not handed', { steward, version, code, message })
    return false
  }
}
