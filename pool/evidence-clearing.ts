/**
 * A signed clearing, computed again from what was published with it: signed advert, rules, commits, reveals. All that a clearing follows from stands
 * under the root that its signature covers (pool/clearing.ts, docs/spec/auction.md), so one that does not follow convicts its maker.
 */
import { equalBytes } from '../base/bytes.ts'
import { recoverSigner } from '../base/curve.ts'
import { hasCode } from '../base/errors.ts'
import { advertDigest, advertHashOf, clearingDigest, commitsRoot } from '../net/messages/bid.ts'
import { recomputeClearing } from '../pricing/recompute.ts'
import { publishedClearing } from './clearing.ts'
import type { ClearingShown } from './evidence-form.ts'

/** What computing it again said. */
export interface ClearingFound {
  readonly found: 'wrong' | 'sound' | 'not-signed'
  readonly why: string
}

/** Whether a clearing is signed by its uploader, and whether it follows from what was published. Pure. */
export function judgeClearing({ advert, rules, commits, outcome }: ClearingShown): ClearingFound {
  const { signature, ...terms } = advert
  const hash = advertHashOf(advert)
  if (recoverSigner(advertDigest(terms), signature) !== advert.uploader)
    return { found: 'not-signed', why: 'the advert is not signed by its uploader' }
  const digest = clearingDigest(hash, outcome.root, outcome.price, outcome.reveals)
  if (recoverSigner(digest, outcome.signature) !== advert.uploader)
    return { found: 'not-signed', why: 'the clearing is not signed by the uploader' }
  if (!equalBytes(commitsRoot(hash, rules, commits), outcome.root))
    return { found: 'not-signed', why: 'the rules and commits shown are not those of the signed root' }
  if (rules.reserve > advert.reserve)
    return { found: 'wrong', why: `its reserve ${rules.reserve} is above the advertised ${advert.reserve}` }
  const { price, reveals } = outcome
  const [fault] = faultsOf({ advert, rules, entries: commits, reveals, price })
  if (fault === undefined) return { found: 'sound', why: 'it recomputes to the same price and winners' }
  return { found: 'wrong', why: `${fault.kind}: ${fault.published}, should be ${fault.expected}` }
}

type Fault = ReturnType<typeof recomputeClearing>['faults'][number]

/** Rules that make no sense are signed, too: nothing follows from them. */
function faultsOf(published: Parameters<typeof publishedClearing>[0]): readonly Fault[] {
  try {
    return recomputeClearing(publishedClearing(published)).faults
  } catch (cause) {
    if (!hasCode(cause, 'INPUT_RANGE')) throw cause
    return [{ kind: 'price', published: String(published.price), expected: 'nothing: the rules make no sense' }]
  }
}
