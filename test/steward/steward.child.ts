/**
 * A steward in a process of its own: real files, Level and node; a chain that stands still. Arguments: directory, secret, port. From the
 * environment: HOLDFAST_FAULT with HOLDFAST_TESTING, RESERVE, bytes that arriving
 * blobs leave free, and LATER, seconds by which its chain is ahead of NOW.
 */
import { join } from 'node:path'
import { fromHex } from '../../base/bytes.ts'
import { unixTime, wei } from '../../base/units.ts'
import { createFaultPoint } from '../../cli/faults.ts'
import { openNode } from '../../net/node.ts'
import { COST_MODEL } from '../../pricing/bidder.ts'
import { REFERENCE_AT_START } from '../../pricing/reference.ts'
import { createAnswering } from '../../steward/answering.ts'
import { resumableParts } from '../../steward/book.ts'
import { STEWARD_CONFIG } from '../../steward/config.ts'
import { createSteward } from '../../steward/steward.ts'
import { openBlobFiles } from '../../store/blob-files.ts'
import { openLevelStore } from '../../store/level-store.ts'
import { clock, openGate, rng } from '../net/nodes.ts'
import { silent } from '../store/silent.ts'
import { DOMAIN, NOW } from './rig.ts'

const [directory = '', secretHex = '', port = '0'] = process.argv.slice(2)
const secret = fromHex(secretHex, 32)
const reserve = Number(process.env.RESERVE ?? 0)
const now = NOW + Number(process.env.LATER ?? 0)
const fault = createFaultPoint({ environment: process.env }, DOMAIN.chainId, silent)
const journal = await openLevelStore(join(directory, 'db'))
const files = await openBlobFiles(directory, {
  log: silent,
  reserveBytes: reserve,
  keepPart: await resumableParts(journal, now),
})
const steward = await createSteward(
  {
    journal,
    files,
    answer: createAnswering({ files, domain: DOMAIN, threads: 0 }).answer,
    chain: {
      async *follow(_cursor, signal) {
        yield {
          reverted: [],
          applied: [],
          head: { number: 0, timestamp: now },
          finalHead: 0,
          cursor: new Uint8Array(1),
        }
        await new Promise((resolve) => signal.addEventListener('abort', resolve))
      },
      poke: () => undefined,
      now: () => unixTime(now),
      advertPaid: async () => ({ value: 2n ** 60n }),
      balanceOf: async () => 2n ** 60n,
    },
    outbox: {
      sweep: () => [],
      redeem: () => [],
      kick: () => undefined,
      unfinished: () => 0,
      onRefused: () => undefined,
    },
    indexes: { announce: () => undefined },
    domain: DOMAIN,
    secret,
    clock,
    rng,
    log: silent,
    reference: () => wei(REFERENCE_AT_START),
    ...(fault === undefined ? {} : { fault }),
  },
  { ...STEWARD_CONFIG, quota: 2 ** 34, reserve, cost: COST_MODEL },
)
const node = await openNode({ secret, listen: [`/ip4/127.0.0.1/tcp/${port}`], gate: openGate, log: silent, clock })
await steward.start()
await steward.attach(node)
process.stdout.write(`${node.addresses()[0]}\n`)
