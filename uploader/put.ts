/**
 * put: an object's bytes on their way to stewards (architecture.md, "put"). Segment by segment: one read, encryption, the erasure
 * code, blobs, answers, signatures, receipts; then the manifest and its copies. It holds no ledger and sees no chain.
 *
 * Whatever interrupts it, the same call again goes on: the journal knows the keys, the book knows the receipts, stewards know how
 * much of a blob they have.
 */
import { HoldfastError, hasCode } from '../base/errors.ts'
import { MiB } from '../base/units.ts'
import { patientBook } from './patient-book.ts'
import { createInlinePreparer, type Preparer } from './prepare.ts'
import { createPreparerPool } from './prepare-pool.ts'
import { createPutRecords, type PutState } from './put-journal.ts'
import { type ObjectShape, type PutLayout, planPut } from './put-plan.ts'
import { type OpenPut, type PutDeps, type PutOptions, type PutSummary, performPut } from './put-run.ts'
import type { Source } from './source.ts'

/** With more bytes of blobs in a segment, threads prepare them: below, starting one costs more than it saves. Bytes. */
const THREADS_FROM = 8 * MiB
/** Before lots that nobody took are offered again: a computer that was too busy to answer gets a moment. Milliseconds. */
const ROUND_PAUSE_MS = 1_000

/** Reads the journal and plans. A journal of other contents (size, code) is not resumed: the run begins a new object. */
export async function openPut(
  deps: Pick<PutDeps, 'journal' | 'vault' | 'rng'>,
  source: Source,
  options: PutOptions,
): Promise<OpenPut> {
  const shape: ObjectShape = { ...options, size: source.size }
  const found = await createPutRecords(deps.journal, deps.vault).load()
  const fits = (['size', 'segmentSize', 'k', 'n', 'name', 'type'] as const).every(
    (field) => found?.[field] === shape[field],
  )
  const { size, segmentSize, k, n, name, type } = shape
  const state: PutState =
    found !== undefined && fits
      ? found
      : {
          objectKey: deps.rng.bytes(32),
          indirectKey: deps.rng.bytes(32),
          copySeed: deps.rng.bytes(32),
          size,
          segmentSize,
          k,
          n,
          ...(name === undefined ? {} : { name }),
          ...(type === undefined ? {} : { type }),
          lots: [],
          frozen: [],
        }
  return { layout: planPut(state.objectKey, shape), resumed: state === found, state }
}

/**
 * Stores an object. Lots that nobody took, or that everybody failed to take, are offered again, `options.rounds` times in all; a further
 * round reads the source again, so there is one only when somebody takes such a lot.
 * @throws `INPUT_CHANGED` (the journal is cleared: the next run makes a new object), `PLACEMENT_SHORT` when it could not be read back
 * (fewer than k shares of a segment, or no copy, found a steward), what `award` throws, the signal's reason
 */
export async function putObject(
  deps: PutDeps,
  source: Source,
  options: PutOptions,
  opened?: OpenPut,
): Promise<PutSummary> {
  const { limits, signal, rounds = 1 } = options
  let put = opened ?? (await openPut(deps, source, options))
  const { resumed } = put
  for (let round = 1; ; round++) {
    const outcome = await runOnce(deps, source, options, put).catch((cause: unknown) => {
      if (round < rounds && hasCode(cause, 'PLACEMENT_SHORT')) return cause
      throw cause
    })
    const isShort = outcome instanceof HoldfastError
    const held = isShort ? Number(outcome.data['have']) : Math.min(outcome.shares.held, outcome.copies)
    const ended = () => {
      if (isShort) throw outcome
      return { ...outcome, resumed }
    }
    if (held >= options.n || round >= rounds) return ended()
    await deps.clock.sleep(ROUND_PAUSE_MS * round, signal)
    const award = await deps.book.award(put.layout.plan, limits)
    if (award.lots.length <= held) return ended()
    deps.log.info('put.again', { round: round + 1, held, lots: award.lots.length })
    put = await openPut(deps, source, options)
  }
}

async function runOnce(deps: PutDeps, source: Source, options: PutOptions, put: OpenPut): Promise<PutSummary> {
  const stop = new AbortController()
  const signal = options.signal === undefined ? stop.signal : AbortSignal.any([stop.signal, options.signal])
  const records = createPutRecords(deps.journal, deps.vault)
  const { clock, log, bookPatienceMs: forMs = 60_000 } = deps
  const book = patientBook(deps.book, { clock, log, signal, forMs })
  const preparer = choosePreparer(put.layout, deps.threads ?? 2)
  try {
    return await performPut({
      ...deps,
      ...put,
      book,
      source,
      limits: options.limits,
      records,
      preparer,
      signal,
      onFailure: (cause) => stop.abort(cause),
    })
  } catch (cause) {
    // what stopped the put is the reason, not what stopping did to the rest
    const reason: unknown = stop.signal.aborted ? stop.signal.reason : cause
    if (hasCode(reason, 'INPUT_CHANGED')) await records.clear()
    throw reason
  } finally {
    await preparer.close()
  }
}

function choosePreparer({ plan }: PutLayout, threads: number): Preparer {
  const largest = plan.n * plan.shareLengths.reduce((most, length) => Math.max(most, length), 0)
  return threads > 0 && largest >= THREADS_FROM ? createPreparerPool(threads) : createInlinePreparer()
}
