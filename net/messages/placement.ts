/** A Placement (protocol.md §5) as messages carry it. */
import type { Placement } from '../../base/typed-data.ts'
import { address, bytes, type Field, record, uint, uint64, uint128 } from './fields.ts'

/** Largest blob of the protocol. Bytes. protocol.md §6. */
export const MAX_BLOB = 64 * 1024 * 1024

const UINT32 = 0xffffffff

export const placementField: Field<Placement> = record({
  uploader: address,
  steward: address,
  blobId: bytes(32),
  length: uint(MAX_BLOB),
  price: uint128,
  egressPrice: uint128,
  egressFree: uint(),
  start: uint(UINT32),
  end: uint(UINT32),
  grace: uint(UINT32),
  bond: uint64,
  answersRoot: bytes(32),
  tokenHash: bytes(32),
  advert: bytes(32),
  offerUntil: uint(UINT32),
  version: uint(UINT32, 1),
})
