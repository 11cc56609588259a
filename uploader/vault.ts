/** Sealing small secrets under a key of the user's: caps for the ledger, put journals for the disk (protocol.md §10). */
import { createCipheriv, createDecipheriv } from 'node:crypto'
import { assertBytes, concat } from '../base/bytes.ts'
import { HoldfastError } from '../base/errors.ts'
import type { Rng } from '../base/ports.ts'

const NONCE_BYTES = 12
const TAG_BYTES = 16

/** AES-256-GCM with a random nonce in front. */
export interface Vault {
  seal(plain: Uint8Array): Uint8Array
  /** @throws `KEY_DAMAGED` when it was sealed under another key or is damaged; `what` names it for the message */
  open(sealed: Uint8Array, what: string): Uint8Array
}

/** @param key 32 bytes: `ledgerKey` for caps */
export function createVault(key: Uint8Array, rng: Rng): Vault {
  assertBytes(key, 32, 'key')
  return {
    seal: (plain) => {
      const nonce = rng.bytes(NONCE_BYTES)
      const cipher = createCipheriv('aes-256-gcm', key, nonce)
      return concat(nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag())
    },
    open: (sealed, what) => {
      try {
        const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, NONCE_BYTES))
        decipher.setAuthTag(sealed.subarray(-TAG_BYTES))
        return concat(decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final())
      } catch (cause) {
        throw new HoldfastError('KEY_DAMAGED', { path: what, what: 'it does not decrypt' }, { cause })
      }
    },
  }
}
