/**
 * Which objects need repair, and when it is tried again. Whatever changes a placement's state leads here (`consider`); what cannot be done
 * now (nobody bids, no money, a steward of a copy is away) is looked at again after a pause of chain time. Rules are in repair-plan.ts.
 */
import { toHex } from '../base/bytes.ts'
import { asHoldfastError } from '../base/errors.ts'
import type { Rng } from '../base/ports.ts'
import { DAY, HOUR, unixTime } from '../base/units.ts'
import { copyTokenOf, readTokenOf } from '../blob/object-keys.ts'
import type { PutPlan } from '../uploader/put-book.ts'
import { probeBlobs } from '../uploader/repair.ts'
import type { RepairView } from './api-types.ts'
import { planMoves } from './move-plan.ts'
import type { Policy } from './policy.ts'
import type { ObjectRecord, RepairRecord } from './records.ts'
import { volumeOf, volumesOf } from './repair-book.ts'
import { isOver, type Part, planRepairs, type RepairPlan, surveyObject } from './repair-plan.ts'
import { knownBlobs, type RepairRunDeps, runRepair, tellReads } from './repair-run.ts'
import type { Step } from './step.ts'
import { handSuccessors, type SuccessorDeps, withoutNewest } from './successors.ts'

export interface RepairsDeps extends Omit<RepairRunDeps, 'step' | 'alone'>, Omit<SuccessorDeps, 'step'> {
  readonly rng: Rng
  readonly policy: Policy
  /** How many stewards may be asked for the lots of a repair. */
  eligible(plan: PutPlan): number
}

/** What the controller lends. */
export interface RepairHost {
  step<Result>(run: (step: Step) => Promise<Result> | Result): Promise<Result>
  alert(code: 'lost' | 'repair-waits', placement: string): void
  /** Something is due, or done. */
  wake(): void
}

/** Objects looked after at the same time: auctions wait for the chain; bytes move one repair at a time. */
const PARALLEL = 4
/** Pauses before the second try, the third, and all others. Seconds of chain time. */
const PAUSES = [HOUR, 6 * HOUR, DAY] as const

export class Repairs {
  private readonly deps: RepairsDeps
  private readonly stopping = new AbortController()
  private host: RepairHost | undefined
  private moving: Promise<unknown> = Promise.resolve()
  private readonly waiting = new Map<string, { readonly ordered: boolean }>()
  private readonly active = new Map<string, Promise<void>>()
  /** When something of an object is looked at next, by ref. Seconds of chain time. */
  private readonly due = new Map<string, number>()
  /** What did not succeed: how often, and when it is tried again. By what it is, within an object. */
  private readonly failed = new Map<string, Map<string, { readonly tries: number; readonly at: number }>>()

  constructor(deps: RepairsDeps) {
    this.deps = deps
  }

  bind(host: RepairHost): void {
    this.host = host
  }

  /** Takes up what was begun, and looks at every object once. */
  start(): void {
    this.consider(this.deps.ledger.objectOfRef.keys())
  }

  /**
   * The ledger was made from a backup: what was placed since under these seeds is not known. Other salts make other blobs, so that no two
   * stewards get the same bytes, and no row is asked twice.
   */
  onRecovered(step: Step): void {
    for (const repair of this.deps.ledger.repairs.values())
      step.batch.repair({ ...repair, seed: this.deps.rng.bytes(32), lots: [] })
  }

  async stop(): Promise<void> {
    this.stopping.abort()
    this.waiting.clear()
    await Promise.all(this.active.values())
  }

  /** Objects that are being looked after or wait for their turn. */
  running(): number {
    return this.active.size + this.waiting.size
  }

  /** The earliest chain time at which something is tried again. */
  nextDue(): number | undefined {
    return this.due.size === 0 ? undefined : Math.min(...this.due.values())
  }

  /** What is due by now is looked at. */
  wake(): void {
    const now = this.deps.now()
    this.consider([...this.due].flatMap(([ref, at]) => (at <= now ? [ref] : [])))
  }

  /** Something of these puts changed. Whatever needs no repair is left alone here. */
  consider(refs: Iterable<string>): void {
    for (const ref of refs) {
      const object = this.objectOf(ref)
      if (object === undefined || !this.needsLook(object)) this.due.delete(ref)
      else this.enqueue(ref, false)
    }
  }

  /** The owner wants everything that is missing made again, at once. */
  order(ref: string): void {
    this.failed.delete(ref)
    this.enqueue(ref, true)
  }

  /** What is missing of an object, and what would be done about it. */
  view(object: ObjectRecord, ordered: boolean): RepairView {
    const parts = this.objectOf(object.ref) === undefined ? [] : this.survey(object)
    const plans = planRepairs(object, parts, this.busy(object.ref), this.deps.now(), ordered)
    const isPlanned = (part: Part) =>
      plans.some(({ plan }) =>
        plan.mends?.blobs.some((blob) => blob.kind === part.kind && blob.segment === part.segment),
      )
    const busy = this.busy(object.ref)
    const lines = parts
      .filter(({ missing, gone }) => missing.length > 0 || gone.length > 0)
      .map((part) => ({
        kind: part.kind,
        segment: part.segment,
        missing: part.missing,
        confirmed: part.there.length,
        threshold: part.health.threshold,
        bytes: part.missing.length * part.length,
        state: part.health.isLost
          ? ('lost' as const)
          : busy.has(`${part.kind}/${part.segment}`)
            ? ('repairing' as const)
            : isPlanned(part)
              ? ('planned' as const)
              : ('enough' as const),
      }))
    const { id, name } = object
    return { object: toHex(id), ...(name === undefined ? {} : { name }), parts: lines }
  }

  /** Backups of the ledger are not repaired: a new one takes their place (backup.ts). Nor is what its owner let go. */
  private objectOf(ref: string): ObjectRecord | undefined {
    const object = this.deps.ledger.objects.get(this.deps.ledger.objectOfRef.get(ref) ?? '')
    return object?.backup === undefined && object?.removedAt === undefined ? object : undefined
  }

  private survey(object: ObjectRecord): Part[] {
    const { ledger, policy, now } = this.deps
    return surveyObject(object, ledger.placementsOf(object.ref), now(), policy)
  }

  private openRepairs(ref: string): RepairRecord[] {
    return [...this.deps.ledger.repairs.values()].filter(
      ({ stage, plan }) => stage === 'open' && plan.mends?.ref === ref,
    )
  }

  /** Parts that a repair under way mends. */
  private busy(ref: string): Set<string> {
    return new Set(
      this.openRepairs(ref).flatMap(
        ({ plan }) => plan.mends?.blobs.map(({ kind, segment }) => `${kind}/${segment}`) ?? [],
      ),
    )
  }

  /** Of stewards that leave: what another one is to have. */
  private moves(object: ObjectRecord, busy: ReadonlySet<string>): RepairPlan[] {
    const { ledger, now } = this.deps
    return planMoves(object, ledger.placementsOf(object.ref), busy, now(), (id) => ledger.puts.get(id)?.plan)
  }

  private needsLook(object: ObjectRecord): boolean {
    if (this.openRepairs(object.ref).length > 0 || this.owesSuccessors(object)) return true
    const parts = this.survey(object)
    if (this.moves(object, new Set()).length > 0) return true
    return (
      !isOver(parts) &&
      parts.some(
        ({ health, missing, gone, later }) =>
          (health.needsRepair && missing.length > 0) || (health.isLost && gone.length > 0) || later !== undefined,
      )
    )
  }

  private owesSuccessors(object: ObjectRecord): boolean {
    return volumesOf(object).some((volume) => {
      const record = this.deps.ledger.successors.get(volume.id)
      return record !== undefined && withoutNewest(this.deps.ledger, record, volume).length > 0
    })
  }

  private enqueue(ref: string, ordered: boolean): void {
    if (this.stopping.signal.aborted || this.host === undefined) return
    this.due.delete(ref) // from now on it waits for its turn, not for a time
    this.waiting.set(ref, { ordered: ordered || this.waiting.get(ref)?.ordered === true })
    this.pump()
  }

  private pump(): void {
    for (const [ref, { ordered }] of this.waiting) {
      if (this.active.size >= PARALLEL) return
      if (this.active.has(ref)) continue
      this.waiting.delete(ref)
      const run = this.attend(ref, ordered)
        .catch((cause: unknown) => {
          if (this.stopping.signal.aborted) return
          const { code, message } = asHoldfastError(cause)
          this.deps.log.warn('repair failed', { ref, code, message })
          this.fail(ref, 'attend')
        })
        .finally(() => {
          this.active.delete(ref)
          this.plan(ref)
          this.pump()
          this.host?.wake()
        })
      this.active.set(ref, run)
    }
  }

  /** Everything that can be done for an object now. */
  private async attend(ref: string, ordered: boolean): Promise<void> {
    const object = this.objectOf(ref)
    if (object === undefined) return
    const parts = this.survey(object)
    if (isOver(parts)) return this.close(this.openRepairs(ref))
    await this.attendLost(object, parts)
    await this.begin(object, parts, ordered)
    for (const { id, plan } of this.openRepairs(ref)) {
      if (!this.isReady(ref, id)) continue
      const isDone = await this.run(id, plan)
      if (isDone) this.failed.get(ref)?.delete(id)
      else if (!(await this.giveWay(object, id, plan))) this.fail(ref, id)
    }
    if (this.owesSuccessors(object) && this.isReady(ref, 'hand')) {
      const isHanded = await handSuccessors({ ...this.deps, step: this.step }, object, this.stopping.signal)
      this.deps.fault?.('repair')
      if (isHanded) this.failed.get(ref)?.delete('hand')
      else this.fail(ref, 'hand')
    }
  }

  /** Writes down what is going to be repaired, before anything is asked or paid. */
  private async begin(object: ObjectRecord, parts: readonly Part[], ordered: boolean): Promise<void> {
    const { ref } = object
    const busy = this.busy(ref)
    const repairs = planRepairs(object, parts, busy, this.deps.now(), ordered)
    for (const { plan } of repairs)
      for (const { kind, segment } of plan.mends?.blobs ?? []) busy.add(`${kind}/${segment}`)
    for (const { id, plan, gone } of [...repairs, ...this.moves(object, busy)]) {
      if (!this.isReady(ref, 'nobody')) return
      if (this.deps.eligible(plan) === 0) {
        this.deps.log.warn('repair waits', { ref, why: 'no compliant steward without a share of it' })
        this.fail(ref, 'nobody', gone[0])
        return
      }
      this.failed.get(ref)?.delete('nobody')
      const known = this.deps.ledger.repairs.get(id)
      const record: RepairRecord = known ?? {
        id,
        plan,
        seed: this.deps.rng.bytes(32),
        lots: [],
        startedAt: unixTime(this.deps.now()),
        stage: 'open',
      }
      await this.step((step) => {
        step.batch.repair({ ...record, stage: 'open' })
        for (const placement of gone) step.tell(placement, { kind: 'repair-started' })
      })
      const blobs = plan.mends?.blobs.length
      this.deps.log.info('repair begins', { repair: id, ref, blobs, term: plan.term })
    }
  }

  /** A segment of which fewer than k shares are there: said once, and whoever had one is asked again from time to time. */
  private async attendLost(object: ObjectRecord, parts: readonly Part[]): Promise<void> {
    const { ref } = object
    const lost = parts.filter(({ health, gone }) => health.isLost && gone.length > 0)
    if (lost.length === 0 || !this.isReady(ref, 'lost')) return
    for (const { kind, segment, gone, length } of lost) {
      if (gone.some(({ state }) => state !== 'lost')) {
        await this.step((step) => {
          for (const { id } of gone) step.tell(id, { kind: 'segment-lost' })
        })
        this.host?.alert('lost', gone[0]?.id ?? '')
      }
      const volume = volumeOf(object, { kind, segment })
      const tokenOf = (blobId: Uint8Array) =>
        kind === 'copy' ? copyTokenOf(volume.copyKey, blobId) : readTokenOf(volume.repairKey, blobId)
      const sources = await knownBlobs(this.deps, gone)
      const signal = this.stopping.signal
      const back = await this.alone(() => probeBlobs({ ...this.deps, signal }, { length, sources, tokenOf }))
      await tellReads({ ...this.deps, step: this.step }, gone, back)
    }
    this.fail(ref, 'lost')
  }

  private async run(id: string, plan: PutPlan): Promise<boolean> {
    try {
      const deps = { ...this.deps, step: this.step, alone: this.alone }
      return await runRepair(deps, id, this.stopping.signal)
    } catch (cause) {
      this.stopping.signal.throwIfAborted()
      const { code, message } = asHoldfastError(cause)
      this.deps.log.warn('repair waits', { repair: id, ref: plan.mends?.ref, code, message })
      return false
    }
  }

  /** More is missing by now than an unfinished repair would mend: another, which mends all of it, takes its place. */
  private async giveWay(object: ObjectRecord, id: string, plan: PutPlan): Promise<boolean> {
    const own = new Set(plan.mends?.blobs.map(({ kind, segment, share }) => `${kind}/${segment}/${share}`))
    const mended = new Set(plan.mends?.blobs.map(({ kind, segment }) => `${kind}/${segment}`))
    const isOutgrown = this.survey(object).some(
      ({ kind, segment, health, missing }) =>
        mended.has(`${kind}/${segment}`) &&
        health.needsRepair &&
        missing.some((share) => !own.has(`${kind}/${segment}/${share}`)),
    )
    if (isOutgrown) await this.close(this.openRepairs(object.ref).filter((repair) => repair.id === id))
    return isOutgrown
  }

  private async close(repairs: readonly RepairRecord[]): Promise<void> {
    if (repairs.length === 0) return
    await this.step((step) => {
      for (const { id } of repairs) {
        const record = this.deps.ledger.repairs.get(id)
        if (record) step.batch.repair({ ...record, stage: 'done' })
      }
    })
  }

  private readonly step: RepairHost['step'] = (run) => (this.host as RepairHost).step(run)

  private readonly alone = <Result>(run: () => Promise<Result>): Promise<Result> => {
    const turn = this.moving.then(run, run)
    this.moving = turn.catch(() => undefined) // whoever asked has the failure
    return turn
  }

  private isReady(ref: string, what: string): boolean {
    return (this.failed.get(ref)?.get(what)?.at ?? 0) <= this.deps.now()
  }

  private fail(ref: string, what: string, placement?: string): void {
    const ofObject = this.failed.get(ref) ?? new Map()
    const tries = (ofObject.get(what)?.tries ?? 0) + 1
    const pause = PAUSES[Math.min(tries, PAUSES.length) - 1] as number
    this.failed.set(ref, ofObject.set(what, { tries, at: this.deps.now() + pause }))
    if (tries !== PAUSES.length) return
    const [first] = this.deps.ledger.placementsOf(ref)
    this.host?.alert('repair-waits', placement ?? first?.id ?? ref)
  }

  /** When the object is looked at next. */
  private plan(ref: string): void {
    const object = this.objectOf(ref)
    if (object === undefined || this.stopping.signal.aborted) return
    if (!this.needsLook(object)) {
      this.failed.delete(ref)
      this.due.delete(ref)
      return
    }
    const now = this.deps.now()
    const later = this.survey(object).map((part) => part.later)
    const again = [...(this.failed.get(ref)?.values() ?? [])].map(({ at }) => at)
    // what is over by now was tried, and needs no other try
    const times = [...later, ...again].filter((at) => at !== undefined && at > now) as number[]
    this.due.set(ref, Math.min(...times, now + DAY))
  }
}
