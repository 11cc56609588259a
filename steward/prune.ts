/**
 * Warning and pruning (M8): performs what the rules of decide.ts ask for, after their state is durable. Bytes go when the last living
 * placement over them ended, never before; what a crash left behind is cleared at the next start.
 */
import { fromHex } from '../base/bytes.ts'
import { signDigest } from '../base/curve.ts'
import type { Log } from '../base/ports.ts'
import { type Domain, unpaidDigest } from '../base/typed-data.ts'
import type { BlobFiles } from '../store/blob-files.ts'
import type { Book } from './book.ts'
import { type Effect, outstandingEffects } from './decide.ts'
import type { Fault, StewardNotices } from './ports.ts'
import type { Locked } from './room.ts'
import type { Step } from './step.ts'

export interface PruneDeps {
  readonly book: Book
  readonly files: Pick<BlobFiles, 'remove'>
  readonly domain: Domain
  readonly secret: Uint8Array
  readonly locked: Locked
  readonly notices: StewardNotices | undefined
  readonly log: Log
  /** Runs a step alone and commits it. */
  step<Result>(run: (step: Step) => Result | Promise<Result>): Promise<Result>
  alert(code: 'unpaid' | 'grace-passing', about: string): void
  readonly fault?: Fault | undefined
}

export function createPrune(deps: PruneDeps) {
  const { book, files, domain, secret, locked, log } = deps
  const running = new Set<Promise<void>>()

  /** Signs the notices a step asks for, into its batch: they are evidence, and durable before anything follows from them. */
  function sign(step: Step): void {
    for (const effect of step.effects) {
      if (effect.kind !== 'warn') continue
      const n = step.holding(effect.placement)?.held.notice?.n
      if (n !== undefined) step.batch.notice(effect.placement, n, noticeOf(effect))
    }
  }

  function noticeOf({ placement, pruneAfter }: Extract<Effect, { readonly kind: 'warn' }>) {
    const digest = unpaidDigest(domain, { placement: fromHex(placement, 32), pruneAfter })
    return { placement: fromHex(placement, 32), pruneAfter, signature: signDigest(secret, digest) }
  }

  /** After the commit. Does not wait for disks. */
  function perform(effects: readonly Effect[]): void {
    for (const effect of effects) {
      if (effect.kind === 'alert') deps.alert(effect.code, effect.placement)
      else if (effect.kind === 'warn') warn(effect)
      else track(clear(effect.placement, effect.blobId, effect.reason))
    }
  }

  function warn(effect: Extract<Effect, { readonly kind: 'warn' }>): void {
    const uploader = book.holdings.get(effect.placement)?.held.uploader
    if (!uploader) return
    log.warn('placement.unpaid', { placement: effect.placement, uploader, pruneAfter: effect.pruneAfter })
    deps.notices?.send({ uploader, ...noticeOf(effect) })
  }

  /** Removes the bytes unless somebody else pays for them, then notes that nothing is left to do. */
  async function clear(placement: string, blob: string, reason: string): Promise<void> {
    await deps.fault?.('prune.committed')
    await locked(blob, async () => {
      const isKept = book.isKept(blob)
      if (!isKept && (await files.remove(fromHex(blob, 32)))) log.info('blob.pruned', { blob, placement, reason })
      await deps.fault?.('prune.deleted')
      await deps.step((step) => {
        const holding = step.holding(placement)
        if (holding && !holding.cleared) step.save({ ...holding, cleared: true })
        step.batch.successor(placement, undefined)
      })
    })
  }

  function track(job: Promise<void>): void {
    const done = job
      .catch((cause: unknown) =>
        log.error('prune.failed', { message: cause instanceof Error ? cause.message : String(cause) }),
      )
      .finally(() => running.delete(done))
    running.add(done)
  }

  /** What a stop or a crash left undone. */
  function resume(): void {
    for (const { held, cleared } of book.holdings.values()) if (cleared !== true) perform(outstandingEffects(held))
  }

  return {
    sign,
    perform,
    resume,
    running: () => running.size,
    async stop(): Promise<void> {
      await Promise.all(running)
    },
  }
}
