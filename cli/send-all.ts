/**
 * Transactions of several keys at once, for setting up a local market: each key's in order of nonce, all keys together, one wait at the
 * end. Daemons send through the durable outbox instead.
 */
import type { Address } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import type { Clock } from '../base/ports.ts'
import { asChainError } from '../chain/abi.ts'
import { hexNumber, parseReceipt } from '../chain/chain-data.ts'
import { type Chain, call, type Hex, resultOf } from '../chain/rpc.ts'
import { createSigner } from '../chain/signer.ts'

/** One call, or a transfer of the chain's coin. */
export interface SetupCall {
  readonly to: Address
  readonly data?: Hex
  /** Wei of the chain's coin. */
  readonly value?: bigint
  /** For messages: "register steward 3". */
  readonly what: string
}

/** What one key sends, in this order. */
export interface Sequence {
  readonly secret: Uint8Array
  readonly calls: readonly SetupCall[]
}

/** Generous: what is not used is not paid. Gas. */
const GAS = 3_000_000n
const GAS_OF_TRANSFER = 100_000n
/** Longest wait for all of them. Milliseconds. */
const LIMIT_MS = 60_000

/** Sends all and returns when all are mined. @throws `TX_REVERTED` naming the first that failed, `TIMED_OUT`, `CHAIN_…` */
export async function sendAll(chain: Chain, sequences: readonly Sequence[], clock: Clock): Promise<void> {
  const busy = sequences.filter(({ calls }) => calls.length > 0)
  if (busy.length === 0) return
  const signers = busy.map(({ secret }) => createSigner(secret))
  const { base, tip } = await chain.fees()
  const counts = await chain.batch(signers.map(({ address }) => call('eth_getTransactionCount', address, 'latest')))
  const sent = busy.flatMap(({ calls }, at) => {
    const signer = signers[at] as (typeof signers)[number]
    const first = hexNumber(resultOf(counts[at]), 'nonce')
    return calls.map(({ to, data, value = 0n, what }, step) => ({
      what,
      // Each block may raise the base fee by an eighth; a set-up is some dozens of blocks.
      ...signer.sign({
        chainId: chain.chainId,
        nonce: first + step,
        to,
        data: data ?? '0x',
        value,
        gas: data === undefined ? GAS_OF_TRANSFER : GAS,
        maxFee: 16n * base + tip,
        tip,
      }),
    }))
  })
  const answers = await chain.batch(sent.map(({ raw }) => call('eth_sendRawTransaction', raw)))
  for (const [at, answer] of answers.entries()) {
    if (answer.refusal !== undefined) throw failed(sent[at]?.what ?? '', asChainError(answer.refusal))
  }
  let waiting = sent
  for (const until = clock.monotonic() + LIMIT_MS; waiting.length > 0; ) {
    if (clock.monotonic() > until)
      throw new HoldfastError('TIMED_OUT', {
        what: `${waiting[0]?.what} (${waiting.length} transactions)`,
        limit: `${LIMIT_MS / 1000} s`,
      })
    const receipts = await chain.batch(waiting.map(({ hash }) => call('eth_getTransactionReceipt', hash)))
    const left: typeof waiting = []
    for (const [at, one] of waiting.entries()) {
      const found = resultOf(receipts[at])
      if (found === null) left.push(one)
      else if (!parseReceipt(found).ok) throw failed(one.what, undefined)
    }
    waiting = left
    if (waiting.length > 0) await clock.sleep(10)
  }
}

function failed(what: string, cause: unknown): HoldfastError {
  return new HoldfastError(
    'TX_REVERTED',
    { what: cause instanceof Error ? `${what}: ${cause.message}` : what },
    cause === undefined ? undefined : { cause },
  )
}
