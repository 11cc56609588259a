/** Who cheats with transactions, against the real contracts on a real chain: what each of them, and its victim, has afterwards. */
import { expect } from 'chai'
import { fromHex } from '../../base/bytes.ts'
import { ZERO_ADDRESS } from '../../base/curve.ts'
import { bountyIdOf } from '../../base/typed-data.ts'
import { DAY, gwei, HOUR, unixTime, wei } from '../../base/units.ts'
import { deployAll } from '../../chain/deployment.ts'
import { DEV_SECRETS } from '../../chain/devnet.ts'
import {
  decodeMarketLog,
  encodeApprove,
  encodeDeposit,
  encodePost,
  encodeRevoke,
  openMarket,
} from '../../chain/market.ts'
import { connectChain } from '../../chain/rpc.ts'
import { createSigner } from '../../chain/signer.ts'
import { HOLD, mineFor, termsOf } from '../chain/local-market.ts'
import { clock, silent, until } from '../chain/ports.ts'
import { type Call, MARKET, openStage, type SeenSweep, type Stage, type StagedBounty } from './contract-stage.ts'
import { frontRun } from './front-runner.ts'
import { swapPayee } from './payee-swapper.ts'
import { replay } from './replayer.ts'
import { show } from './show.ts'
import { snipe, TRICKS } from './sniping-uploader.ts'

const AMOUNT = gwei(1_000_000n)
/** Gas of some calls, as the cast's table counts it: spent. */
const spent = (calls: readonly { readonly gas: bigint }[]) => -Number(calls.reduce((sum, { gas }) => sum + gas, 0n))

describe('cast: cheats by transaction', function () {
  this.timeout(30_000)
  let stage: Stage
  before(async () => {
    stage = await openStage()
  })
  after(() => stage?.close())

  const sweepCall = (bounty: StagedBounty): Call => ({
    from: stage.steward,
    what: 'sweep',
    data: stage.sweepOf(bounty),
  })
  /** A sweep as it stood in the mempool. */
  function seenOf(bounty: StagedBounty): SeenSweep {
    const [payee, groups] = MARKET.decodeFunctionData('sweep', stage.sweepOf(bounty)) as unknown as [
      string,
      SeenSweep['groups'],
    ]
    return {
      payee: payee.toLowerCase() as SeenSweep['payee'],
      groups: groups.map(({ poster, deadline, open, claims }) => ({
        poster,
        deadline: unixTime(Number(deadline)),
        open,
        claims: claims.map(({ r, vs }) => ({ r, vs })),
      })),
    }
  }

  describe('SnipingUploader', () => {
    for (const trick of TRICKS)
      it(`sees the sweep and ${trick}: the steward is paid, the uploader pays the gas of a call for nothing`, async () => {
        const bounty = await stage.posted(AMOUNT)
        const { result, uploader, steward, stranger } = await stage.measured(() =>
          stage.ambush(sweepCall(bounty), (seen) => ({ before: snipe(stage, stage.uploader, bounty, seen, [trick]) })),
        )
        expect(steward.market).to.equal(AMOUNT)
        expect(uploader.market, 'its money was in the bounty').to.equal(0n)
        expect(stranger).to.deep.equal({ market: 0n, ether: 0n })
        expect(result.victim.ok).to.equal(true)
        const [attempt] = result.villain
        expect(uploader.ether).to.equal(-(attempt?.fee as bigint))
        expect(Number(attempt?.gas)).to.be.within(21_000, 60_000)
        // a revoke or release that is not allowed reverts; a claim that fits nothing is told as an event
        expect(attempt?.ok).to.equal(!/revokes|releases/.test(trick))
      })

    it('tries everything at once, before and after the sweep, and is no better off', async () => {
      const bounty = await stage.posted(AMOUNT)
      const { result, uploader, steward } = await stage.measured(() =>
        stage.ambush(sweepCall(bounty), (seen) => {
          const all = snipe(stage, stage.uploader, bounty, seen)
          return { before: all, after: all }
        }),
      )
      expect(steward.market).to.equal(AMOUNT)
      expect(uploader.market).to.equal(0n)
      expect(result.villain).to.have.length(2 * TRICKS.length)
      show('SnipingUploader', { gain: spent(result.villain), peer: 0, loss: Number(AMOUNT - steward.market) })
      expect(uploader.ether).to.equal(-result.villain.reduce((sum, { fee }) => sum + fee, 0n))
    })

    it('sends the steward\u2019s own sweep first: then it pays the gas, and the steward is paid all the same', async () => {
      const bounty = await stage.posted(AMOUNT)
      const { result, steward, uploader } = await stage.measured(() =>
        stage.ambush(sweepCall(bounty), (seen) => ({ before: [replay(stage.uploader, seen, 'the seen sweep')] })),
      )
      expect(steward.market).to.equal(AMOUNT)
      expect(uploader.market).to.equal(0n)
      expect(
        result.victim.gas < (result.villain[0]?.gas as bigint),
        'the late sweep finds nothing and is cheap',
      ).to.equal(true)
    })

    it('draws its whole balance first: what is in the bounty is not in the balance', async () => {
      const bounty = await stage.posted(AMOUNT)
      const balance = await stage.market.balanceOf(stage.uploader.account)
      const { steward, uploader } = await stage.measured(() =>
        stage.ambush(sweepCall(bounty), () => ({
          before: [
            {
              from: stage.uploader,
              what: 'withdraw',
              data: MARKET.encodeFunctionData('withdraw', [balance, stage.uploader.account]) as `0x${string}`,
            },
          ],
        })),
      )
      expect(steward.market).to.equal(AMOUNT)
      expect(uploader.market).to.equal(-balance / 10n ** 9n)
      await stage.perform([{ from: stage.uploader, what: 'deposit again', data: encodeDeposit(wei(100n * HOLD)) }])
    })

    it('revokes at the deadline and an hour later less a second: too early; the sweep of the last second counts', async () => {
      const bounty = await stage.posted(AMOUNT)
      const revoke: Call = { from: stage.uploader, what: 'revoke', data: encodeRevoke([bounty.id]) }
      const { result, steward } = await stage.measured(() =>
        stage.ambush(sweepCall(bounty), () => ({ before: [revoke], after: [revoke] }), bounty.deadline),
      )
      expect(result.villain.map(({ ok }) => ok)).to.deep.equal([false, false])
      expect(steward.market).to.equal(AMOUNT)

      const late = await stage.posted(AMOUNT)
      const [early] = await stage.perform(
        [{ ...revoke, data: encodeRevoke([late.id]) }],
        unixTime(late.deadline + HOUR - 1),
      )
      expect(early?.ok).to.equal(false)
      expect(await stage.isOpen(late)).to.equal(true)
    })

    it('gets back, an hour after the deadline, exactly what the steward left: whichever of the two comes first in the block', async () => {
      for (const isSweepFirst of [true, false]) {
        const bounty = await stage.posted(AMOUNT)
        const revoke: Call = { from: stage.uploader, what: 'revoke', data: encodeRevoke([bounty.id]) }
        const order = isSweepFirst ? [sweepCall(bounty), revoke] : [revoke, sweepCall(bounty)]
        const { steward, uploader } = await stage.measured(() => stage.perform(order, unixTime(bounty.deadline + HOUR)))
        expect(steward.market).to.equal(0n)
        expect(uploader.market).to.equal(AMOUNT)
        expect(await stage.isOpen(bounty)).to.equal(false)
      }
    })
  })

  describe('PayeeSwapper', () => {
    it('takes the claims out of the mempool and names itself: nothing but gas', async () => {
      const bounty = await stage.posted(AMOUNT)
      const { result, uploader, steward, stranger } = await stage.measured(() =>
        stage.ambush(sweepCall(bounty), (seen) => ({
          before: swapPayee(stage.stranger, seen),
          after: swapPayee(stage.stranger, seen),
        })),
      )
      expect(steward.market).to.equal(AMOUNT)
      expect(uploader).to.deep.equal({ market: 0n, ether: 0n })
      expect(stranger.market).to.equal(0n)
      expect(stranger.ether).to.equal(-result.villain.reduce((sum, { fee }) => sum + fee, 0n))
      expect(result.villain).to.have.length(6)
      show('PayeeSwapper', { gain: spent(result.villain), peer: 0, loss: Number(AMOUNT - steward.market) })
      expect(
        result.villain.every(({ ok }) => ok),
        'claims that fit nothing do not revert',
      ).to.equal(true)
    })
  })

  describe('FrontRunner', () => {
    it('posts the claim key first, thrice: the true post stands, and its gwei goes to the steward', async () => {
      const bounty = stage.draft(AMOUNT)
      const { result, uploader, steward, stranger } = await stage.measured(async () => {
        const block = await stage.perform([
          ...frontRun(stage.stranger, bounty),
          { from: stage.uploader, what: 'post', data: stage.postOf(bounty) },
        ])
        await stage.perform([sweepCall(bounty)])
        // the steward may as well take the gwei that the front-runner bound to it
        await stage.perform([{ ...sweepCall(bounty), data: stage.sweepOf(bounty, stage.stranger.account) }])
        return block
      })
      expect(result.every(({ ok }) => ok)).to.equal(true)
      expect(uploader.market).to.equal(-AMOUNT)
      expect(steward.market).to.equal(AMOUNT + 1n)
      expect(stranger.market, 'three times a gwei').to.equal(-3n)
      show('FrontRunner', { gain: spent(result.slice(0, 3)), peer: 0, loss: Number(AMOUNT - steward.market) })
      expect(stranger.ether).to.equal(-result.slice(0, 3).reduce((sum, { fee }) => sum + fee, 0n))
    })

    it('cannot catch the steward\u2019s signature with the bounties it posted for itself and for anyone', async () => {
      const bounty = stage.draft(AMOUNT)
      await stage.perform([
        ...frontRun(stage.stranger, bounty),
        { from: stage.uploader, what: 'post', data: stage.postOf(bounty) },
      ])
      const { steward, stranger } = await stage.measured(() =>
        stage.ambush(sweepCall(bounty), (seen) => ({ before: swapPayee(stage.stranger, seen) })),
      )
      expect(steward.market).to.equal(AMOUNT)
      expect(stranger.market).to.equal(0n)
      for (const owner of [stage.stranger.account, ZERO_ADDRESS])
        expect(await stage.isOpen({ id: bountyIdOf(stage.stranger.account, bounty.claimKey, owner) })).to.equal(true)
    })
  })

  describe('Replayer', () => {
    it('sends an old sweep again: nothing, also when the claim key was posted again under a new deadline', async () => {
      const bounty = await stage.posted(AMOUNT)
      await stage.perform([sweepCall(bounty)])
      const again = { ...bounty, deadline: unixTime(stage.chain.latest().timestamp + 4 * DAY) }
      const { result, uploader, steward, stranger } = await stage.measured(async () => {
        const first = await stage.perform([replay(stage.stranger, seenOf(bounty), 'the old sweep')])
        await stage.perform([{ from: stage.uploader, what: 'post again', data: stage.postOf(again) }])
        return [...first, ...(await stage.perform([replay(stage.stranger, seenOf(bounty), 'the old sweep')]))]
      })
      expect(await stage.isOpen(again)).to.equal(true)
      show('Replayer', { gain: spent(result), peer: 0, loss: Number(-AMOUNT - uploader.market) })
      expect(steward.market).to.equal(0n)
      expect(uploader.market).to.equal(-AMOUNT)
      expect(stranger.market).to.equal(0n)
      expect(stranger.ether < 0n).to.equal(true)
    })

    it('finds a key that was posted twice for the same deadline: the same steward is paid, nobody else can be', async () => {
      const bounty = await stage.posted(AMOUNT)
      const again: Call = { from: stage.uploader, what: 'post again', data: stage.postOf(bounty) }
      const [twice] = await stage.perform([again])
      expect(twice?.ok, 'while it is open').to.equal(false)
      await stage.perform([sweepCall(bounty)])
      const { uploader, steward, stranger } = await stage.measured(async () => {
        await stage.perform([again])
        await stage.perform([
          ...swapPayee(stage.stranger, seenOf(bounty)),
          replay(stage.stranger, seenOf(bounty), 'the old sweep'),
        ])
      })
      expect(steward.market).to.equal(AMOUNT)
      expect(uploader.market).to.equal(-AMOUNT)
      expect(stranger.market).to.equal(0n)
    })

    it('takes the sweep to another market on the same chain: nothing', async () => {
      const bounty = await stage.posted(AMOUNT)
      await stage.perform([sweepCall(bounty)])
      const { local, chain, uploader, steward, stranger } = stage
      const terms = termsOf(fromHex(DEV_SECRETS[1]))
      const { contracts } = await deployAll(chain, {
        secret: uploader.secret,
        terms,
        rpc: local.devnet.url,
        clock,
        log: silent,
      })
      const other = openMarket(chain, { market: contracts.market.address, token: contracts.token.address })
      await mineFor(local, contracts.mine.address, uploader.account)
      await local.send(uploader.secret, other.token, encodeApprove(other.market, wei(HOLD)))
      await local.send(uploader.secret, other.market, encodeDeposit(wei(HOLD)))
      const data = encodePost(bounty.steward, bounty.deadline, [bounty])
      const [post, swept] = await stage.perform([
        { from: uploader, what: 'the same claim key on the other market', to: other.market, data },
        replay(stranger, seenOf(bounty), 'the sweep of the first market', other.market),
      ])
      expect([post?.ok, swept?.ok]).to.deep.equal([true, true])
      expect(await other.balanceOf(steward.account)).to.equal(0n)
      expect(await other.bounty(bounty.id)).to.include({ amount: AMOUNT })
    })

    it('and all the others leave the books whole: tokens of the market = balances + open bounties', async () => {
      const { chain, market, uploader, steward, stranger } = stage
      const logs = await chain.logs({ address: market.market, topics: [] }, 0, await chain.head())
      const events = logs.flatMap((log) => decodeMarketLog(log, unixTime(0)) ?? [])
      const sumOf = (kind: 'posted' | 'swept' | 'revoked') =>
        events.reduce((sum, event) => (event.kind === kind ? sum + event.amount : sum), 0n)
      const balances = await Promise.all([uploader, steward, stranger].map(({ account }) => market.balanceOf(account)))
      const open = sumOf('posted') - sumOf('swept') - sumOf('revoked')
      expect(open > 0n).to.equal(true)
      const tokens = await market.tokenBalance(market.market)
      expect(tokens).to.equal(balances.reduce((sum, balance) => sum + balance, 0n) + open * 10n ** 9n)
    })

    // last: the chain is another one afterwards
    it('takes the sweep to a fork of the chain, same contract and same bounty, other chain id: nothing', async () => {
      const bounty = await stage.posted(AMOUNT)
      await stage.chain.request('anvil_setChainId', [31_338])
      const fork = await connectChain([stage.local.devnet.url], { log: silent, clock })
      try {
        expect(fork.chainId).to.equal(31_338)
        const market = openMarket(fork, stage.market)
        const before = await market.balanceOf(stage.steward.account)
        expect(await market.bounty(bounty.id)).to.include({ amount: AMOUNT })
        const { base, tip } = await fork.fees()
        const nonce = Number(await fork.request('eth_getTransactionCount', [stage.stranger.account, 'latest']))
        const { raw } = createSigner(stage.stranger.secret).sign({
          chainId: fork.chainId,
          nonce,
          to: market.market,
          data: stage.sweepOf(bounty),
          value: 0n,
          gas: 1_000_000n,
          maxFee: 2n * base + tip,
          tip,
        })
        const hash = await fork.broadcast(raw)
        await until(async () => (await fork.receipt(hash)) !== undefined, 'the sweep to be mined')
        expect(await fork.receipt(hash)).to.include({ ok: true })
        expect(await market.balanceOf(stage.steward.account), 'signed for chain 31337').to.equal(before)
        expect(await market.bounty(bounty.id)).to.include({ amount: AMOUNT })
      } finally {
        fork.close()
      }
    })
  })
})
