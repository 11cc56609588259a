/** A key that signs transactions (EIP-1559). Deterministic: the same fields give the same bytes. */
import { Transaction } from 'ethers/transaction'
import { fromHex, toHex0x } from '../base/bytes.ts'
import { type Address, addressOf, signDigest } from '../base/curve.ts'
import type { Hex } from './chain-data.ts'

/** Everything a transaction says. Amounts in wei, gas in units, fees in wei per gas. */
export interface TransactionFields {
  readonly chainId: number
  readonly nonce: number
  /** Undefined: `data` creates a contract. */
  readonly to: Address | undefined
  readonly data: Hex
  readonly value: bigint
  readonly gas: bigint
  readonly maxFee: bigint
  readonly tip: bigint
}

/** Signs for one account. */
export interface Signer {
  readonly address: Address
  sign(fields: TransactionFields): { readonly raw: Hex; readonly hash: Hex }
}

/** @param secret 32 bytes. @throws `INPUT_FORMAT`, `KEY_INVALID`. */
export function createSigner(secret: Uint8Array): Signer {
  const address = addressOf(secret)
  return {
    address,
    sign(fields) {
      const transaction = Transaction.from({
        type: 2,
        chainId: fields.chainId,
        nonce: fields.nonce,
        to: fields.to ?? null,
        data: fields.data,
        value: fields.value,
        gasLimit: fields.gas,
        maxFeePerGas: fields.maxFee,
        maxPriorityFeePerGas: fields.tip,
      })
      const signature = signDigest(secret, fromHex(transaction.unsignedHash))
      transaction.signature = toHex0x(signature)
      return { raw: transaction.serialized as Hex, hash: transaction.hash as Hex }
    },
  }
}
