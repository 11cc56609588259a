/** Both sides of the right to store in one steward, over its own journal: it verifies others, and asks for itself. */
import { addressOf } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import type { Clock, Journal, Log, Rng } from '../base/ports.ts'
import type { Domain } from '../base/typed-data.ts'
import { RIGHT_PROTOCOL } from '../net/messages/right.ts'
import type { NetNode } from '../net/node.ts'
import type { RegistryView } from '../pool/registry-view.ts'
import type { RightPolicy } from '../pool/right-policy.ts'
import { RightRecords } from '../pool/right-records.ts'
import { createRightVerifier, type VerifierDeps } from '../pool/right-verifier.ts'
import type { Book } from './book.ts'
import type { StewardConfig } from './config.ts'
import type { Answer } from './ports.ts'
import { type Granted, openRights, type RightOrder, type Rights } from './right.ts'

/** What the right to store needs beside what a steward has anyway. */
export interface StewardRightDeps {
  readonly registry: RegistryView
  /** keccak256(chainId, registrar). */
  readonly pool: Uint8Array
  readonly policy: RightPolicy
  readonly chain: VerifierDeps['chain']
  readonly fetch: VerifierDeps['fetch']
}

/** What a steward has. */
interface StewardParts {
  readonly journal: Journal
  readonly secret: Uint8Array
  /** Of the market. */
  readonly domain: Domain
  readonly answer: Answer
  readonly clock: Clock
  readonly rng: Rng
  readonly log: Log
}

export interface RightService {
  readonly rights: Rights
  /** Verifies from now on, and can ask. */
  attach(node: Pick<NetNode, 'handle' | 'open'>): Promise<void>
  /** Forgets what is over. */
  start(): Promise<void>
  configure(config: StewardConfig): void
  /** @throws `RIGHT_UNPROVEN` when nobody grants, `PEER_BUSY` before it is attached */
  order(wanted: RightOrder, signal?: AbortSignal): Promise<readonly Granted[]>
  /** Bytes stored elsewhere by grants that live, and bytes that prove more. */
  used(): number
  provable(): number
  /** What uploaders deposited for checking others. */
  deposits(): number
}

/** Streams of one connection at the same time. */
const STREAMS = 2

/** Reads what is written down of it. @throws `LEDGER_CORRUPT` */
export async function openRightService(
  parts: StewardParts,
  right: StewardRightDeps,
  book: Book,
  first: StewardConfig,
): Promise<RightService> {
  const { journal, secret, domain, answer, clock, rng, log } = parts
  const now = () => right.chain.now()
  let config = first
  let node: Pick<NetNode, 'open'> | undefined
  const records = await RightRecords.open(journal)
  const shared = { ...right, book, journal, secret, answer, log, now }
  const rights = await openRights({ ...shared, steward: addressOf(secret), config: () => config })
  const verifier = createRightVerifier({ ...right, secret, domain, records, clock, rng, log })
  return {
    rights,
    attach: async (attached) => {
      node = attached
      await attached.handle(RIGHT_PROTOCOL, (wire, peer) => verifier.serve(wire, peer), { maxStreams: STREAMS })
    },
    start: () => records.sweep(now()),
    configure: (next) => {
      config = next
    },
    order: async (wanted, signal) => {
      if (node === undefined)
        throw new HoldfastError('PEER_BUSY', { what: 'the right to store is not served here yet' })
      return rights.order(node, wanted, signal)
    },
    used: () => rights.used(),
    provable: () => rights.provable(),
    deposits: () => records.depositCount(),
  }
}
