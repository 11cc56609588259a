import { expect } from 'chai'
import { fromHex } from '../../base/bytes.ts'
import { type Address, addressOf, signDigest } from '../../base/curve.ts'
import { bountyIdOf, sweepDigest } from '../../base/typed-data.ts'
import { gwei, unixTime } from '../../base/units.ts'
import { firstBlockFrom, readBounty, wasPaid } from '../../chain/bounty-history.ts'
import { DEV_SECRETS } from '../../chain/devnet.ts'
import { encodePost, encodeRevoke, encodeSweep } from '../../chain/market.ts'
import { type LocalMarket, startLocalMarket } from './local-market.ts'

describe('chain/bounty-history', () => {
  let local: LocalMarket
  before(async () => {
    local = await startLocalMarket()
  })
  after(() => local?.close())

  const steward = fromHex(DEV_SECRETS[2])
  const other: Address = `0x${'12'.repeat(20)}`
  const place = () => local.deployment.contracts.market
  const docketHash = new Uint8Array(32).fill(3)

  async function post(claim: number, to: Address, seconds: number) {
    const claimKey = addressOf(new Uint8Array(32).fill(claim))
    const deadline = unixTime((await local.chain.head()).timestamp + seconds)
    const data = encodePost(to, deadline, [{ claimKey, amount: gwei(5n), docketHash, note: new Uint8Array() }])
    await local.send(local.secret, local.market.market, data)
    return { id: bountyIdOf(local.account, claimKey, to), claimKey, deadline }
  }
  async function moveTo(time: number) {
    await local.chain.request('evm_setNextBlockTimestamp', [`0x${time.toString(16)}`])
    await local.chain.request('evm_mine', [])
  }

  it('tells a bounty by its id alone: its post, its sweep, its revoke, and nothing for what was never posted', async () => {
    const swept = await post(41, addressOf(steward), 86_400)
    const open = await readBounty(local.chain, place(), swept.id)
    expect(open?.posted).to.include({ poster: local.account, steward: addressOf(steward), claimKey: swept.claimKey })
    expect(open?.end).to.equal(undefined)
    const digest = sweepDigest(local.market.domain, { payee: addressOf(steward), deadline: swept.deadline })
    const claims = [signDigest(new Uint8Array(32).fill(41), digest)]
    const before = (await local.chain.head()).timestamp
    const group = { poster: local.account, deadline: swept.deadline, open: false, claims }
    await local.send(steward, local.market.market, encodeSweep(addressOf(steward), [group]))
    expect((await readBounty(local.chain, place(), swept.id))?.end?.kind).to.equal('swept')
    const revoked = await post(42, other, 100)
    await moveTo(revoked.deadline + 3_601)
    await local.send(local.secret, local.market.market, encodeRevoke([revoked.id]))
    const { end } = (await readBounty(local.chain, place(), revoked.id)) ?? {}
    expect(end?.kind).to.equal('revoked')
    expect(end?.at).to.be.greaterThan(revoked.deadline + 3_600)
    expect(await readBounty(local.chain, place(), new Uint8Array(32))).to.equal(undefined)

    const paid = (who: Address, since: number) => wasPaid(local.chain, place(), local.account, who, since)
    expect(await paid(addressOf(steward), before)).to.equal(true)
    expect(await paid(addressOf(steward), before + 86_400)).to.equal(false)
    expect(await paid(other, 0)).to.equal(false) // a revoke is no payment
    expect(await wasPaid(local.chain, place(), other, addressOf(steward), 0)).to.equal(false) // another uploader’s
  })

  it('finds the first block at or after a moment, and none before the chain is there', async () => {
    const head = await local.chain.head()
    await moveTo(head.timestamp + 7_200)
    const later = await local.chain.head()
    expect((await firstBlockFrom(local.chain, head.timestamp + 1))?.number).to.equal(later.number)
    expect((await firstBlockFrom(local.chain, later.timestamp))?.hash).to.equal(later.hash)
    expect((await firstBlockFrom(local.chain, 0))?.number).to.equal(0)
    expect(await firstBlockFrom(local.chain, later.timestamp + 1)).to.equal(undefined)
  })
})
