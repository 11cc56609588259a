import { expect } from 'chai'
import { fromHex } from '../../base/bytes.ts'
import { addressOf, signDigest, ZERO_ADDRESS } from '../../base/curve.ts'
import { bountyIdOf, netStatementDigest, sweepDigest, voucherDigest } from '../../base/typed-data.ts'
import { DAY, gwei, unixTime, WEI_PER_GWEI, wei } from '../../base/units.ts'
import { deployAll, parseDeployment, verifyDeployment } from '../../chain/deployment.ts'
import { DEV_SECRETS, startAnvil } from '../../chain/devnet.ts'
import {
  accountTopics,
  decodeMarketLog,
  encodeAdvertise,
  encodePost,
  encodeRedeem,
  encodeRevoke,
  encodeSettle,
  encodeSweep,
  encodeWithdraw,
  stewardTopics,
  uploaderTopics,
} from '../../chain/market.ts'
import { connectChain } from '../../chain/rpc.ts'
import { HOLD, type LocalMarket, startLocalMarket, termsOf } from './local-market.ts'
import { clock, rejection, silent, until } from './ports.ts'

describe('chain/deployment and market', () => {
  let local: LocalMarket
  before(async () => {
    local = await startLocalMarket()
  })
  after(() => local?.close())

  it('verifies its own deployment, also after a way through JSON', async () => {
    const deployment = parseDeployment(JSON.parse(JSON.stringify(local.deployment)))
    await verifyDeployment(local.chain, deployment)
    expect(deployment.contracts.market.abi.length).to.be.greaterThan(20)
    expect(
      await rejection(Promise.resolve().then(() => parseDeployment({ ...deployment, contracts: {} }))),
    ).to.have.property('code', 'CHAIN_NO_DEPLOYMENT')
  })

  it('refuses another chain id, genesis or code, and an address without code, naming both values', async () => {
    const { chain, deployment } = local
    const market = deployment.contracts.market
    const other = `0x${'11'.repeat(32)}` as const
    const cases = [
      [{ ...deployment, chainId: 1 }, 'CHAIN_WRONG', '31337'],
      [{ ...deployment, genesis: other }, 'CHAIN_WRONG', deployment.genesis],
      [
        { ...deployment, contracts: { ...deployment.contracts, market: { ...market, codeHash: other } } },
        'CHAIN_WRONG',
        market.codeHash,
      ],
      [
        { ...deployment, contracts: { ...deployment.contracts, market: { ...market, address: ZERO_ADDRESS } } },
        'CHAIN_NO_DEPLOYMENT',
        ZERO_ADDRESS,
      ],
    ] as const
    for (const [wrong, code, said] of cases) {
      const error = await rejection(verifyDeployment(chain, wrong))
      expect(error).to.have.property('code', code)
      expect(error).to.have.property('exit', 14)
      expect(error).to.have.property('message').that.includes(said)
    }
  })

  it('refuses a chain that was made anew under the same id', async () => {
    const genesis = await local.chain.block(0)
    await until(
      () => clock.now() > (genesis?.timestamp ?? 0),
      'the next second: until then a new dev chain has the same genesis',
    )
    const anew = await startAnvil({ log: silent, clock })
    const reset = await connectChain([anew.url], { log: silent, clock })
    try {
      expect(await rejection(verifyDeployment(reset, local.deployment))).to.have.property('code', 'CHAIN_WRONG')
    } finally {
      reset.close()
      await anew.stop()
    }
  })

  it('posts, sweeps and revokes, and reads the same back as state and as events', async () => {
    const { chain, market, secret, account, send } = local
    const steward = addressOf(fromHex(DEV_SECRETS[1]))
    const claimSecret = new Uint8Array(32).fill(3)
    const claimKey = addressOf(claimSecret)
    const deadline = unixTime(chain.latest().timestamp + 5 * DAY)
    const note = new Uint8Array(68).fill(5)
    const docketHash = new Uint8Array(32).fill(6)
    const from = chain.latest().number + 1
    await send(secret, market.market, encodePost(steward, deadline, [{ claimKey, amount: gwei(7n), docketHash, note }]))
    const id = bountyIdOf(account, claimKey, steward)
    expect(await market.bounty(id)).to.deep.equal({ poster: account, amount: 7n, deadline })
    expect(await market.balanceOf(account)).to.equal(1_000n * HOLD - 7_000_000_000n)

    const signature = signDigest(claimSecret, sweepDigest(market.domain, { payee: steward, deadline }))
    const groups = [{ poster: account, deadline, open: false, claims: [signature] }]
    await send(secret, market.market, encodeSweep(steward, groups)) // anyone may submit it
    expect(await market.bounty(id)).to.equal(undefined)
    expect(await market.balanceOf(steward)).to.equal(7_000_000_000n)
    await send(secret, market.market, encodeSweep(steward, groups)) // nothing left: no failure, an event
    await send(secret, market.market, encodeAdvertise(docketHash, gwei(1n)))
    await send(fromHex(DEV_SECRETS[1]), market.market, encodeWithdraw(wei(1_000_000_000n), steward))
    expect(await market.tokenBalance(steward)).to.equal(1_000_000_000n)

    const head = await chain.head()
    const events = (await chain.logs({ address: market.market, topics: [] }, from, head)).map((log) =>
      decodeMarketLog(log),
    )
    expect(events.map((event) => event?.kind)).to.deep.equal(['posted', 'swept', 'missed', 'advertised', 'withdrawn'])
    const [posted, swept, missed, advertised] = events
    expect(posted).to.deep.include({
      kind: 'posted',
      id,
      steward,
      poster: account,
      claimKey,
      amount: 7n,
      deadline,
      docketHash,
      note,
      block: from,
      logIndex: 0,
    })
    expect(swept).to.deep.include({ id, payee: steward, amount: 7n })
    expect(missed).to.deep.include({ claimKey, payee: steward })
    expect(advertised).to.deep.include({ uploader: account, value: 1n, fee: await market.advertFloor() })

    const kinds = async (topics: ReturnType<typeof stewardTopics>) =>
      (await chain.logs({ address: market.market, topics }, from, head)).map((log) => decodeMarketLog(log)?.kind)
    expect(await kinds(stewardTopics(steward))).to.deep.equal(['posted', 'swept', 'missed'])
    expect(await kinds(stewardTopics(account))).to.deep.equal([])
    expect(await kinds(uploaderTopics(account))).to.deep.equal(['posted', 'swept', 'advertised'])
  })

  it('redeems a voucher and settles a statement, and reads the same back as events', async () => {
    const { chain, market, secret, account, send } = local
    const peerSecret = new Uint8Array(32).fill(31)
    const peer = addressOf(peerSecret)
    const from = (await chain.head()).number + 1
    const voucher = { from: account, to: peer, cumulative: gwei(900n) }
    const signature = signDigest(secret, voucherDigest(market.domain, voucher))
    await send(fromHex(DEV_SECRETS[2]), market.market, encodeRedeem(voucher, signature)) // by a stranger
    expect(await market.balanceOf(peer)).to.equal(900n * WEI_PER_GWEI)
    expect(await market.redeemed(account, peer)).to.equal(900n)

    const deltas = [
      { account, amount: 300n },
      { account: peer, amount: -300n },
    ].toSorted((a, b) => (a.account < b.account ? -1 : 1))
    const retired = [{ from: account, to: peer, cumulative: gwei(1_200n) }]
    const expires = unixTime((await chain.head()).timestamp + 3600)
    const statement = { deltas, retired, salt: new Uint8Array(32).fill(3), expires }
    const digest = netStatementDigest(market.domain, statement)
    const consents = [{ signer: peer, signature: signDigest(peerSecret, digest) }]
    await send(secret, market.market, encodeSettle(statement, consents)) // anyone may send it
    expect(await market.balanceOf(peer)).to.equal(600n * WEI_PER_GWEI)
    expect(await market.redeemed(account, peer)).to.equal(1_200n)

    const head = await chain.head()
    const eventsOf = async (topics: ReturnType<typeof accountTopics>) =>
      (await chain.logs({ address: market.market, topics }, from, head)).flatMap((log) => decodeMarketLog(log) ?? [])
    const events = await eventsOf([])
    expect(events.map(({ kind }) => kind)).to.deep.equal(['redeemed', 'settled', 'retired', 'netted', 'netted'])
    const [redeemed, settled, promised] = events
    expect(redeemed).to.deep.include({ from: account, to: peer, paid: 900n, redeemed: 900n })
    expect(settled).to.deep.include({ digest })
    expect(promised).to.deep.include({ digest, from: account, to: peer, cumulative: 1_200n })
    expect(events.flatMap((event) => (event.kind === 'netted' ? [event.amount] : []))).to.have.members([300n, -300n])
    const kindsOf = async (topics: ReturnType<typeof accountTopics>) => (await eventsOf(topics)).map(({ kind }) => kind)
    expect(await kindsOf(accountTopics(peer))).to.have.members(['redeemed', 'retired', 'netted'])
    expect(await kindsOf(accountTopics(addressOf(fromHex(DEV_SECRETS[2]))))).to.deep.equal([])
  })

  it('refuses a deployment whose contracts belong to others', async () => {
    const { chain, deployment, secret } = local
    const terms = termsOf(new Uint8Array(32).fill(41))
    const other = await deployAll(chain, { secret, terms, rpc: '', clock, log: silent })
    for (const name of ['token', 'registrar', 'stakePool', 'market', 'mine'] as const) {
      const mixed = { ...deployment, contracts: { ...deployment.contracts, [name]: other.contracts[name] } }
      expect(await rejection(verifyDeployment(chain, mixed)), name).to.have.property('code', 'CHAIN_WRONG')
    }
    await verifyDeployment(chain, other)
  })

  it('gives a revert in the words of the contract', async () => {
    const { chain, market, account } = local
    const data = encodeRevoke([new Uint8Array(32).fill(9)])
    const { asChainError } = await import('../../chain/abi.ts')
    const error = asChainError(
      await rejection(chain.request('eth_call', [{ from: account, to: market.market, data }, 'latest'])),
    )
    expect(error).to.have.property('code', 'TX_REVERTED')
    expect(error)
      .to.have.property('message')
      .that.includes(`BountyNotOpen(0x${'09'.repeat(32)})`)
  })
})
