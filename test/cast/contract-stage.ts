/**
 * The stage for those who cheat with transactions: a real chain with the real contracts, a bounty over real bytes, a mempool that can be read
 * while nothing is mined, and a block whose order the villain decides, as whoever builds blocks could. Everyone's gain and loss is measured.
 */
import { Interface } from 'ethers'
import { fromHex, u32 } from '../../base/bytes.ts'
import { type Address, addressOf, signDigest } from '../../base/curve.ts'
import { sha256 } from '../../base/hash.ts'
import { bountyIdOf, sweepDigest } from '../../base/typed-data.ts'
import { DAY, type Gwei, gwei, type UnixTime, unixTime, wei } from '../../base/units.ts'
import { answerOf } from '../../blob/challenge.ts'
import { claimSecretOf, docketHashOf, encodeDocket } from '../../blob/docket.ts'
import { blobIdOf } from '../../blob/whiten.ts'
import { ABI } from '../../chain/bindings/market.ts'
import type { Receipt } from '../../chain/chain-data.ts'
import { DEV_SECRETS } from '../../chain/devnet.ts'
import { encodeApprove, encodeDeposit, encodePost, encodeSweep, encodeTransfer } from '../../chain/market.ts'
import type { Hex } from '../../chain/rpc.ts'
import { createSigner } from '../../chain/signer.ts'
import { HOLD, type LocalMarket, startLocalMarket } from '../chain/local-market.ts'
import { until } from '../chain/ports.ts'

/** Somebody with a key, ether for gas and a deposit. */
export interface Actor {
  readonly name: string
  readonly secret: Uint8Array
  readonly account: Address
}

/** A bounty over bytes that exist, so that its claim secret is the one they give. */
export interface StagedBounty {
  readonly id: Uint8Array
  readonly steward: Address
  readonly claimKey: Address
  /** Known to whoever holds the bytes: the steward, and the poster who made the answers. */
  readonly claimSecret: Uint8Array
  readonly amount: Gwei
  readonly deadline: UnixTime
  readonly docketHash: Uint8Array
  readonly note: Uint8Array
}

/** A transaction somebody wants to send. */
export interface Call {
  readonly from: Actor
  readonly what: string
  readonly to?: Address
  readonly data: Hex
}

/** A sweep that waits in the mempool, as everyone can read it. */
export interface SeenSweep {
  readonly payee: Address
  readonly groups: readonly SeenGroup[]
}

export interface SeenGroup {
  readonly poster: Address
  readonly deadline: UnixTime
  readonly open: boolean
  readonly claims: readonly { readonly r: string; readonly vs: string }[]
}

/** What a call came to. */
export interface Outcome extends Call {
  readonly ok: boolean
  readonly gas: bigint
  /** Wei of ether. */
  readonly fee: bigint
}

/** What an actor has. `market` in gwei of HOLD inside the market, `fees` in wei of ether spent so far. */
export type Purse = Readonly<Record<'market' | 'ether', bigint>>

export const MARKET = new Interface(ABI as never)

export type Stage = Awaited<ReturnType<typeof openStage>>

export async function openStage() {
  const local: LocalMarket = await startLocalMarket()
  const { chain, market, send } = local
  const actor = (name: string, secret: Uint8Array): Actor => ({ name, secret, account: addressOf(secret) })
  const uploader = actor('uploader', local.secret)
  const steward = actor('steward', fromHex(DEV_SECRETS[1]))
  const stranger = actor('stranger', fromHex(DEV_SECRETS[2]))
  for (const { account, secret } of [steward, stranger]) {
    await send(local.secret, market.token, encodeTransfer(account, wei(10n * HOLD)))
    await send(secret, market.token, encodeApprove(market.market, wei(10n * HOLD)))
    await send(secret, market.market, encodeDeposit(wei(10n * HOLD)))
  }
  let made = 0

  /** A bounty nobody has posted yet. */
  function draft(amount = gwei(1_000_000n), deadline = unixTime(chain.latest().timestamp + 3 * DAY)): StagedBounty {
    const blob = sha256(u32(++made))
    const challenge = { blobId: blobIdOf(blob), nonce: sha256(u32(1000 + made)) }
    const answered = [{ ...challenge, answer: answerOf(market.domain, challenge.blobId, blob, challenge.nonce) }]
    const claimSecret = claimSecretOf(market.domain, answered)
    const claimKey = addressOf(claimSecret)
    const note = encodeDocket([challenge])
    const id = bountyIdOf(uploader.account, claimKey, steward.account)
    return {
      id,
      steward: steward.account,
      claimKey,
      claimSecret,
      amount,
      deadline,
      docketHash: docketHashOf(note),
      note,
    }
  }

  const postOf = (bounty: StagedBounty, to: Address = bounty.steward, amount = bounty.amount): Hex =>
    encodePost(to, bounty.deadline, [{ ...bounty, amount }])

  /** The steward's own, honest sweep. */
  function sweepOf(bounty: StagedBounty, poster: Address = uploader.account): Hex {
    const signature = signDigest(
      bounty.claimSecret,
      sweepDigest(market.domain, { payee: steward.account, deadline: bounty.deadline }),
    )
    return encodeSweep(steward.account, [{ poster, deadline: bounty.deadline, open: false, claims: [signature] }])
  }

  async function posted(amount?: Gwei): Promise<StagedBounty> {
    const bounty = draft(amount)
    await perform([{ from: uploader, what: 'post', data: postOf(bounty) }])
    return bounty
  }

  async function sign(calls: readonly Call[]): Promise<readonly { raw: Hex; hash: Hex }[]> {
    const nonces = new Map<Address, number>()
    const { base, tip } = await chain.fees()
    const signed: { raw: Hex; hash: Hex }[] = []
    for (const { from, to, data } of calls) {
      const nonce =
        nonces.get(from.account) ?? Number(await chain.request('eth_getTransactionCount', [from.account, 'latest']))
      nonces.set(from.account, nonce + 1)
      const fields = { chainId: chain.chainId, nonce, to: to ?? market.market, data, value: 0n, gas: 1_000_000n }
      signed.push(createSigner(from.secret).sign({ ...fields, maxFee: 4n * base + tip, tip }))
    }
    return signed
  }

  async function outcomeOf(call: Call, hash: Hex): Promise<Outcome> {
    let receipt: Receipt | undefined
    await until(async () => {
      receipt = await chain.receipt(hash)
      return receipt !== undefined
    }, `a receipt of "${call.what}"`)
    const { ok, gasUsed, gasPrice } = receipt as Receipt
    return { ...call, ok, gas: gasUsed, fee: gasUsed * gasPrice }
  }

  /** One block with these transactions in this order, whoever sent first. A call that reverts is mined and costs its gas. */
  async function perform(calls: readonly Call[], at?: UnixTime): Promise<readonly Outcome[]> {
    await chain.request('evm_setAutomine', [false])
    try {
      const signed = await sign(calls)
      for (const { raw } of signed) await chain.broadcast(raw)
      if (at !== undefined) await chain.request('evm_setNextBlockTimestamp', [at])
      await chain.request('evm_mine', [])
      return await Promise.all(calls.map((call, i) => outcomeOf(call, (signed[i] as { hash: Hex }).hash)))
    } finally {
      await chain.request('evm_setAutomine', [true])
      await chain.head()
    }
  }

  /**
   * The victim sends; the villain reads the mempool and says what shall stand before and after; the block is built in that order.
   * @param at time of the block
   */
  async function ambush(
    victim: Call,
    villain: (seen: SeenSweep) => { readonly before: readonly Call[]; readonly after?: readonly Call[] },
    at?: UnixTime,
  ): Promise<{ readonly victim: Outcome; readonly villain: readonly Outcome[] }> {
    await chain.request('evm_setAutomine', [false])
    const [waiting] = await sign([victim])
    await chain.broadcast((waiting as { raw: Hex }).raw)
    const seen = await readMempool()
    // nothing of it was mined: whoever builds the block decides what comes first
    await chain.request('anvil_dropTransaction', [(waiting as { hash: Hex }).hash])
    const { before, after = [] } = villain(seen)
    const outcomes = await perform([...before, victim, ...after], at)
    return {
      victim: outcomes[before.length] as Outcome,
      villain: outcomes.filter((_, i) => i !== before.length),
    }
  }

  async function readMempool(): Promise<SeenSweep> {
    const pool = (await chain.request('txpool_content', [])) as {
      pending: Record<string, Record<string, { input: string }>>
    }
    for (const byNonce of Object.values(pool.pending)) {
      for (const { input } of Object.values(byNonce)) {
        const call = MARKET.parseTransaction({ data: input })
        if (call?.name !== 'sweep') continue
        const groups = call.args[1] as {
          poster: string
          deadline: bigint
          open: boolean
          claims: { r: string; vs: string }[]
        }[]
        return {
          payee: String(call.args[0]).toLowerCase() as Address,
          groups: groups.map(({ poster, deadline, open, claims }) => ({
            poster: poster.toLowerCase() as Address,
            deadline: unixTime(Number(deadline)),
            open,
            claims: claims.map(({ r, vs }) => ({ r, vs })),
          })),
        }
      }
    }
    throw new Error('no sweep in the mempool')
  }

  async function purse({ account }: Actor): Promise<Purse> {
    return { market: (await market.balanceOf(account)) / 10n ** 9n, ether: await chain.balance(account) }
  }

  /** What everyone won or lost while `run` ran: gwei of HOLD inside the market, wei of ether. */
  async function measured<Result>(run: () => Promise<Result>) {
    const all = [uploader, steward, stranger] as const
    const before = await Promise.all(all.map(purse))
    const result = await run()
    const now = await Promise.all(all.map(purse))
    const change = (i: number): Purse => ({
      market: (now[i] as Purse).market - (before[i] as Purse).market,
      ether: (now[i] as Purse).ether - (before[i] as Purse).ether,
    })
    return { result, uploader: change(0), steward: change(1), stranger: change(2) }
  }

  return {
    local,
    chain,
    market,
    uploader,
    steward,
    stranger,
    draft,
    posted,
    postOf,
    sweepOf,
    perform,
    ambush,
    measured,
    isOpen: async ({ id }: Pick<StagedBounty, 'id'>) => (await market.bounty(id)) !== undefined,
    close: () => local.close(),
  }
}

/** The calldata of a sweep with claims as they were seen. */
export function sweepAgain(payee: Address, groups: readonly SeenGroup[]): Hex {
  return MARKET.encodeFunctionData('sweep', [payee, groups]) as Hex
}
