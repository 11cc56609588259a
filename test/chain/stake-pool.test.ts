import { expect } from 'chai'
import { fromHex } from '../../base/bytes.ts'
import { type Address, addressOf, publicKeyOf, signDigest } from '../../base/curve.ts'
import { type Placement, placementDigest } from '../../base/typed-data.ts'
import { DAY, gwei, WEI_PER_GWEI, wei } from '../../base/units.ts'
import { encodeCall, REGISTRAR } from '../../chain/abi.ts'
import { DEV_SECRETS } from '../../chain/devnet.ts'
import { encodeAdvertise, encodeApprove, encodeTransfer } from '../../chain/market.ts'
import { encodeRegister } from '../../chain/registry.ts'
import {
  decodeStakeLog,
  encodeBond,
  encodeClaim,
  encodeExecute,
  encodePropose,
  encodeStake,
  encodeStakeMulticall,
  encodeUnbond,
  encodeUnstake,
  encodeVeto,
  encodeWithdrawStake,
  openStakePool,
  type StakePool,
  unbondingTopics,
} from '../../chain/stake-pool.ts'
import { HOLD, type LocalMarket, startLocalMarket } from './local-market.ts'

/** Secrets of the dev chain: the uploader deployed all; the master was given to the registrar. */
const [UPLOADER, MASTER, STEWARD] = DEV_SECRETS.map((secret) => fromHex(secret)) as [Uint8Array, Uint8Array, Uint8Array]
const [MANAGER, OTHER_MANAGER] = [new Uint8Array(32).fill(31), new Uint8Array(32).fill(32)]

describe('chain/stake-pool', () => {
  let local: LocalMarket
  let pool: StakePool
  const steward = addressOf(STEWARD)
  const manager = addressOf(MANAGER)
  const warp = async (time: number) => {
    await local.chain.request('evm_setNextBlockTimestamp', [time])
    await local.chain.request('evm_mine', [])
  }
  const kinds = async (topics: Parameters<LocalMarket['chain']['logs']>[0]['topics'] = []) =>
    (await local.chain.logs({ address: pool.address, topics }, 0, await local.chain.head())).flatMap(
      (log) => decodeStakeLog(log) ?? [],
    )

  before(async () => {
    local = await startLocalMarket()
    const { registrar, stakePool } = local.deployment.contracts
    pool = openStakePool(local.chain, stakePool.address)
    for (const secret of [MANAGER, OTHER_MANAGER]) await local.send(UPLOADER, addressOf(secret), '0x', 10n ** 18n)
    for (const secret of [STEWARD, MANAGER, OTHER_MANAGER])
      await local.send(secret, registrar.address, encodeRegister(publicKeyOf(secret, false).subarray(1), '', ''))
    for (const id of [manager, addressOf(OTHER_MANAGER)]) {
      await local.send(MASTER, registrar.address, encodeCall(REGISTRAR, 'setLevel', [id, 2]))
      await local.send(MASTER, registrar.address, encodeCall(REGISTRAR, 'setRoles', [id, 8]))
    }
    await local.send(MANAGER, registrar.address, encodeCall(REGISTRAR, 'assignManager', [steward, manager]))
    await local.send(UPLOADER, local.market.token, encodeTransfer(steward, wei(1_000n * HOLD)))
  })
  after(() => local?.close())

  it('stakes and bonds in one transaction, and reads what is there', async () => {
    await local.send(STEWARD, local.market.token, encodeApprove(pool.address, wei(1_000n * HOLD)))
    const calls = [encodeStake(wei(1_000n * HOLD)), encodeBond(wei(900n * HOLD))]
    await local.send(STEWARD, pool.address, encodeStakeMulticall(calls))
    expect(await pool.holdingOf(steward)).to.deep.equal({
      staked: 100n * HOLD,
      bonded: 900n * HOLD,
      pending: 0n,
      leaving: 0n,
      held: 0n,
    })
    expect(await pool.totals()).to.deep.equal({ earning: 1_000n * HOLD, bonds: 900n * HOLD, minimum: HOLD })
    expect((await kinds()).map(({ kind }) => kind)).to.deep.equal(['staked', 'bonded'])
  })

  it('earns the fees of adverts and what the supply grows by, and draws them', async () => {
    const { pending: before } = await pool.holdingOf(steward)
    await local.send(UPLOADER, local.market.market, encodeAdvertise(new Uint8Array(32), gwei(50_000_000_000n)))
    const { pending } = await pool.holdingOf(steward)
    expect(pending - before >= 1_000_000_000n * WEI_PER_GWEI - 1n, 'the fee of 1 HOLD').to.equal(true)
    await warp((await local.chain.head()).timestamp + 30 * DAY)
    await local.send(STEWARD, pool.address, encodeClaim(steward))
    const drawn = await local.market.tokenBalance(steward)
    const supply = 4n * 1024n * HOLD
    // 15 % a year is 1.155 % in 30 days
    expect(drawn > HOLD + (supply * 1_150n) / 100_000n && drawn < HOLD + (supply * 1_160n) / 100_000n).to.equal(true)
  })

  it('lets go of a stake after 21 days', async () => {
    await local.send(STEWARD, pool.address, encodeUnstake(wei(100n * HOLD)))
    const [exit] = await pool.exitsOf(steward)
    expect(exit).to.deep.include({ amount: 100n * HOLD, bonded: false })
    const before = await local.market.tokenBalance(steward)
    await warp(exit?.ready as number)
    await local.send(STEWARD, pool.address, encodeWithdrawStake(steward))
    expect((await local.market.tokenBalance(steward)) - before).to.equal(100n * HOLD)
    expect(await pool.exitsOf(steward)).to.deep.equal([])
  })

  it('opens a case on a placement both signed, and carries it out when nobody objects', async () => {
    const uploader = addressOf(UPLOADER)
    const placement = aPlacement(uploader, steward)
    const id = placementDigest(local.market.domain, placement)
    const proposal = {
      placement,
      amount: gwei(40n * 10n ** 9n),
      repairCost: gwei(15n * 10n ** 9n),
      uploaderSignature: signDigest(UPLOADER, id),
      stewardSignature: signDigest(STEWARD, id),
      evidenceHash: new Uint8Array(32).fill(9),
    }
    await local.send(MANAGER, pool.address, encodePropose(proposal))
    const opened = await pool.caseOf(id)
    expect(opened).to.deep.include({ agent: steward, manager, uploader, amount: 40n * 10n ** 9n })
    expect((await pool.holdingOf(steward)).held).to.equal(40n * HOLD)

    await warp(opened?.executableFrom as number)
    await local.send(UPLOADER, pool.address, encodeExecute(id))
    expect(await pool.caseOf(id)).to.equal(undefined)
    expect(await pool.wasOpened(id)).to.equal(true)
    expect((await pool.holdingOf(uploader)).pending).to.equal(15n * HOLD)
    expect((await kinds()).find(({ kind }) => kind === 'executed')).to.deep.equal({
      kind: 'executed',
      id,
      uploader,
      paid: 15n * HOLD,
      burned: 25n * HOLD,
    })
  })

  it('gives back what a vetoed case held', async () => {
    await warp((await local.chain.head()).timestamp + 40 * DAY)
    const placement = { ...aPlacement(addressOf(UPLOADER), steward), version: 2 }
    const id = placementDigest(local.market.domain, placement)
    const signatures = { uploaderSignature: signDigest(UPLOADER, id), stewardSignature: signDigest(STEWARD, id) }
    const { bonded } = await pool.holdingOf(steward)
    const evidenceHash = new Uint8Array(32)
    await local.send(
      MANAGER,
      pool.address,
      encodePropose({ placement, amount: gwei(1n), repairCost: gwei(1n), evidenceHash, ...signatures }),
    )
    await local.send(OTHER_MANAGER, pool.address, encodeVeto(id))
    expect(await pool.holdingOf(steward)).to.deep.include({ bonded, held: 0n })
  })

  it('tells of a bond that leaves', async () => {
    await local.send(STEWARD, pool.address, encodeUnbond(wei(10n * HOLD)))
    const [leaving, ...more] = await kinds(unbondingTopics([steward]))
    expect(leaving).to.deep.include({ kind: 'unbonding', account: steward, amount: 10n * HOLD })
    expect(more).to.deep.equal([])
    expect(await kinds(unbondingTopics([manager]))).to.deep.equal([])
  })
})

function aPlacement(uploader: Address, steward: Address): Placement {
  const bytes = new Uint8Array(32).fill(5)
  return {
    uploader,
    steward,
    blobId: bytes,
    length: 1_000,
    price: 10n ** 16n,
    egressPrice: 0n,
    egressFree: 0,
    start: 1_800_000_000,
    end: 1_800_000_000 + 90 * DAY,
    grace: 14 * DAY,
    bond: 40n * 10n ** 9n,
    answersRoot: bytes,
    tokenHash: bytes,
    advert: bytes,
    offerUntil: 1_800_003_600,
    version: 1,
  }
}
