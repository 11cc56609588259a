/**
 * The pool's members as a local view: the registrar's events replayed, kept fresh with every new head. After a reorganisation deeper than
 * a block the view is replayed from the start: it is small, and a wrong standing is worse than a slow one.
 */
import { fromHex } from '../base/bytes.ts'
import type { Address } from '../base/curve.ts'
import type { Log } from '../base/ports.ts'
import { decodeLog, encodeCall, REGISTRAR } from './abi.ts'
import type { Block, ChainLog, Hex } from './chain-data.ts'
import type { Chain } from './rpc.ts'

/** By the number the contract gives them. contracts/interfaces/IRegistrar.sol. */
export const STANDINGS = ['compliant', 'probation', 'violation', 'banned', 'abandoned', 'compromised'] as const
export const LEVELS = ['none', 'agent', 'delegate', 'master'] as const
export type Standing = (typeof STANDINGS)[number]
export type Level = (typeof LEVELS)[number]

/** One member, as the events tell. Times and period in seconds of chain time. */
export interface Member {
  readonly id: Address
  /** 64 bytes: the uncompressed key without 0x04. */
  readonly publicKey: Uint8Array
  readonly secureAddr: string
  readonly insecureAddr: string
  readonly level: Level
  /** Bit set. protocol.md §7. */
  readonly roles: number
  readonly standing: Standing
  readonly manager: Address | undefined
  readonly registeredAt: number
  readonly renewedAt: number
  readonly period: number
}

export interface Registry {
  readonly address: Address
  member(id: Address): Member | undefined
  members(): Iterable<Member>
  /** Registered, and compliant or on probation: only these get requests (P5). */
  inGoodStanding(id: Address): boolean
  /** Reads up to the newest block. */
  refresh(): Promise<void>
  /** Told after every change of the view. @returns ends it */
  onChange(listener: () => void): () => void
  close(): void
}

const NOBODY = `0x${'0'.repeat(40)}`

/** Replays the registrar's events and follows it. @param from block of its deployment */
export async function openRegistry(
  chain: Chain,
  address: Address,
  options: { readonly from: number; readonly log: Log },
): Promise<Registry> {
  let members = new Map<Address, Member>()
  let seen: Pick<Block, 'number' | 'hash'> = { number: options.from - 1, hash: '0x' }
  let reading: Promise<void> | undefined
  const listeners = new Set<() => void>()

  // Reorganisations seen, and how many of them a successful replay has taken in: a failed one is not forgotten.
  let reorgs = 1
  let replayed = 0

  async function read(head: Block): Promise<void> {
    const upTo = reorgs
    if (replayed === upTo && head.hash === seen.hash) return
    const again = replayed !== upTo || head.number <= seen.number
    const from = again ? options.from : seen.number + 1
    const view = again ? new Map<Address, Member>() : new Map(members)
    const logs = head.number < from ? [] : await chain.logs({ address, topics: [] }, from, head)
    for (const log of logs) apply(view, log)
    members = view
    seen = head
    replayed = upTo
    if (logs.length > 0 || again) for (const listener of listeners) listener()
  }
  /** One at a time; who asks while one runs gets the next one, which sees the newest block. */
  function refresh(newest: () => Promise<Block> | Block): Promise<void> {
    const next = async () => read(await newest())
    reading = (reading ?? Promise.resolve()).then(next, next) // the one before failed on its own account
    return reading
  }

  await refresh(() => chain.head())
  const unsubscribe = chain.onHead((_head, reorged) => {
    if (reorged) reorgs++
    refresh(() => chain.latest()).catch((cause: unknown) =>
      options.log.warn('registry not refreshed', { message: (cause as Error).message }),
    )
  })
  return {
    address,
    member: (id) => members.get(id),
    members: () => members.values(),
    inGoodStanding: (id) => {
      const standing = members.get(id)?.standing
      return standing === 'compliant' || standing === 'probation'
    },
    refresh: () => refresh(() => chain.head()),
    onChange: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    close: unsubscribe,
  }
}

function apply(view: Map<Address, Member>, log: ChainLog): void {
  const event = decodeLog(REGISTRAR, log)
  if (!event) return
  const { name, values } = event
  const id = String(values.id ?? '').toLowerCase() as Address
  if (name === 'Registered') {
    const registeredAt = Number(values.registeredAt)
    view.set(id, {
      id,
      publicKey: fromHex(values.pubkey as string, 64),
      secureAddr: values.secureAddr as string,
      insecureAddr: values.insecureAddr as string,
      level: LEVELS[Number(values.level)] ?? 'none',
      roles: 0,
      standing: 'compliant',
      manager: undefined,
      registeredAt,
      renewedAt: registeredAt,
      period: Number(values.period),
    })
    return
  }
  if (name === 'Dropped') {
    view.delete(id)
    return
  }
  const member = view.get(id)
  const change = member && changeOf(name, values)
  if (member && change) view.set(id, { ...member, ...change })
}

function changeOf(name: string, values: Readonly<Record<string, unknown>>): Partial<Member> | undefined {
  switch (name) {
    case 'Renewed':
      return { renewedAt: Number(values.renewedAt), period: Number(values.period) }
    case 'EndpointsChanged':
      return { secureAddr: values.secureAddr as string, insecureAddr: values.insecureAddr as string }
    case 'LevelChanged': // what belonged to the other level ends with it, as in the contract
      return { level: LEVELS[Number(values.level)] ?? 'none', roles: 0, manager: undefined }
    case 'RolesChanged':
      return { roles: Number(values.roles) }
    case 'StandingChanged':
      return { standing: STANDINGS[Number(values.standing)] ?? 'banned' } // a standing this program does not know serves nobody
    case 'ManagerAssigned': {
      const manager = (values.manager as string).toLowerCase()
      return { manager: manager === NOBODY ? undefined : (manager as Address) }
    }
    default:
      return undefined // watchers and the period of later renewals are not part of this view
  }
}

/** By the key itself; `pubkey` 64 bytes. */
export const encodeRegister = (pubkey: Uint8Array, secureAddr: string, insecureAddr: string): Hex =>
  encodeCall(REGISTRAR, 'register', [pubkey, secureAddr, insecureAddr])
export const encodeRenew = (id: Address): Hex => encodeCall(REGISTRAR, 'renew', [id])
export const encodeSetEndpoints = (secureAddr: string, insecureAddr: string): Hex =>
  encodeCall(REGISTRAR, 'setEndpoints', [secureAddr, insecureAddr])
export const encodeSetLevel = (id: Address, level: Level): Hex =>
  encodeCall(REGISTRAR, 'setLevel', [id, LEVELS.indexOf(level)])
export const encodeSetRoles = (id: Address, roles: number): Hex => encodeCall(REGISTRAR, 'setRoles', [id, roles])
export const encodeAssignManager = (id: Address, manager: Address): Hex =>
  encodeCall(REGISTRAR, 'assignManager', [id, manager])
/** @param evidence hash of what the change rests on, 32 bytes */
export const encodeSetStanding = (id: Address, standing: Standing, reason: number, evidence: Uint8Array): Hex =>
  encodeCall(REGISTRAR, 'setStanding', [id, STANDINGS.indexOf(standing), reason, evidence])
