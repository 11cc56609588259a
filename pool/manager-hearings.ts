/**
 * Appeals on their way to the monitors: what a panel had found is looked at again by those that watch the convicted one. Kept with the appeal in one batch,
 * told in the background, to whoever was not reached again and again with growing pauses, until the appeal is decided.
 */
import { fromHex } from '../base/bytes.ts'
import type { Address } from '../base/curve.ts'
import { asHoldfastError } from '../base/errors.ts'
import type { Change } from '../base/ports.ts'
import { HOUR, type UnixTime, unixTime } from '../base/units.ts'
import type { ManagerParts } from './manager-parts.ts'
import { KEYS, type KeptHearing, put, readRecords } from './manager-records.ts'
import { watchersOf } from './registry-view.ts'
import type { Subject } from './standing-steps.ts'

export interface Hearings {
  /** Reads the journal. */
  open(): Promise<void>
  /** To be committed with the appeal, then to be taken up. @param about hex, of the evidence; it is in the journal */
  begin(agent: Address, about: string): { readonly change: Change; takeUp(): void }
  /** Tells whoever is due, in the background. */
  kick(): void
  /** Resolves when nothing is being told any more. */
  rest(): Promise<void>
  isBusy(): boolean
  /** Chain time. */
  nextDue(): UnixTime | undefined
}

/** A monitor that was not reached is told again after this, then after twice as long, up to some three days. Seconds of chain time. */
const RETRY_AFTER = HOUR
const MOST_DOUBLINGS = 6

export function createHearings(
  parts: Pick<ManagerParts, 'journal' | 'registry' | 'chain' | 'log' | 'tell'>,
  subjectOf: (id: Address) => Subject | undefined,
): Hearings {
  const { journal, registry, chain, log } = parts
  let kept = new Map<string, KeptHearing>()
  let running: Promise<void> | undefined

  const isOpen = ({ agent, about }: KeptHearing) =>
    subjectOf(agent)?.steps.some((step) => step.evidenceHash === about && step.appealed?.isOpen === true) === true

  /** Those that watch it and were not told yet. */
  function untold({ agent, told }: KeptHearing) {
    const member = registry.member(agent)
    return member === undefined ? [] : watchersOf(registry, member).filter((id) => !told.includes(id))
  }

  async function work(name: string, hearing: KeptHearing): Promise<void> {
    const evidence = await journal.get(KEYS.evidence(hearing.about))
    if (!isOpen(hearing) || evidence === undefined) {
      await journal.commit([put(KEYS.hearing(name), undefined)])
      kept.delete(name)
      return
    }
    const due = untold(hearing)
    if (due.length === 0) return
    const about = fromHex(hearing.about, 32)
    const reached = await Promise.all(
      due.map(async (id) => {
        const member = registry.member(id)
        try {
          if (member !== undefined) await parts.tell(member, { kind: 'hearing', about, evidence })
          return [id]
        } catch (cause) {
          log.info('manager.hearing', { monitor: id, about: hearing.about, why: asHoldfastError(cause).message })
          return []
        }
      }),
    )
    const told = [...hearing.told, ...reached.flat()]
    const pause = RETRY_AFTER * 2 ** Math.min(hearing.tries, MOST_DOUBLINGS)
    const next = { ...hearing, told, tries: hearing.tries + 1, nextTry: unixTime(chain.now() + pause) }
    await journal.commit([put(KEYS.hearing(name), next)])
    kept.set(name, next)
  }

  async function run(): Promise<void> {
    for (const [name, hearing] of [...kept])
      if (!isOpen(hearing) || hearing.nextTry <= chain.now()) await work(name, hearing)
  }

  return {
    async open() {
      kept = await readRecords<KeptHearing>(journal, KEYS.hearings)
    },
    begin(agent, about) {
      const hearing: KeptHearing = { agent, about, told: [], tries: 0, nextTry: unixTime(0) }
      const name = `${agent}/${about}`
      return { change: put(KEYS.hearing(name), hearing), takeUp: () => kept.set(name, hearing) }
    },
    kick() {
      if (running !== undefined) return
      running = run()
        .catch((cause: unknown) => log.warn('manager.hearings', { why: asHoldfastError(cause).message }))
        .finally(() => {
          running = undefined
        })
    },
    async rest() {
      await running
    },
    isBusy: () => running !== undefined,
    nextDue() {
      const dues = [...kept.values()].flatMap((one) => (untold(one).length > 0 ? [one.nextTry] : []))
      return dues.length === 0 ? undefined : unixTime(Math.min(...dues))
    },
  }
}
