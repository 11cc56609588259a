/**
 * Placing one blob: nonces from the book, answers, signature, the way to the steward and back, and on to the runner-up when the
 * steward fails. Nothing here knows what the blob is a share of.
 */
import type { Address } from '../base/curve.ts'
import { asHoldfastError, type HoldfastError, hasCode } from '../base/errors.ts'
import { sha256 } from '../base/hash.ts'
import type { Clock, Log } from '../base/ports.ts'
import type { Domain } from '../base/typed-data.ts'
import { answersRootOf } from '../blob/answers-root.ts'
import type { Right } from '../pool/grant.ts'
import { gather } from './gather.ts'
import type { Lots } from './lots.ts'
import type { AnswerJob } from './prepare.ts'
import type {
  AwardedLot,
  BlobSlot,
  PlacementDraft,
  PutBook,
  Receipt,
  SignedPlacement,
  StewardTarget,
} from './put-book.ts'

/** What goes with the bytes. */
export interface BlobOffer extends SignedPlacement {
  readonly domain: Domain
  /** Locator under which a manifest copy is announced. 32 bytes. */
  readonly announce?: Uint8Array
  /** Of who offers no money: the grant of the steward it goes to. */
  readonly right?: Right
}

export interface SendOptions {
  readonly signal: AbortSignal
  /** Called with the number of bytes that went out since the last call. */
  onBytes?(count: number): void
}

/** Brings a blob to its steward and returns the countersignature, verified. Sends from where an interrupted attempt left off. */
export type SendBlob = (
  steward: StewardTarget,
  offer: BlobOffer,
  blob: Uint8Array,
  options: SendOptions,
) => Promise<Uint8Array>

/** A blob made for one attempt. */
export interface Candidate {
  readonly blobId: Uint8Array
  readonly salt: Uint8Array
  readonly blob: Uint8Array
}

/** What is to be placed. */
export interface BlobTask extends BlobSlot {
  readonly announce?: Uint8Array
  /** Once set, only this attempt may be sent: the manifest names it. */
  readonly frozen?: number
  /** SHA-256 of it goes to the steward. */
  tokenOf(blobId: Uint8Array): Uint8Array
  make(attempt: number): Promise<Candidate>
  /** In row order. */
  answer(job: AnswerJob): Promise<readonly Uint8Array[]>
}

/** How long a steward may bring a blob no further before its lot goes to the runner-up. Milliseconds; one try has the wire's own limits. */
export interface SendPatience {
  /** Since the last byte, or since the first try. */
  readonly retryMs: number
  /** The same when it cannot even be reached. */
  readonly unreachableMs: number
}

export const SEND_PATIENCE: SendPatience = { retryMs: 15_000, unreachableMs: 5_000 }

/** Where a blob ended up. Without a receipt nobody took it. */
export interface Placed {
  readonly blobId: Uint8Array
  readonly salt: Uint8Array
  readonly attempt: number
  readonly receipt?: Receipt
}

export interface PlacingDeps {
  readonly ref: string
  readonly domain: Domain
  /** Rows to prepare for each blob. */
  readonly rows: number
  readonly book: Pick<PutBook, 'nonces' | 'sign'>
  readonly send: SendBlob
  readonly lots: Lots
  readonly clock: Clock
  readonly log: Log
  readonly patience?: SendPatience
  readonly signal: AbortSignal
  /** Where a steward listens now, beside what the award says. */
  addressesOf?(steward: Address): readonly string[]
  onBytes?(count: number): void
  /** A steward is being tried again. */
  onRetry?(trouble: { readonly lot: number; readonly steward: Address; readonly why: HoldfastError }): void
}

/** A function that places blobs for one put; calls may overlap as much as the caller likes. */
export function createPlacing(deps: PlacingDeps): (task: BlobTask, first?: Candidate) => Promise<Placed> {
  const { ref, domain, rows, book, lots, signal } = deps
  const nonces = gather((ids: readonly Uint8Array[]) => book.nonces(ids, rows), 256)
  const sign = gather((drafts: readonly PlacementDraft[]) => book.sign(drafts), 64)

  const settle = async (
    task: BlobTask,
    holder: AwardedLot,
    attempt: number,
    candidate: Candidate,
  ): Promise<Receipt> => {
    const { blobId, salt, blob } = candidate
    const slot: BlobSlot = { kind: task.kind, segment: task.segment, share: task.share }
    const answers = await task.answer({ domain, blobId, blob, nonces: await nonces(blobId) })
    const signed = await sign({
      ...slot,
      ref,
      steward: holder.steward,
      blobId,
      length: blob.length,
      answersRoot: answersRootOf(answers),
      tokenHash: sha256(task.tokenOf(blobId)),
    })
    const offer: BlobOffer = { ...signed, domain, ...(task.announce === undefined ? {} : { announce: task.announce }) }
    const countersignature = await sendPatiently(deps, holder, offer, blob)
    return { ...slot, ...signed, ref, countersignature, answers, salt, attempt }
  }

  return async (task, first) => {
    let ready = first
    for (;;) {
      signal.throwIfAborted()
      const holder = await lots.holderOf(task.share)
      const attempt = task.frozen ?? lots.attemptOf(task.share)
      const candidate = ready ?? (await task.make(attempt))
      ready = undefined
      // what the manifest names may be sent only to a steward that has this very attempt
      if (holder === undefined || holder.attempt !== attempt) {
        if (holder === undefined || task.frozen !== undefined)
          return { blobId: candidate.blobId, salt: candidate.salt, attempt }
        continue
      }
      try {
        const receipt = await settle(task, holder.lot, attempt, candidate)
        return { blobId: candidate.blobId, salt: candidate.salt, attempt, receipt }
      } catch (cause) {
        signal.throwIfAborted()
        if (!(cause instanceof StewardFailure)) throw cause
        await lots.replace(task.share, holder.lot.steward, cause.why)
      }
    }
  }
}

/** The steward's own failure, as opposed to the book's or ours: the lot goes on, the put does not end. */
class StewardFailure extends Error {
  readonly why: HoldfastError
  constructor(why: HoldfastError) {
    super(why.message, { cause: why })
    this.why = why
  }
}

/** Codes after which the same steward may well take the blob in a moment. */
const PASSING = ['NET_TIMEOUT', 'NET_UNREACHABLE', 'NET_CLOSED', 'PEER_BUSY', 'TIMED_OUT', 'INTERRUPTED'] as const

/** Whether it is worth trying again; a steward that stops in good order says so by a code of its own, which comes as a refusal. */
function isPassing(why: HoldfastError): boolean {
  const told = PASSING.find((code) => code === why.data['told'])
  return hasCode(why, ...PASSING) || (hasCode(why, 'PEER_REFUSED') && told !== undefined)
}

/** Bounds a steward that takes bytes for ever and never signs. */
const MAX_TRIES = 16
/** One try that runs into its time limit says more about a busy computer than about the steward: it gets a second one. */
const MIN_TRIES = 2

async function sendPatiently(
  deps: PlacingDeps,
  holder: AwardedLot,
  offer: BlobOffer,
  blob: Uint8Array,
): Promise<Uint8Array> {
  const { clock, signal, patience = SEND_PATIENCE } = deps
  let movedAt = clock.monotonic()
  for (let tries = 1; ; tries++) {
    const addresses = [...new Set([...holder.addresses, ...(deps.addressesOf?.(holder.steward) ?? [])])]
    try {
      return await deps.send({ id: holder.steward, addresses }, offer, blob, {
        signal,
        onBytes: (count) => {
          movedAt = clock.monotonic()
          deps.onBytes?.(count)
        },
      })
    } catch (cause) {
      signal.throwIfAborted()
      const why = asHoldfastError(cause)
      const limit = hasCode(why, 'NET_UNREACHABLE') ? patience.unreachableMs : patience.retryMs
      const isSpent = tries >= MIN_TRIES && clock.monotonic() - movedAt >= limit
      if (!isPassing(why) || tries >= MAX_TRIES || isSpent) throw new StewardFailure(why)
      deps.log.debug('put.retry', { steward: holder.steward, code: why.code, tries })
      deps.onRetry?.({ lot: holder.lot, steward: holder.steward, why })
      await clock.sleep(Math.min(125 * 2 ** tries, 4_000), signal)
    }
  }
}
