/** What the chain says of transactions that were sent. For outbox-flights.ts. */
import type { Address } from '../base/curve.ts'
import type { Log } from '../base/ports.ts'
import { asChainError, isRevert, revertReason } from './abi.ts'
import { parseReceipt, type Receipt } from './chain-data.ts'
import { RpcRefusal } from './json-rpc.ts'
import type { Entry, Settled } from './outbox-record.ts'
import { type Chain, call, quantity, resultOf } from './rpc.ts'

/** Most receipts asked for at once. */
const PAGE = 100

interface ReceiptDeps {
  readonly chain: Chain
  readonly log: Log
  readonly account: Address
  readonly signal: AbortSignal
}

export function createReceipts({ chain, log, account, signal }: ReceiptDeps) {
  /** By id, the receipt of whichever variant was mined. */
  async function of(entries: readonly Entry[]): Promise<Map<string, Receipt>> {
    const asked = entries.flatMap(({ intent, flight }) =>
      (flight?.variants ?? []).map(({ hash }) => ({ id: intent.id, hash })),
    )
    const found = new Map<string, Receipt>()
    for (let start = 0; start < asked.length; start += PAGE) {
      const page = asked.slice(start, start + PAGE)
      const answers = await chain.batch(
        page.map(({ hash }) => call('eth_getTransactionReceipt', hash)),
        signal,
      )
      for (const [at, { id, hash }] of page.entries()) {
        const result = resultOf(answers[at])
        if (result === null || result === undefined) continue
        const receipt = parseReceipt(result)
        if (receipt.txHash === hash) found.set(id, receipt) // a receipt of something else is none
      }
    }
    return found
  }

  async function judge(entry: Entry, receipt: Receipt): Promise<Settled> {
    const { txHash, blockNumber, gasUsed, gasPrice } = receipt
    const common = { txHash, block: blockNumber, at: chain.time(), fee: gasUsed * gasPrice, told: false }
    const isCancel = entry.flight?.variants.find(({ hash }) => hash === txHash)?.isCancel ?? false
    if (isCancel) return { ...common, ok: false, reason: { code: 'TX_REVERTED', what: 'it was cancelled' } }
    if (receipt.ok) return { ...common, ok: true }
    return { ...common, ok: false, reason: { code: 'TX_REVERTED', what: await replay(entry, receipt) } }
  }

  /** Why a mined transaction failed: the same call on the state of its block. Nodes forget states, so this may find nothing. */
  async function replay({ intent, flight }: Entry, { blockNumber, gasUsed }: Receipt): Promise<string> {
    if (flight && gasUsed >= flight.gas) return 'it ran out of gas'
    const request = { from: account, to: intent.to, data: intent.data, value: quantity(intent.value ?? 0n) }
    try {
      await chain.request('eth_call', [request, quantity(blockNumber)])
      return 'the state had changed when it was mined'
    } catch (cause) {
      if (cause instanceof RpcRefusal && isRevert(cause)) return revertReason(cause)
      log.debug('outbox.replay', { why: String((asChainError(cause) as Error).message) })
      return 'no reason is known'
    }
  }

  return { of, judge }
}
