/**
 * DoubleVoucherUploader: has money for one interval of one steward, and promises it to all of them at the same time; then it goes on with
 * vouchers of old sums.
 */
import { signDigest } from '../../base/curve.ts'
import { docketDigest, voucherDigest } from '../../base/typed-data.ts'
import { HOUR } from '../../base/units.ts'
import { docketHashOf } from '../../blob/docket.ts'
import type { NetNode } from '../../net/node.ts'
import { offerRound } from '../steward/client.ts'
import { codeOf, DOMAIN, type Rig, type Uploader } from '../steward/rig.ts'

export interface Victim {
  readonly rig: Rig
  readonly net: NetNode
  readonly blob: Uint8Array
}

/**
 * Offers a round to everybody, waits until all have answered, and sends all vouchers then, so that each looks at a balance that nobody has
 * drawn from yet. @param cumulative gwei it promises each of them in all @returns what each conversation came to
 */
export async function promiseToAll(
  uploader: Uploader,
  victims: readonly Victim[],
  round: { readonly row: number; readonly amount: bigint; readonly cumulative: bigint },
): Promise<string[]> {
  let answered = 0
  let go: () => void = () => undefined
  const all = new Promise<void>((resolve) => {
    go = resolve
  })
  const count = () => {
    if (++answered === victims.length) go()
  }
  const { amount, cumulative, row } = round
  return Promise.all(
    victims.map(({ rig, net, blob }) => {
      const { id: steward } = rig.steward
      const { docket } = uploader.bounty(steward, [blob], { row, withNote: true })
      const docketHash = docketHashOf(docket)
      const deadline = Math.ceil((rig.chain.now() + 72 * HOUR) / (6 * HOUR)) * 6 * HOUR
      const digest = docketDigest(DOMAIN, { steward, docketHash, amount, deadline })
      const offer = { docket, docketHash, amount, deadline, signature: signDigest(uploader.secret, digest) }
      const from = uploader.account
      const signature = signDigest(uploader.secret, voucherDigest(DOMAIN, { from, to: steward, cumulative }))
      const talk = offerRound(net, rig.target(), offer, async () => {
        count()
        await all
        return { kind: 'voucher', round: docketHash, from, cumulative, signature }
      })
      talk.catch(count) // who refuses keeps nobody waiting
      return codeOf(talk)
    }),
  )
}
