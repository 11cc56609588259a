/**
 * An outbox over a real store that is killed at a chosen place; for outbox-crash.test.ts.
 * Arguments: directory, rpc, secret, how many acts, the fault site and the visit at which to die ("none" for neither).
 */
import { fromHex } from '../../base/bytes.ts'
import { addressOf } from '../../base/curve.ts'
import { wei } from '../../base/units.ts'
import { encodeTransfer } from '../../chain/market.ts'
import { createOutbox } from '../../chain/outbox.ts'
import { connectChain } from '../../chain/rpc.ts'
import { openLevelStore } from '../../store/level-store.ts'
import { clock, silent } from './ports.ts'

const [directory = '', rpc = '', secret = '', token = '', acts = '0', site = 'none', visit = '1'] =
  process.argv.slice(2)
const store = await openLevelStore(directory)
const chain = await connectChain([rpc], { log: silent, clock, pollMs: 20 })
let left = Number(visit)
const outbox = createOutbox({
  journal: store,
  chain,
  secret: fromHex(secret),
  clock,
  log: silent,
  fault(at) {
    if (at === site && --left === 0) process.kill(process.pid, 'SIGKILL')
  },
})
await outbox.start()
for (let i = 0; i < Number(acts); i++) {
  const recipient = addressOf(fromHex((0x2000_0000 + i).toString(16).padStart(64, '0')))
  // The same intents at every start: a consumer that is not sure whether it has asked asks again.
  await store.commit(
    outbox.intent({
      id: `transfer/${i}`,
      to: token as `0x${string}`,
      data: encodeTransfer(recipient, wei(1n)),
      kind: 'transfer',
    }),
  )
  outbox.kick()
}
while (outbox.unfinished() > 0) await clock.sleep(5)
console.log('done')
await outbox.stop()
chain.close()
await store.close()
