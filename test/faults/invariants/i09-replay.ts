/**
 * I9: replay equals state, as far as there is something to replay: the controller's money and the phase of each of its bounties follow from
 * the chain's events alone, and a steward's paid bounties do, too.
 */
import { expect } from 'chai'
import type { Ledger } from '../../../controller/ledger.ts'
import type { marketLogs } from '../../market/chain-log.ts'

export function ledgerFollowsChain(
  ledger: Pick<Ledger, 'money' | 'bounties'>,
  { posted, swept, revoked, deposited, withdrawn, advertFees }: Awaited<ReturnType<typeof marketLogs>>,
): string {
  expect(ledger.money, 'I9: money').to.deep.equal({ deposited, withdrawn, advertFees })
  const bare = (id: string) => id.replace(/^0x/, '')
  const ends = new Map<string, string>([
    ...posted.map(({ id }) => [bare(id), 'posted'] as const),
    ...swept.map(({ id }) => [bare(id), 'swept'] as const),
    ...revoked.map(({ id }) => [bare(id), 'revoked'] as const),
  ])
  for (const { id, phase } of ledger.bounties.values())
    if (phase !== 'failed') expect(phase, `I9: bounty ${id}`).to.equal(ends.get(bare(id)))
  for (const id of ends.keys()) expect(ledger.bounties.has(id), `I9: the ledger knows bounty ${id}`).to.equal(true)
  return `money and ${ends.size} bounties follow from the events`
}
