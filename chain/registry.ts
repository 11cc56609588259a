/**
 * The pool's members as a local view: the registrar's events replayed, kept fresh with every new head. After a reorganisation deeper than
 * a block the view is replayed from the start: it is small, and a wrong standing is worse than a slow one. Between two starts it lies in a checkpoint.
 */
import type { Address } from '../base/curve.ts'
import { asHoldfastError } from '../base/errors.ts'
import type { Log } from '../base/ports.ts'
import { decodeLog, decodeResult, encodeCall, REGISTRAR } from './abi.ts'
import { DEFAULT_POLICY_TERMS, type Policy } from './bindings/deployment-plan.ts'
import type { Block, Hex } from './chain-data.ts'
import { type Checkpoint, type CheckpointStore, decodeCheckpoint, encodeCheckpoint } from './registry-checkpoint.ts'
import {
  apply,
  LEVELS,
  type Level,
  type Member,
  NO_TERMS,
  STANDINGS,
  type Standing,
  termsAfter,
} from './registry-members.ts'
import type { Chain } from './rpc.ts'

export interface Registry {
  readonly address: Address
  /** What the pool asks of its members now. */
  policy(): Policy
  /** What it asked at the end of a block; undefined before the pool, and for blocks that were not read yet. */
  policyAt(block: number): Policy | undefined
  /** Within which a member that renews now has to renew again. Seconds. */
  period(): number
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

/** A checkpoint is written when so many events were read since the last one: a replay of fewer takes less than half a second. */
const CHECKPOINT_EVERY = 1_000

export interface RegistryOptions {
  /** Block of the registrar's deployment. */
  readonly from: number
  readonly log: Log
  /** Where the view is kept between two starts; left out: replayed from the chain at each. */
  readonly checkpoint?: CheckpointStore
  /** Events between two checkpoints; default 1,000. */
  readonly checkpointEvery?: number
}

/** Replays the registrar's events, from its checkpoint where that is one of this chain, and follows it. */
export async function openRegistry(chain: Chain, address: Address, options: RegistryOptions): Promise<Registry> {
  const { log, checkpoint, checkpointEvery = CHECKPOINT_EVERY } = options
  const whose = { chainId: chain.chainId, registrar: address, from: options.from }
  let members = new Map<Address, Member>()
  let terms = NO_TERMS
  let seen: Pick<Block, 'number' | 'hash'> = { number: options.from - 1, hash: '0x' }
  let reading: Promise<void> | undefined
  const listeners = new Set<() => void>()

  // Reorganisations seen, and how many of them a successful replay has taken in: a failed one is not forgotten.
  let reorgs = 1
  let replayed = 0

  // Events read since the last checkpoint.
  let unsaved = 0

  /** The checkpoint, when its block is still the chain's. What is not goes to the log, and everything is replayed. */
  async function load(): Promise<Checkpoint | undefined> {
    try {
      const bytes = await checkpoint?.read()
      if (bytes === undefined) return undefined
      const kept = decodeCheckpoint(whose, bytes)
      if (await isOurs(kept)) return kept
      log.info('registry checkpoint thrown away', { why: `block ${kept.at.number} is another one now` })
    } catch (cause) {
      if (asHoldfastError(cause).code.startsWith('CHAIN_')) throw cause
      log.warn('registry checkpoint thrown away', { why: (cause as Error).message })
    }
    return undefined
  }

  async function isOurs({ at }: Checkpoint): Promise<boolean> {
    return (await chain.block(at.number))?.hash === at.hash
  }

  /** A cache that cannot be written costs the time of a replay, and stops nobody. */
  async function save(): Promise<void> {
    if (checkpoint === undefined || unsaved < checkpointEvery) return
    unsaved = 0
    try {
      await checkpoint.write(encodeCheckpoint(whose, { at: seen, members, terms }))
    } catch (cause) {
      log.warn('registry checkpoint not written', { why: (cause as Error).message })
    }
  }

  async function read(head: Block): Promise<void> {
    const upTo = reorgs
    if (replayed === upTo && head.hash === seen.hash) return
    const again = replayed !== upTo || head.number <= seen.number
    const from = again ? options.from : seen.number + 1
    const view = again ? new Map<Address, Member>() : new Map(members)
    const logs = head.number < from ? [] : await chain.logs({ address, topics: [] }, from, head)
    let fresh = again ? NO_TERMS : terms
    for (const one of logs) {
      const event = decodeLog(REGISTRAR, one)
      if (event === undefined) continue
      apply(view, event, one.blockNumber)
      fresh = termsAfter(fresh, event, one.blockNumber)
    }
    members = view
    terms = fresh
    seen = head
    replayed = upTo
    unsaved = again ? logs.length : unsaved + logs.length
    await save()
    if (logs.length > 0 || again) for (const listener of listeners) listener()
  }
  /** One at a time; who asks while one runs gets the next one, which sees the newest block. */
  function refresh(newest: () => Promise<Block> | Block): Promise<void> {
    const next = async () => read(await newest())
    reading = (reading ?? Promise.resolve()).then(next, next) // the one before failed on its own account
    return reading
  }

  const kept = await load()
  if (kept !== undefined) {
    members = new Map(kept.members)
    terms = kept.terms
    seen = kept.at
    replayed = reorgs
  }
  await refresh(() => chain.head())
  if (kept !== undefined && !(await isOurs(kept))) {
    reorgs++ // it was taken back while we read what came after it
    await refresh(() => chain.head())
  }
  const unsubscribe = chain.onHead((_head, reorged) => {
    if (reorged) reorgs++
    refresh(() => chain.latest()).catch((cause: unknown) =>
      log.warn('registry not refreshed', { message: (cause as Error).message }),
    )
  })
  return {
    address,
    policy: () => terms.policies.at(-1)?.policy ?? DEFAULT_POLICY_TERMS.initial,
    policyAt: (block) =>
      block > seen.number ? undefined : terms.policies.findLast(({ since }) => since <= block)?.policy,
    period: () => terms.period,
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
/** All monitors of an agent at once, at most 8. */
export const encodeAssignMonitors = (id: Address, monitors: readonly Address[]): Hex =>
  encodeCall(REGISTRAR, 'assignMonitors', [id, monitors])
/** All indexes of an agent at once, at most 8. */
export const encodeAssignIndexes = (id: Address, indexes: readonly Address[]): Hex =>
  encodeCall(REGISTRAR, 'assignIndexes', [id, indexes])
export const encodeResign = (): Hex => encodeCall(REGISTRAR, 'resign', [])
/** @param invitation at most 256 bytes */
export const encodePresentInvitation = (invitation: Uint8Array): Hex =>
  encodeCall(REGISTRAR, 'presentInvitation', [invitation])
export const encodeSetPolicy = (policy: Policy): Hex => encodeCall(REGISTRAR, 'setPolicy', [policy])
export const encodeAbandon = (id: Address): Hex => encodeCall(REGISTRAR, 'abandon', [id])
export const encodeDrop = (id: Address): Hex => encodeCall(REGISTRAR, 'drop', [id])
/** @param chain permits as `permitArguments` of pool/permit.ts gives them, with their signatures @param call calldata of the registrar */
export const encodeUnderPermit = (chain: readonly object[], signatures: readonly string[], call: Hex): Hex =>
  encodeCall(REGISTRAR, 'underPermit', [chain, signatures, call])
/** @param id 32 bytes */
export const encodeRevokePermit = (id: Uint8Array): Hex => encodeCall(REGISTRAR, 'revokePermit', [id])
/** Whether this signer revoked its permits of this id (32 bytes). @throws RpcRefusal */
export async function readIsPermitRevoked(
  chain: Pick<Chain, 'call'>,
  registrar: Address,
  signer: Address,
  id: Uint8Array,
): Promise<boolean> {
  const data = await chain.call(registrar, encodeCall(REGISTRAR, 'isPermitRevoked', [signer, id]))
  return decodeResult(REGISTRAR, 'isPermitRevoked', data)[0] === true
}
/** Several calls in one transaction; all or none. */
export const encodeMulticall = (calls: readonly Hex[]): Hex => encodeCall(REGISTRAR, 'multicall', [calls])
/** @param evidence hash of what the change rests on, 32 bytes, not zero @param reason not 0 */
export const encodeSetStanding = (id: Address, standing: Standing, reason: number, evidence: Uint8Array): Hex =>
  encodeCall(REGISTRAR, 'setStanding', [id, STANDINGS.indexOf(standing), reason, evidence])
