/** A chain with one market, one uploader and obedient stewards, all in memory: for driving the controller's loop through a year in seconds. */
import { fromHex, toHex } from '../../base/bytes.ts'
import { type Address, recoverSigner } from '../../base/curve.ts'
import type { Change, Clock, Journal, Log, TickAnswer } from '../../base/ports.ts'
import { bountyIdOf, type Domain, releaseDigest } from '../../base/typed-data.ts'
import { type UnixTime, unixTime } from '../../base/units.ts'
import type { PostCall } from '../../controller/bounty-intents.ts'
import type { ControllerChain, ControllerOutbox, FeedUpdate, MarketFact } from '../../controller/controller-ports.ts'

export class MemoryJournal implements Journal {
  readonly map = new Map<string, Uint8Array>()
  commits = 0

  async get(key: string): Promise<Uint8Array | undefined> {
    return this.map.get(key)
  }

  async *list(prefix: string): AsyncIterable<readonly [string, Uint8Array]> {
    for (const key of [...this.map.keys()].sort())
      if (key.startsWith(prefix)) yield [key, this.map.get(key) as Uint8Array]
  }

  async commit(changes: readonly Change[]): Promise<void> {
    this.commits++
    for (const { key, value } of changes)
      if (value) this.map.set(key, value)
      else this.map.delete(key)
  }
}

export const realClock: Clock = {
  now: () => unixTime(Math.floor(Date.now() / 1000)),
  monotonic: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(resolve, ms)
      signal?.addEventListener('abort', () => {
        clearTimeout(timer)
        reject(signal.reason)
      })
    }),
}

export const silent: Log = { debug() {}, info() {}, warn() {}, error() {} }

interface Open {
  readonly amount: bigint
  readonly deadline: number
  readonly steward: Address
}

/** The chain: a list of blocks with facts. Time moves only when told. */
export class MemoryMarket {
  readonly blocks: { time: number; facts: MarketFact[] }[] = []
  readonly open = new Map<string, Open>()
  readonly posts: {
    readonly id: string
    readonly steward: Address
    readonly amount: bigint
    readonly time: number
    readonly deadline: number
  }[] = []
  readonly swept: string[] = []
  readonly revoked: string[] = []
  balance: bigint
  time: number
  /** Stewards that do not sweep. */
  readonly silentStewards = new Set<Address>()
  /** Of the market, for releases. */
  domain: Domain | undefined
  private readonly account: Address
  private wake: (() => void)[] = []

  constructor(account: Address, start: number, balance: bigint) {
    this.account = account
    this.time = start
    this.balance = balance
    this.mine([])
  }

  mine(facts: MarketFact[]): void {
    this.blocks.push({ time: this.time, facts })
    const woken = this.wake
    this.wake = []
    for (const resolve of woken) resolve()
  }

  post(call: PostCall): void {
    const id = toHex(bountyIdOf(this.account, call.claimKey, call.steward))
    if (this.open.has(id)) throw new Error('already open')
    if (this.balance < call.amount * 10n ** 9n) throw new Error('balance')
    this.balance -= call.amount * 10n ** 9n
    this.open.set(id, call)
    this.posts.push({ id, steward: call.steward, amount: call.amount, time: this.time, deadline: call.deadline })
    const place = () => ({ id, block: this.blocks.length, blockTime: this.time })
    this.mine([{ kind: 'posted', ...place(), post: call }])
    if (this.silentStewards.has(call.steward)) return
    this.open.delete(id)
    this.swept.push(id)
    this.mine([{ kind: 'swept', ...place() }])
  }

  revoke(bountyId: Uint8Array): void {
    const id = toHex(bountyId)
    const bounty = this.open.get(id)
    if (!bounty || this.time < bounty.deadline + 3600) throw new Error('not open, or too early')
    this.giveBack(id, bounty)
  }

  /** As the contract: the signer of `Release(id, deadline)` must be the steward that gives the id. */
  private revokeReleased({ claimKey, steward, signature }: { claimKey: Address; steward: Address; signature: string }) {
    const bountyId = bountyIdOf(this.account, claimKey, steward)
    const id = toHex(bountyId)
    const bounty = this.open.get(id)
    const domain = this.domain
    if (!bounty || !domain) throw new Error('not open')
    const digest = releaseDigest(domain, { bountyId, deadline: bounty.deadline })
    if (recoverSigner(digest, fromHex(signature)) !== steward) throw new Error('not released')
    this.giveBack(id, bounty)
  }

  private giveBack(id: string, bounty: Open): void {
    this.open.delete(id)
    this.balance += bounty.amount * 10n ** 9n
    this.revoked.push(id)
    this.mine([{ kind: 'revoked', id, block: this.blocks.length, blockTime: this.time }])
  }

  chain(): ControllerChain {
    const market = this
    return {
      async *follow(cursor, signal) {
        let next = cursor ? Number(new TextDecoder().decode(cursor)) : 0
        signal.addEventListener('abort', () => market.mine([]))
        while (!signal.aborted) {
          if (next >= market.blocks.length) {
            await new Promise<void>((resolve) => market.wake.push(resolve))
            continue
          }
          const upTo = market.blocks.length
          const applied = market.blocks.slice(next, upTo).flatMap(({ facts }) => facts)
          next = upTo
          const head = {
            number: upTo - 1,
            timestamp: (market.blocks[upTo - 1] as { time: number }).time,
            hash: '0x00' as const,
          }
          const update: FeedUpdate = {
            reverted: [],
            applied,
            head,
            finalHead: upTo - 1,
            cursor: new TextEncoder().encode(String(next)),
          }
          yield update
        }
      },
      poke() {},
      now: () => unixTime(market.time),
      balance: async () => market.balance,
      isFresh: () => true,
    }
  }

  /** Performs committed intents at once, in order; each id once. */
  outbox(journal: MemoryJournal): ControllerOutbox & { readonly done: Set<string> } {
    const done = new Set<string>()
    let refused: ((id: string, reason: Error) => Promise<void>) | undefined
    const put = (id: string, value: object): Change[] => [
      {
        key: `outbox/${id}`,
        value: new TextEncoder().encode(
          JSON.stringify(value, (_, item) =>
            typeof item === 'bigint' ? `${item}n` : item instanceof Uint8Array ? toHex(item) : item,
          ),
        ),
      },
    ]
    let busy = 0
    return {
      done,
      intents: {
        post: (id, call) => put(id, { call }),
        revoke: (id, bountyId) => put(id, { bountyId }),
        revokeReleased: (id, released) => put(id, { released }),
        advert: (id) => put(id, {}),
      },
      kick: () => {
        for (const [key, value] of [...journal.map]) {
          if (!key.startsWith('outbox/') || done.has(key)) continue
          done.add(key)
          busy++
          queueMicrotask(() => {
            const id = key.slice('outbox/'.length)
            const intent = JSON.parse(new TextDecoder().decode(value)) as {
              call?: Record<string, string>
              bountyId?: string
              released?: { claimKey: Address; steward: Address; signature: string }
            }
            try {
              if (intent.call) {
                const { steward, claimKey, amount, docketHash, note, deadline, notAfter } = intent.call
                this.post({
                  steward: steward as Address,
                  claimKey: claimKey as Address,
                  deadline: Number(deadline),
                  amount: BigInt((amount as string).slice(0, -1)),
                  docketHash: fromHex(docketHash as string),
                  note: fromHex(note as string),
                  notAfter: Number(notAfter),
                })
              } else if (intent.released) this.revokeReleased(intent.released)
              else if (intent.bountyId) this.revoke(fromHex(intent.bountyId))
            } catch (cause) {
              void refused?.(id, cause as Error)
            }
            busy--
          })
        }
      },
      unfinished: () => busy,
      onRefused: (listener) => {
        refused = listener
      },
      async cancel() {},
    }
  }

  now(): UnixTime {
    return unixTime(this.time)
  }
}

/**
 * What `devnet advance` does: time moves from one due moment to the next, and jobs and intents run to their end in between.
 * @param tries ticks in which the controller may still be busy
 */
export async function advance(
  market: MemoryMarket,
  controller: { tick(block: number): Promise<TickAnswer> },
  seconds: number,
  tries = 1,
): Promise<void> {
  const target = market.time + seconds
  for (let hop = 0; hop < 5000; hop++) {
    const block = market.blocks.length - 1
    let answer = await controller.tick(block)
    for (let tried = 1; !answer.idle && tried < tries; tried++) answer = await controller.tick(block)
    const { idle, busy, nextDue } = answer
    if (!idle) throw new Error(`not idle: ${busy}`)
    if (market.blocks.length - 1 !== block) continue
    if (market.time >= target) return
    market.time = Math.min(target, nextDue ?? target)
    market.mine([])
  }
  throw new Error('too many hops')
}
