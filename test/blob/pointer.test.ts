import { createCipheriv } from 'node:crypto'
import { expect } from 'chai'
import { concat, toHex } from '../../base/bytes.ts'
import { encodeCbor } from '../../base/codec.ts'
import { HoldfastError } from '../../base/errors.ts'
import { hkdf } from '../../base/hash.ts'
import { MAX_POINTER_BYTES, openPointer, sealPointer } from '../../blob/pointer.ts'

const backupKey = new Uint8Array(32).fill(1)
const cap = new Uint8Array(32).fill(2)
const nonce = new Uint8Array(12).fill(3)
const invalid = (bytes: Uint8Array, key = backupKey) =>
  expect(() => openPointer(key, bytes))
    .to.throw(HoldfastError)
    .with.property('code', 'BACKUP_INVALID')

describe('blob/pointer', () => {
  it('is nonce, AES-256-GCM of {v: 1, version, cap} under HKDF(backupKey, "pointer"), and tag', () => {
    const cipher = createCipheriv('aes-256-gcm', hkdf(backupKey, 'pointer'), nonce)
    const expected = concat(
      nonce,
      cipher.update(encodeCbor({ v: 1, version: 7, cap })),
      cipher.final(),
      cipher.getAuthTag(),
    )
    expect(toHex(sealPointer(backupKey, { version: 7, cap }, nonce))).to.equal(toHex(expected))
  })

  it('comes back as it was, and fits the contract whatever its version', () => {
    for (const version of [1, 24, 2 ** 53 - 1]) {
      const sealed = sealPointer(backupKey, { version, cap }, nonce)
      expect(sealed.length).to.be.at.most(MAX_POINTER_BYTES)
      expect(openPointer(backupKey, sealed)).to.deep.equal({ version, cap })
    }
  })

  it('opens with no other words, and not when a bit is flipped', () => {
    const sealed = sealPointer(backupKey, { version: 1, cap }, nonce)
    invalid(sealed, new Uint8Array(32).fill(9))
    for (let at = 0; at < sealed.length; at += 7) invalid(sealed.with(at, (sealed[at] as number) ^ 1))
    invalid(sealed.subarray(0, 20))
    invalid(new Uint8Array(MAX_POINTER_BYTES + 1))
  })
})
