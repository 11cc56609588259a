/** I8: no effect before its intent: each transaction from a key of ours stands in that key's journal, and no entry lingers. */
import { expect } from 'chai'
import type { Journal } from '../../../base/ports.ts'
import { decodeEntry, outboxRecords } from '../../../chain/outbox-record.ts'

const records = outboxRecords('outbox/')

export interface SentTransaction {
  readonly hash: string
  readonly block: number
}

/** @param sent what the chain shows from the key of this journal @returns how many entries there are */
export async function assertIntended(
  journal: Journal,
  sent: readonly SentTransaction[],
  whose: string,
): Promise<number> {
  const hashes = new Set<string>()
  let entries = 0
  for await (const [key, value] of journal.list(records.sent)) {
    const { flight, settled, intent } = decodeEntry(key, value)
    entries++
    expect(settled, `I8: ${whose}: ${intent.id} lingers`).to.not.equal(undefined)
    if (settled?.txHash !== undefined) hashes.add(settled.txHash)
    for (const { hash } of flight?.variants ?? []) hashes.add(hash)
  }
  for await (const [key] of journal.list(records.intents)) throw new Error(`I8: ${whose}: ${key} was never sent`)
  for (const { hash, block } of sent)
    expect(hashes.has(hash), `I8: ${whose}: transaction ${hash} in block ${block} has no entry`).to.equal(true)
  return entries
}

/** Every transaction of these accounts from block `from` on. */
export async function sentBy(
  rpc: string,
  accounts: readonly string[],
  from: number,
): Promise<ReadonlyMap<string, readonly SentTransaction[]>> {
  const call = async (method: string, params: readonly unknown[]) => {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
    const answer = await fetch(rpc, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
    return ((await answer.json()) as { result: unknown }).result
  }
  const found = new Map<string, SentTransaction[]>(accounts.map((account) => [account, []]))
  const head = Number(await call('eth_blockNumber', []))
  for (let block = from; block <= head; block++) {
    const { transactions } = (await call('eth_getBlockByNumber', [`0x${block.toString(16)}`, true])) as {
      transactions: readonly { readonly from: string; readonly hash: string }[]
    }
    for (const { from: sender, hash } of transactions) found.get(sender.toLowerCase())?.push({ hash, block })
  }
  return found
}
