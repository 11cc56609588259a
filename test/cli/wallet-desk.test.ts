/** The desk with a real outbox, a real chain and the real contracts. */
import { expect } from 'chai'
import { toHex } from '../../base/bytes.ts'
import { addressOf } from '../../base/curve.ts'
import { parseHold, wei } from '../../base/units.ts'
import { findNonce, readWork } from '../../chain/mine.ts'
import { createOutbox, type Outbox } from '../../chain/outbox.ts'
import { createWalletDesk, parseAct, readWallet, type WalletDesk, walletContracts } from '../../cli/wallet-desk.ts'
import { type LocalMarket, mineFor, startLocalMarket } from '../chain/local-market.ts'
import { memoryJournal } from '../chain/memory-journal.ts'
import { clock, rejection, silent } from '../chain/ports.ts'

const hold = parseHold
const SECRET = new Uint8Array(32).fill(51)
const ACCOUNT = addressOf(SECRET)

describe('cli/wallet-desk', () => {
  let local: LocalMarket
  let outbox: Outbox
  let desk: WalletDesk
  let serial = 0
  const { signal } = new AbortController()
  const nextId = () => toHex(new Uint8Array(16).fill(++serial))
  const state = () => readWallet(local.chain, walletContracts(local.deployment), ACCOUNT)

  before(async () => {
    local = await startLocalMarket()
    await local.send(local.secret, ACCOUNT, '0x', 10n ** 18n)
    await mineFor(local, local.deployment.contracts.mine.address, ACCOUNT)
    const journal = memoryJournal()
    outbox = createOutbox({ journal, chain: local.chain, secret: SECRET, clock, log: silent })
    await outbox.start()
    const contracts = walletContracts(local.deployment)
    desk = createWalletDesk({ chain: local.chain, contracts, account: ACCOUNT, outbox, journal })
  })
  after(async () => {
    await outbox?.stop()
    await local?.close()
  })

  it('deposits, with what has to be allowed before', async () => {
    const done = await desk.perform(nextId(), { act: 'deposit', amount: hold('300') }, signal)
    expect(done.map(({ kind }) => kind)).to.deep.equal(['approve', 'deposit'])
    expect((await state()).deposited).to.equal(hold('300'))
  })

  it('does the same request once', async () => {
    const id = nextId()
    const act = { act: 'withdraw', amount: hold('10'), to: ACCOUNT } as const
    const first = await desk.perform(id, act, signal)
    expect(await desk.perform(id, act, signal)).to.deep.equal(first)
    expect((await state()).deposited).to.equal(hold('290'))
  })

  it('stakes as a bond, and takes it out again', async () => {
    await desk.perform(nextId(), { act: 'stake', amount: hold('100'), bonded: true }, signal)
    expect((await state()).holding).to.deep.include({ staked: 0n, bonded: hold('100') })
    await desk.perform(nextId(), { act: 'unstake', amount: hold('100'), bonded: true }, signal)
    const { exits } = await state()
    expect(exits).to.have.length(1)
    expect(exits[0]).to.deep.include({ amount: hold('100'), bonded: true })
    expect(await rejection(desk.perform(nextId(), { act: 'collect' }, signal))).to.include({ code: 'FUNDS_WALLET' })
  })

  it('mines', async () => {
    const work = await readWork(local.chain, local.deployment.contracts.mine.address)
    const nonce = findNonce(work, ACCOUNT, { from: 0n, tries: 100 }) as bigint
    const before = (await state()).wallet
    await desk.perform(nextId(), { act: 'mine', nonce }, signal)
    expect((await state()).wallet - before).to.equal(work.reward)
  })

  it('sends nothing that is not covered', async () => {
    const before = await local.chain.request('eth_getTransactionCount', [ACCOUNT, 'latest'])
    const refused = desk.perform(nextId(), { act: 'deposit', amount: wei(10n ** 30n) }, signal)
    expect(await rejection(refused)).to.include({ code: 'FUNDS_WALLET', exit: 6 })
    expect(await local.chain.request('eth_getTransactionCount', [ACCOUNT, 'latest'])).to.equal(before)
  })

  it('takes no request that is not an act', () => {
    const bad = [
      undefined,
      null,
      {},
      { act: 'transfer' },
      { act: 'deposit' },
      { act: 'deposit', amount: '5' },
      { act: 'withdraw', amount: 5n, to: 'me' },
      { act: 'withdraw', amount: 5n, to: `0x${'A'.repeat(40)}` },
      { act: 'stake', amount: 5n },
      { act: 'mine', nonce: 5 },
    ]
    for (const value of bad) expect(() => parseAct(value), JSON.stringify(value, String)).to.throw('act of the wallet')
    expect(parseAct({ act: 'collect', more: 1 })).to.deep.equal({ act: 'collect' })
  })
})
