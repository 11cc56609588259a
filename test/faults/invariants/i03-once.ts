/** I3: nothing is paid twice: no bounty both swept and revoked, no row asked twice, one open bounty over a placement at a time. */
import { expect } from 'chai'
import type { marketLogs } from '../../market/chain-log.ts'

export function nothingTwice({ posted, swept, revoked, adverts }: Awaited<ReturnType<typeof marketLogs>>): string {
  const unique = (items: readonly string[], what: string) => {
    const doubled = items.filter((item, i) => items.indexOf(item) !== i)
    expect(doubled, `I3: ${what} twice`).to.deep.equal([])
  }
  const ids = (events: readonly { readonly id: string }[]) => events.map(({ id }) => id)
  unique(ids(posted), 'posted')
  unique([...ids(swept), ...ids(revoked)], 'swept or revoked')
  unique(
    posted.map(({ docketHash }) => docketHash),
    'a docket',
  )
  unique(
    posted.flatMap(({ challenges }) => challenges.map(({ blobId, nonce }) => `${blobId}/${nonce}`)),
    'a row',
  )
  unique(adverts, 'an advert')
  const over = new Set([...ids(swept), ...ids(revoked)])
  const open = posted.filter(({ id }) => !over.has(id))
  unique(
    open.flatMap(({ steward, challenges }) => challenges.map(({ blobId }) => `${steward}/${blobId}`)),
    'an open bounty over a placement',
  )
  return `${posted.length} bounties, ${adverts.length} adverts, each once`
}
