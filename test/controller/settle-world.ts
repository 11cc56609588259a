/**
 * A controller that settles off chain, on an in-memory market, with stewards that follow the product's own rules for promises
 * (steward/promise.ts) and a line between them that fails when it is told to. Whatever is kept outlives a restart of the controller.
 */
import { concat, toHex } from '../../base/bytes.ts'
import { type Address, addressOf, recoverSigner, signDigest } from '../../base/curve.ts'
import { HoldfastError } from '../../base/errors.ts'
import { sha256 } from '../../base/hash.ts'
import { docketDigest, sweepDigest, voucherDigest } from '../../base/typed-data.ts'
import { DAY } from '../../base/units.ts'
import { answerRows, nonceOf } from '../../blob/challenge.ts'
import { claimSecretOf, decodeDocket } from '../../blob/docket.ts'
import { createAdverts } from '../../controller/adverts.ts'
import type { Bounties } from '../../controller/bounties.ts'
import { Controller } from '../../controller/controller.ts'
import type { Effect } from '../../controller/facts.ts'
import type { Jobs } from '../../controller/jobs.ts'
import { Ledger } from '../../controller/ledger.ts'
import { openPlacement } from '../../controller/placement-state.ts'
import { POLICY, type Policy } from '../../controller/policy.ts'
import type { RunStep, SignedVoucher, StewardCalls } from '../../controller/ports.ts'
import { handPromise, offerRound } from '../../controller/settle-off-chain.ts'
import {
  assertCovered,
  assertMayAsk,
  noPromise,
  openOf,
  type PromiseRecord,
  roundPaidBy,
  withRedeemed,
  withVoucher,
} from '../../steward/promise.ts'
import { aBookedBlob } from './booked-blob.ts'
import { advance, MemoryJournal, MemoryMarket, realClock, silent } from './memory-market.ts'

export const domain = { chainId: 31337, contract: `0x${'11'.repeat(20)}` as Address }
const secret = new Uint8Array(32).fill(7)
export const account = addressOf(secret)
const nonceKey = new Uint8Array(32).fill(4)
export const START = 1_800_000_000

/** What becomes of the next conversation. `lost-answer`: it proved, and we did not hear; `lost-voucher`, `lost-taken`: the next two lines. */
export type Line = 'ok' | 'unreachable' | 'refused' | 'lost-answer' | 'lost-voucher' | 'lost-taken'

const blobOf = (share: number) => new Uint8Array(1000).fill(share)
const stewardOf = (share: number) => addressOf(new Uint8Array(32).fill(share + 10))
const gone = () => new HoldfastError('NET_CLOSED', { what: 'the steward' })

export class SettleWorld {
  readonly market = new MemoryMarket(account, START, 10n ** 21n)
  readonly journal = new MemoryJournal()
  readonly outbox = this.market.outbox(this.journal)
  readonly promises = new Map<Address, PromiseRecord>()
  /** Hashes of dockets that were paid by voucher, with the sum; and every voucher that was ever sent. */
  readonly vouched = new Map<string, bigint>()
  readonly sent = new Map<string, bigint>()
  /** Next conversations; when it is empty all goes well. */
  lines: Line[] = []
  controller!: Controller
  ledger!: Ledger
  private running = 0
  private readonly policy: Policy

  constructor(policy: Partial<Policy>) {
    this.policy = { ...POLICY, settle: 'vouchers', ...policy }
  }

  /** Opens the controller anew over what is on disk: as after a kill. */
  async open(): Promise<void> {
    if (this.controller) await this.controller.stop()
    this.ledger = await Ledger.open(this.journal)
    this.controller = new Controller({
      ledger: this.ledger,
      chain: this.market.chain(),
      outbox: this.outbox,
      domain,
      account,
      nonceKey,
      policy: this.policy,
      clock: realClock,
      log: silent,
      jobs: this.jobs(),
      adverts: createAdverts(realClock, async () => true),
    })
    await this.controller.start()
  }

  async place(shares: number): Promise<void> {
    await this.controller.step((step) => {
      for (let share = 0; share < shares; share++) {
        const { id, placement, answers } = aBookedBlob({
          ...{ domain, nonceKey, uploader: account, start: START },
          steward: stewardOf(share),
          blob: blobOf(share),
        })
        const rows = answers.length
        step.add(openPlacement({ id, ref: '00'.repeat(32), kind: 'share', segment: 0, share, placement, rows }), {
          kind: 'booked',
          at: START,
        })
        step.batch.answers(id, concat(...answers))
      }
    })
  }

  /** What `devnet advance` does. */
  async advance(days: number): Promise<void> {
    await advance(this.market, this.controller, days * DAY, 21)
  }

  /** Every steward redeems what it has. */
  redeemAll(): void {
    for (const [steward, promise] of this.promises) {
      const paid = openOf(promise)
      if (paid === 0n) continue
      const redeemed = promise.redeemed + paid
      this.market.balance -= paid * 10n ** 9n
      const place = { block: this.market.blocks.length, blockTime: this.market.time }
      this.market.mine([{ kind: 'redeemed', from: account, to: steward, paid, redeemed, ...place }])
      this.promises.set(steward, withRedeemed(promise, { paid, redeemed }, 1, this.market.time))
    }
  }

  private jobs(): Jobs {
    let bound: { step: RunStep; bounties: Bounties } | undefined
    const failed = new Set<string>()
    const tell = (id: string, run: () => Promise<unknown>) => {
      this.running++
      void run()
        .catch(() => failed.add(id))
        .finally(() => this.running--)
    }
    const deps = () => {
      if (!bound) throw new Error('not bound')
      const signal = new AbortController().signal
      return {
        ...{ ledger: this.ledger, domain, account, chainSecret: secret, policy: this.policy, log: silent, signal },
        ...{ ...bound, calls: this.calls() },
      }
    }
    // what failed waits for a later hour, as the pause of real time makes it wait
    const once = (id: string, run: () => Promise<unknown>) => {
      if (!failed.delete(id)) tell(id, run)
    }
    return {
      bind: (step: RunStep, bounties: Bounties) => {
        bound = { step, bounties }
      },
      running: () => this.running,
      stop: async () => {
        while (this.running > 0) await new Promise((resolve) => setImmediate(resolve))
      },
      hand() {},
      lookForNotice() {},
      ask() {},
      bisect() {},
      offer: (bounty: Parameters<typeof offerRound>[1]) => once(bounty.id, () => offerRound(deps(), bounty)),
      handVoucher: (promise: Parameters<typeof handPromise>[1]) => once(promise.to, () => handPromise(deps(), promise)),
      askTerms: (effect: Extract<Effect, { kind: 'ask-terms' }>) =>
        tell(effect.id, () =>
          this.controller.step((step) => {
            for (const { id, steward, price } of [...step.placements()])
              if (steward === effect.steward) step.tell(id, { kind: 'contract', fact: { kind: 'quoted', price } })
          }),
        ),
      renew: (effect: Extract<Effect, { kind: 'renew' }>) =>
        tell(effect.id, () =>
          this.controller.step((step) =>
            step.tell(effect.placement, { kind: 'renewed', version: effect.version, end: effect.end }),
          ),
        ),
      topUp: (effect: Extract<Effect, { kind: 'top-up' }>) =>
        tell(effect.id, () =>
          this.controller.step((step) => {
            const placement = step.placement(effect.placement)
            if (!placement) return
            const blob = blobOf(placement.share)
            const rows = effect.from + effect.count
            const nonces = Array.from({ length: rows }, (_, row) => nonceOf(nonceKey, sha256(blob), row))
            step.batch.answers(placement.id, concat(...answerRows(domain, sha256(blob), blob, nonces)))
            step.tell(placement.id, { kind: 'read-verified', at: step.now, rows })
          }),
        ),
    } as unknown as Jobs
  }

  private calls(): Pick<StewardCalls, 'offer' | 'handVoucher'> {
    return {
      offer: async (steward, { bytes, signature, ...offer }, accept) => {
        const line = this.lines.shift() ?? 'ok'
        if (line === 'unreachable') throw new HoldfastError('NET_UNREACHABLE', { what: 'the steward' })
        if (line === 'refused') throw new HoldfastError('VOUCHER_UNCOVERED', {})
        if (recoverSigner(docketDigest(domain, { steward, ...offer }), signature) !== account) throw new Error('signer')
        const promise = this.promises.get(steward) ?? noPromise(account)
        const docketHash = toHex(offer.docketHash)
        assertMayAsk(promise, { ...offer, docketHash }, this.market.time)
        assertCovered(promise, promise.cumulative + offer.amount, this.market.balance / 10n ** 9n)
        const answered = decodeDocket(bytes).map((challenge) => {
          const blob = blobOf(
            [...Array(20).keys()].find((n) => toHex(sha256(blobOf(n))) === toHex(challenge.blobId)) ?? 99,
          )
          const [answer] = answerRows(domain, challenge.blobId, blob, [challenge.nonce])
          return { ...challenge, answer: answer as Uint8Array }
        })
        const digest = sweepDigest(domain, { payee: steward, deadline: offer.deadline })
        const proof = signDigest(claimSecretOf(domain, answered), digest)
        const round = { ...offer, docketHash, placements: [], asked: this.market.time, signature: proof }
        this.promises.set(steward, { ...promise, round })
        if (line === 'lost-answer') throw gone()
        const { cumulative, signature: signed } = promise
        const known = cumulative > 0n ? { cumulative, signature: signed } : undefined
        await this.take(steward, await accept({ signature: proof, known }), line)
      },
      handVoucher: async (steward, voucher) => {
        const line = this.lines.shift() ?? 'ok'
        if (line === 'unreachable' || line === 'refused' || line === 'lost-answer') throw gone()
        await this.take(steward, voucher, line)
      },
    }
  }

  private async take(steward: Address, voucher: SignedVoucher, line: Line): Promise<void> {
    const round = toHex(voucher.round)
    const key = `${steward}/${round}`
    const before = this.sent.get(key)
    if (before !== undefined && before !== voucher.cumulative) throw new Error('two vouchers for one round')
    this.sent.set(key, voucher.cumulative)
    if (line === 'lost-voucher') throw gone()
    const digest = voucherDigest(domain, { from: account, to: steward, cumulative: voucher.cumulative })
    if (recoverSigner(digest, voucher.signature) !== account) throw new Error('signer')
    const promise = this.promises.get(steward) ?? noPromise(account)
    const paid = roundPaidBy(promise, { round, cumulative: voucher.cumulative })
    if (paid !== undefined) {
      this.promises.set(steward, withVoucher(promise, { ...voucher, round }, this.market.time))
      this.vouched.set(round, paid.amount)
    }
    if (line === 'lost-taken') throw gone()
  }

  /** Bounty ids that were swept, by docket. */
  postedHashes(): string[] {
    return [...this.ledger.bounties.values()]
      .filter(({ id }) => this.market.posts.some((post) => post.id === id))
      .map(({ docketHash }) => docketHash)
  }

  rounds(): readonly string[] {
    return [...this.sent.keys()].map((key) => key.split('/')[1] as string)
  }
}
