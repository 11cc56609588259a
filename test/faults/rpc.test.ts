/** F36: an endpoint that takes transactions and loses the answers. Unknown is not failed: the same bytes go again, and act once. */
import { expect } from 'chai'
import { fromHex } from '../../base/bytes.ts'
import { addressOf } from '../../base/curve.ts'
import { wei } from '../../base/units.ts'
import { grantEther } from '../../chain/devnet-time.ts'
import { encodeTransfer } from '../../chain/market.ts'
import { createOutbox } from '../../chain/outbox.ts'
import { connectChain } from '../../chain/rpc.ts'
import { startLocalMarket } from '../chain/local-market.ts'
import { memoryJournal } from '../chain/memory-journal.ts'
import { clock, silent, until } from '../chain/ports.ts'
import { startRpcProxy } from '../chain/rpc-proxy.ts'
import { effort } from '../effort.ts'
import { createNemesis, SEED } from './nemesis.ts'

/** How long the outbox waits for an answer here. Milliseconds. */
const ANSWER_MS = 250
const ACTS_A_ROUND = 2

describe(`faults: lost answers of an endpoint (HOLDFAST_SEED=${SEED})`, function () {
  const wanted = effort(5, 50, 500)
  this.timeout(60_000 + 2_000 * wanted)

  it(`F36: ${wanted} transactions taken and not answered act once each`, async () => {
    const nemesis = createNemesis('rpc')
    const local = await startLocalMarket()
    const front = await startRpcProxy(local.devnet.url)
    const chain = await connectChain([front.url], { log: silent, clock, deadlineMs: ANSWER_MS, pollMs: 20 })
    const secret = nemesis.bytes(32)
    const journal = memoryJournal()
    const outbox = createOutbox({ journal, chain, secret, clock, log: silent })
    try {
      await grantEther(local.chain, addressOf(secret), 10n ** 18n)
      await local.send(local.secret, local.market.token, encodeTransfer(addressOf(secret), wei(100_000n)))
      let lost = 0
      front.swallow = ({ method }) => {
        if (method !== 'eth_sendRawTransaction' || nemesis.random() < 0.2) return false
        lost++
        return true
      }
      await outbox.start()
      let acts = 0
      const recipientOf = (i: number) => addressOf(fromHex((0x3000_0000 + i).toString(16).padStart(64, '0')))
      while (lost < wanted) {
        for (let i = 0; i < ACTS_A_ROUND; i++, acts++)
          await journal.commit(
            outbox.intent({
              id: `transfer/${acts}`,
              to: local.market.token,
              data: encodeTransfer(recipientOf(acts), wei(1n)),
              kind: 'transfer',
            }),
          )
        outbox.kick()
        await until(() => outbox.unfinished() === 0, 'nothing is left to do', 60_000)
      }
      for (let i = 0; i < acts; i++) expect(await local.market.tokenBalance(recipientOf(i)), `act ${i}`).to.equal(1n)
      const nonce = Number(await local.chain.request('eth_getTransactionCount', [addressOf(secret), 'latest']))
      expect(nonce, 'one transaction for each act').to.equal(acts)
      console.log(`      seed ${SEED}: ${lost} answers lost over ${acts} acts, each on the chain once`)
    } finally {
      await outbox.stop()
      chain.close()
      await front.close()
      await local.close()
    }
  })
})
