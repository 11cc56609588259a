/**
 * BogusBountyUploader: posts bounties to claim keys that no bytes give. Seen from outside it pays like an honest one; the steward reads
 * its disk for nothing; an hour after the deadline the money goes back.
 *
 *   node test/cast/bogus-bounty-uploader.ts controller start --home D
 */
import { randomBytes } from 'node:crypto'
import { fromHex, toHex } from '../../base/bytes.ts'
import { type Address, addressOf } from '../../base/curve.ts'
import { bountyIdOf } from '../../base/typed-data.ts'
import type { ControllerVice } from '../../cli/compose-controller.ts'
import type { MarketFact } from '../../controller/controller-ports.ts'
import { runController } from './run-controller.ts'

/** The address of a key that is thrown away. */
export const bogusKey = (): Address => addressOf(randomBytes(32))

/** Its own books speak of the true bounties; on the chain there are the bogus ones in their place. */
export const bogus: ControllerVice = {
  parts: (honest) => {
    const { account, chain, outbox } = honest
    const bogusOf = new Map<string, string>()
    const trueOf = new Map<string, string>()
    const translate = (fact: MarketFact): MarketFact =>
      'id' in fact ? { ...fact, id: trueOf.get(fact.id) ?? fact.id } : fact
    return {
      ...honest,
      chain: {
        ...chain,
        async *follow(cursor, signal) {
          for await (const update of chain.follow(cursor, signal))
            yield { ...update, reverted: update.reverted.map(translate), applied: update.applied.map(translate) }
        },
      },
      outbox: {
        ...outbox,
        intents: {
          ...outbox.intents,
          post(id, call) {
            const claimKey = bogusKey()
            const own = toHex(bountyIdOf(account, call.claimKey, call.steward))
            const posted = toHex(bountyIdOf(account, claimKey, call.steward))
            bogusOf.set(own, posted)
            trueOf.set(posted, own)
            return outbox.intents.post(id, { ...call, claimKey })
          },
          revoke: (id, bountyId) =>
            outbox.intents.revoke(id, fromHex(bogusOf.get(toHex(bountyId)) ?? toHex(bountyId), 32)),
        },
      },
    }
  },
}

if (import.meta.main) await runController(bogus)
