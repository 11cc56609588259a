/**
 * Lending: so that a steward can prove what it holds for us when it wants to store something itself (P9), whoever verifies it gets the read
 * tokens of our placements with it. Bytes are ciphertext; a token opens one blob for reading and says nothing else. Done after a put, in the
 * background, and again until every verifier has it; nothing of ours depends on it.
 */
import { type Address, signDigest } from '../base/curve.ts'
import { asHoldfastError } from '../base/errors.ts'
import type { Clock, Journal, Log } from '../base/ports.ts'
import { only } from '../net/messages/fields.ts'
import {
  type DepositEntry,
  decodeRight,
  depositDigest,
  encodeRight,
  MAX_DEPOSIT,
  MAX_RIGHT_BYTES,
  RIGHT_PROTOCOL,
} from '../net/messages/right.ts'
import type { NetNode } from '../net/node.ts'
import { talk } from '../net/talk.ts'
import { addressesOf, type RegistryView } from '../pool/registry-view.ts'
import { verifiersOf } from '../pool/right-verifier.ts'
import type { Ledger } from './ledger.ts'
import type { ReceiptRecord } from './records.ts'

export interface LendingDeps {
  readonly ledger: Ledger
  readonly journal: Journal
  readonly registry: RegistryView
  readonly net: Pick<NetNode, 'open'>
  readonly chainSecret: Uint8Array
  /** The read token of a receipt's blob. @throws when its object is not known */
  tokenOf(receipt: ReceiptRecord): Uint8Array
  readonly clock: Clock
  readonly log: Log
}

const lentKey = (ref: string) => `lent/${ref}`
/** Between two rounds over the puts that are not lent everywhere. Milliseconds. */
const AGAIN_MS = 600_000
/** For one verifier. Milliseconds. */
const DEPOSIT_MS = 30_000
/** Rounds after which a verifier that never answered is given up for a put. */
const MAX_ROUNDS = 100

export class Lending {
  private readonly deps: LendingDeps
  private readonly stopping = new AbortController()
  /** Verifiers that have all of a put; how often it was tried. */
  private readonly open = new Map<string, { readonly done: Set<Address>; rounds: number }>()
  private wake: (() => void) | undefined
  private running: Promise<void> | undefined

  constructor(deps: LendingDeps) {
    this.deps = deps
  }

  /** Takes up what was not finished. */
  start(): void {
    this.running ??= this.run()
  }

  async stop(): Promise<void> {
    this.stopping.abort()
    this.wake?.()
    await this.running
  }

  /** An object is complete. */
  consider(ref: string): void {
    if (this.running === undefined) return
    this.open.set(ref, { done: new Set(), rounds: 0 })
    this.wake?.()
  }

  private async run(): Promise<void> {
    const { ledger, journal, clock, log } = this.deps
    const { signal } = this.stopping
    for (const { stage, ref } of ledger.puts.values())
      if (stage === 'finished' && (await journal.get(lentKey(ref))) === undefined)
        this.open.set(ref, { done: new Set(), rounds: 0 })
    while (!signal.aborted) {
      for (const [ref, state] of [...this.open]) {
        if (signal.aborted) break
        try {
          if (!(await this.lend(ref, state.done)) && ++state.rounds < MAX_ROUNDS) continue
          await journal.commit([{ key: lentKey(ref), value: Uint8Array.of(1) }])
          if (this.open.get(ref) === state) this.open.delete(ref)
        } catch (cause) {
          log.warn('lending.failed', {
            ref,
            code: asHoldfastError(cause).code,
            message: asHoldfastError(cause).message,
          })
        }
      }
      const woken = new Promise<void>((resolve) => {
        this.wake = resolve
      })
      await Promise.race([woken, clock.sleep(AGAIN_MS, signal).catch(() => undefined)]) // aborted: the loop's condition ends it
    }
  }

  /** True when every verifier has what it needs of this put. */
  private async lend(ref: string, done: Set<Address>): Promise<boolean> {
    const byVerifier = await this.entriesOf(ref)
    let isDone = true
    for (const [verifier, entries] of byVerifier) {
      if (done.has(verifier) || this.stopping.signal.aborted) continue
      try {
        for (let at = 0; at < entries.length; at += MAX_DEPOSIT)
          await this.deposit(verifier, entries.slice(at, at + MAX_DEPOSIT))
        done.add(verifier)
      } catch (cause) {
        isDone = false
        this.deps.log.debug('lending.later', { verifier, code: asHoldfastError(cause).code })
      }
    }
    return isDone && !this.stopping.signal.aborted
  }

  /** What each verifier is to have: of every paid placement of the put, whoever verifies its steward. */
  private async entriesOf(ref: string): Promise<ReadonlyMap<Address, readonly DepositEntry[]>> {
    const { ledger, registry, tokenOf } = this.deps
    const verifiers = new Map<Address, readonly Address[]>()
    const entries = new Map<Address, DepositEntry[]>()
    for (const { id, steward, price, state } of [...ledger.placementsOf(ref)]) {
      const receipt = price === 0n || state === 'ended' ? undefined : await ledger.receipt(id)
      if (receipt === undefined) continue
      const { placement, signature, countersignature } = receipt
      const entry = { placement, signature, countersignature, tickets: [], token: tokenOf(receipt) }
      const those = verifiers.get(steward) ?? verifiersOf(registry, steward)
      verifiers.set(steward, those)
      for (const verifier of those) {
        const list = entries.get(verifier) ?? []
        list.push(entry)
        entries.set(verifier, list)
      }
    }
    return entries
  }

  private async deposit(verifier: Address, entries: readonly DepositEntry[]): Promise<void> {
    const { registry, net, chainSecret } = this.deps
    const member = registry.member(verifier)
    if (member === undefined) return
    const signal = AbortSignal.any([this.stopping.signal, AbortSignal.timeout(DEPOSIT_MS)])
    const target = { id: verifier, addresses: addressesOf(member) }
    await talk(net, target, RIGHT_PROTOCOL, signal, async (wire) => {
      const signature = signDigest(chainSecret, depositDigest(verifier, entries))
      await wire.send(encodeRight({ kind: 'deposit', verifier, entries, signature }))
      only(decodeRight(await wire.receive(MAX_RIGHT_BYTES)), 'taken')
    })
  }
}
