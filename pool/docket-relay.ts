/**
 * Standing in for withheld dockets (protocol.md §4): a steward without its docket says so with a signed demand; an uploader that does not reach its
 * steward leaves the docket here; whoever has both passes it on. What is not here 24 h before the deadline is the uploader's miss.
 */
import { equalBytes, fromHex, toHex } from '../base/bytes.ts'
import { type Address, recoverSigner } from '../base/curve.ts'
import { asHoldfastError, HoldfastError } from '../base/errors.ts'
import type { Change, Clock, Journal, Log } from '../base/ports.ts'
import { type Domain, demandDigest } from '../base/typed-data.ts'
import { DAY, HOUR, MiB } from '../base/units.ts'
import { docketHashOf } from '../blob/docket.ts'
import { DOCKET_PROTOCOL, decodeDocketMessage, encodeDocketMessage, MAX_DOCKET_FRAME } from '../net/messages/docket.ts'
import { only } from '../net/messages/fields.ts'
import type { NetNode } from '../net/node.ts'
import { talk } from '../net/talk.ts'
import type { Wire } from '../net/wire.ts'
import type { MonitorChain } from './monitor-ports.ts'
import { type DemandRecord, decodeRecord, encodeRecord, KEYS } from './monitor-records.ts'
import { addressesOf, type RegistryView } from './registry-view.ts'

/** Largest docket that a monitor keeps for others: a hundred thousand challenges. Bytes. */
export const MAX_KEPT_DOCKET = 8 * MiB
/** Demands and dockets kept at the same time; a bounty on chain stands behind each. */
const MAX_KEPT = 256
/** Before the deadline, when a docket that is not here is the uploader's miss. Seconds. protocol.md §4. */
export const WITHHELD_BEFORE = DAY
/** Between two tries to hand a docket over. Seconds of chain time. */
const HAND_AGAIN = HOUR

export interface RelayDeps {
  readonly journal: Journal
  readonly registry: RegistryView
  readonly chain: MonitorChain
  readonly net: Pick<NetNode, 'open'>
  readonly market: Domain
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
  /** A docket was demanded and nobody brought it. */
  withheld(demand: DemandRecord): Promise<void>
}

export interface DocketRelay {
  load(): Promise<void>
  /** Takes a demand of the bounty's own steward. @throws `BOUNTY_INVALID`, `PEER_BUSY` */
  demand(demand: {
    readonly bountyId: Uint8Array
    readonly docketHash: Uint8Array
    readonly signature: Uint8Array
  }): Promise<void>
  /** Takes a docket whose bounty is open. @throws `BOUNTY_INVALID`, `PEER_BUSY` */
  takeDocket(wire: Wire): Promise<void>
  isDue(now: number): boolean
  nextDue(): number | undefined
  work(): Promise<void>
  waiting(): number
}

export function createDocketRelay(deps: RelayDeps): DocketRelay {
  const { journal, chain, market } = deps
  const demands = new Map<string, DemandRecord>()
  /** Dockets that are here, by hash, and until when they are kept. */
  const dockets = new Map<string, number>()
  const triedAt = new Map<string, number>()

  async function load(): Promise<void> {
    for await (const [key, value] of journal.list('demand/')) {
      const record = decodeRecord<DemandRecord>(key, value)
      demands.set(record.bountyId, record)
    }
    for await (const [key, value] of journal.list('docket/'))
      dockets.set(
        key.slice('docket/'.length),
        decodeRecord<{ until: number }>(key, value.subarray(0, value.indexOf(10))).until,
      )
  }

  async function save(record: DemandRecord): Promise<void> {
    await journal.commit([{ key: KEYS.demand(record.bountyId), value: encodeRecord(record) }])
    demands.set(record.bountyId, record)
  }

  async function openBounty(bountyId: Uint8Array, docketHash: Uint8Array) {
    const bounty = await chain.bounty(bountyId)
    if (bounty === null || bounty.end !== undefined || bounty.deadline < chain.now())
      throw new HoldfastError('BOUNTY_INVALID', { what: 'it is not open' })
    if (!equalBytes(bounty.docketHash, docketHash))
      throw new HoldfastError('BOUNTY_INVALID', { what: 'its docket has another hash' })
    return bounty
  }

  async function demand(given: Parameters<DocketRelay['demand']>[0]): Promise<void> {
    const bountyId = toHex(given.bountyId)
    if (demands.has(bountyId)) return // asked again
    const bounty = await openBounty(given.bountyId, given.docketHash)
    if (recoverSigner(demandDigest(market, given), given.signature) !== bounty.steward)
      throw new HoldfastError('BOUNTY_INVALID', { what: 'its steward did not sign the demand' })
    if (waiting() >= MAX_KEPT) throw new HoldfastError('PEER_BUSY', { what: `${MAX_KEPT} demands` })
    const { poster, steward, deadline, claimKey, amount } = bounty
    const { signature } = given
    const docketHash = toHex(given.docketHash)
    const at = chain.now()
    await save({ bountyId, docketHash, poster, steward, deadline, claimKey, amount, signature, at, state: 'waiting' })
    deps.log.info('docket.demanded', { bounty: bountyId, poster, steward })
  }

  async function takeDocket(wire: Wire): Promise<void> {
    const push = only(decodeDocketMessage(await wire.receive(MAX_DOCKET_FRAME)), 'push')
    const { deadline } = await openBounty(push.bountyId, push.docketHash)
    const hash = toHex(push.docketHash)
    if (push.length > MAX_KEPT_DOCKET || (!dockets.has(hash) && dockets.size >= MAX_KEPT))
      throw new HoldfastError('PEER_BUSY', {
        what: `dockets: ${dockets.size} are kept, at most ${MAX_KEPT_DOCKET} bytes each`,
      })
    await wire.send(encodeDocketMessage({ kind: 'go' }))
    const bytes = new Uint8Array(push.length)
    for (let at = 0; at < bytes.length; at += MiB) await wire.receiveInto(bytes.subarray(at, at + MiB))
    if (!equalBytes(docketHashOf(bytes), push.docketHash))
      throw new HoldfastError('BOUNTY_INVALID', { what: 'the docket is not the one of its hash' })
    await journal.commit([keepDocket(hash, deadline, bytes)])
    dockets.set(hash, deadline)
    triedAt.clear() // whoever waits for it is served at once
    await wire.send(encodeDocketMessage({ kind: 'taken' }))
    deps.log.info('docket.left-here', { docket: hash, bytes: bytes.length })
  }

  /** When a demand is to be looked at. */
  function dueOf(one: DemandRecord): number | undefined {
    if (one.state !== 'waiting') return undefined
    const judged = one.deadline - WITHHELD_BEFORE
    if (!dockets.has(one.docketHash)) return judged
    const tried = triedAt.get(one.bountyId)
    return tried === undefined ? one.at : tried + HAND_AGAIN
  }

  async function work(): Promise<void> {
    const now = chain.now()
    for (const one of [...demands.values()]) {
      const due = dueOf(one)
      if (due === undefined || due > now) continue
      if (one.deadline < now) await save({ ...one, state: 'over' })
      else if (dockets.has(one.docketHash)) await hand(one)
      else if ((await chain.bounty(fromHex(one.bountyId, 32)))?.end !== undefined) await save({ ...one, state: 'over' })
      else {
        await deps.withheld(one)
        await save({ ...one, state: 'withheld' })
        deps.log.warn('docket.withheld', { bounty: one.bountyId, poster: one.poster })
      }
    }
    const old: Change[] = []
    for (const [hash, until] of dockets)
      if (until < now) {
        dockets.delete(hash)
        old.push({ key: KEYS.docket(hash), value: undefined })
      }
    if (old.length > 0) await journal.commit(old)
  }

  async function hand(one: DemandRecord): Promise<void> {
    triedAt.set(one.bountyId, chain.now())
    const kept = await journal.get(KEYS.docket(one.docketHash))
    const member = deps.registry.member(one.steward)
    if (kept === undefined || member === undefined) return
    const bytes = kept.subarray(kept.indexOf(10) + 1)
    const target: { id: Address; addresses: string[] } = { id: one.steward, addresses: addressesOf(member) }
    try {
      await talk(deps.net, target, DOCKET_PROTOCOL, deps.signal, async (wire) => {
        const step = async (kind: 'go' | 'taken') =>
          only(decodeDocketMessage(await wire.receive(MAX_DOCKET_FRAME)), kind)
        const names = { docketHash: fromHex(one.docketHash, 32), bountyId: fromHex(one.bountyId, 32) }
        await wire.send(encodeDocketMessage({ kind: 'push', ...names, length: bytes.length }))
        await step('go')
        await wire.sendBytes(bytes)
        await step('taken')
      })
      await save({ ...one, state: 'handed' })
      deps.log.info('docket.handed', { bounty: one.bountyId, steward: one.steward })
    } catch (cause) {
      deps.log.info('docket.not-handed', { bounty: one.bountyId, why: asHoldfastError(cause).message })
    }
  }

  function waiting(): number {
    return [...demands.values()].filter(({ state }) => state === 'waiting').length
  }

  const dues = () => [...demands.values()].flatMap((one) => dueOf(one) ?? [])
  return {
    load,
    demand,
    takeDocket,
    isDue: (now) => dues().some((due) => due <= now),
    nextDue: () => (dues().length === 0 ? undefined : Math.min(...dues())),
    work,
    waiting,
  }
}

/** One line of JSON, then the docket. */
function keepDocket(hash: string, until: number, bytes: Uint8Array): Change {
  const head = encodeRecord({ until })
  const value = new Uint8Array(head.length + 1 + bytes.length)
  value.set(head)
  value[head.length] = 10
  value.set(bytes, head.length + 1)
  return { key: KEYS.docket(hash), value }
}
