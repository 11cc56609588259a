import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { concat, fromHex, toHex0x } from '../../base/bytes.ts'
import { type Address, addressOf, compactSignature, recoverSigner, signDigest } from '../../base/curve.ts'
import * as typed from '../../base/typed-data.ts'

const vectors = JSON.parse(readFileSync(new URL('../vectors/protocol.json', import.meta.url), 'utf8'))
const { eip712, challenge } = vectors
const domain = { chainId: eip712.domain.chainId, contract: eip712.domain.verifyingContract }
const [two, three] = ['2', '3'].map((digit) => `0x${digit.repeat(40)}` as Address) as [Address, Address]

describe('base/typed-data', () => {
  it('gives the digests of the independent program', () => {
    const { sweep, release, voucher, rows, docket, unpaid } = eip712
    const hex = (bytes: Uint8Array) => toHex0x(bytes)
    expect(hex(typed.sweepDigest(domain, sweep))).to.equal(sweep.digest)
    expect(hex(typed.releaseDigest(domain, { ...release, bountyId: fromHex(release.bountyId) }))).to.equal(
      release.digest,
    )
    expect(hex(typed.voucherDigest(domain, { ...voucher, cumulative: BigInt(voucher.cumulative) }))).to.equal(
      voucher.digest,
    )
    expect(
      hex(typed.rowsDigest(domain, { placement: fromHex(rows.placement), answersRoot: fromHex(rows.answersRoot) })),
    ).to.equal(rows.digest)
    expect(
      hex(
        typed.docketDigest(domain, {
          ...docket,
          docketHash: fromHex(docket.docketHash),
          amount: BigInt(docket.amount),
        }),
      ),
    ).to.equal(docket.digest)
    expect(
      hex(
        typed.demandDigest(domain, { bountyId: fromHex(eip712.bountyId.id), docketHash: fromHex(docket.docketHash) }),
      ),
    ).to.equal(eip712.demand.digestOfBountyAndDocketAbove)
    expect(hex(typed.unpaidDigest(domain, { ...unpaid, placement: fromHex(unpaid.placement) }))).to.equal(unpaid.digest)
  })

  it('gives the digest of the placement, with every field in its place', () => {
    const p = eip712.placement
    const placement: typed.Placement = {
      ...p,
      price: BigInt(p.price),
      egressPrice: BigInt(p.egressPrice),
      bond: BigInt(p.bond),
      blobId: fromHex(p.blobId),
      answersRoot: fromHex(p.answersRoot),
      tokenHash: fromHex(p.tokenHash),
      advert: fromHex(p.advert),
    }
    expect(toHex0x(typed.placementDigest(domain, placement))).to.equal(p.digest)
  })

  it('gives the digest of a net statement with a negative delta', () => {
    const digest = typed.netStatementDigest(domain, {
      deltas: [
        { account: two, amount: -5n },
        { account: three, amount: 5n },
      ],
      retired: [{ from: two, to: three, cumulative: 7n }],
      salt: new Uint8Array(32).fill(0x0b),
      expires: eip712.netStatement.expires,
    })
    expect(toHex0x(digest)).to.equal(eip712.netStatement.digest)
  })

  it('gives the pool id and the digests of the handshake', () => {
    const { pool } = eip712
    const poolDomain = { chainId: 31337, contract: pool.registrar }
    expect(toHex0x(typed.poolIdOf(poolDomain))).to.equal(pool.poolId)
    const hello = {
      ...pool.hello,
      connectionId: fromHex(pool.hello.connectionId),
      nonce: fromHex(pool.hello.nonce),
      pool: fromHex(pool.hello.pool),
    }
    expect(toHex0x(typed.helloDigest(poolDomain, hello))).to.equal(pool.helloDigest)
    const welcome = { ...pool.welcome, hello: fromHex(pool.welcome.hello) }
    expect(toHex0x(typed.welcomeDigest(poolDomain, welcome))).to.equal(pool.welcomeDigest)
  })

  it('names a bounty by poster, claim key and steward', () => {
    const { poster, claimKey, steward, id } = eip712.bountyId
    expect(toHex0x(typed.bountyIdOf(poster, claimKey, steward))).to.equal(id)
  })

  it('signs as the independent program does, and recovers the claim key', () => {
    const secret = fromHex(challenge.docketOfOne.claimSecret)
    const digest = typed.sweepDigest(domain, eip712.sweep)
    const signature = signDigest(secret, digest)
    const compact = compactSignature(signature)
    expect(toHex0x(compact.r)).to.equal(eip712.sweep.signatureByDocketOfOne.r)
    expect(toHex0x(compact.yParityAndS)).to.equal(eip712.sweep.signatureByDocketOfOne.yParityAndS)
    expect(recoverSigner(digest, signature)).to.equal(challenge.docketOfOne.claimKey)
    expect(addressOf(secret)).to.equal(challenge.docketOfOne.claimKey)
  })

  it('recovers nobody from a malleated or malformed signature', () => {
    const digest = typed.sweepDigest(domain, eip712.sweep)
    const good = signDigest(fromHex(challenge.docketOfOne.claimSecret), digest)
    const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
    const s = BigInt(toHex0x(good.subarray(32, 64)))
    const flipped = concat(
      good.subarray(0, 32),
      fromHex((order - s).toString(16).padStart(64, '0')),
      Uint8Array.of(good[64] === 27 ? 28 : 27),
    )
    expect(recoverSigner(digest, flipped)).to.equal(undefined)
    expect(recoverSigner(digest, good.subarray(0, 64))).to.equal(undefined)
    expect(recoverSigner(digest, concat(good.subarray(0, 64), Uint8Array.of(0)))).to.equal(undefined)
    expect(recoverSigner(digest, concat(new Uint8Array(32).fill(255), good.subarray(32)))).to.equal(undefined)
  })
})
