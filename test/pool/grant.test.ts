import { expect } from 'chai'
import { type Address, addressOf } from '../../base/curve.ts'
import { HoldfastError } from '../../base/errors.ts'
import {
  assertRight,
  type Grant,
  MAX_TRANSFERS,
  type Right,
  signGrant,
  spendRight,
  transferRight,
} from '../../pool/grant.ts'
import { rng } from '../net/nodes.ts'

const [requester, verifier, client, friend] = Array.from({ length: 4 }, () => rng.bytes(32)) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
  Uint8Array,
]
const NOW = 1_800_000_000
const pool = rng.bytes(32)
const grant: Grant = {
  pool,
  requester: addressOf(requester),
  verifier: addressOf(verifier),
  audience: addressOf(verifier),
  bytes: 1000,
  expires: NOW + 86_400,
  id: rng.bytes(32),
}
const right = signGrant(verifier, grant)

function why(act: () => unknown): string {
  try {
    act()
  } catch (cause) {
    if (cause instanceof HoldfastError && cause.code === 'RIGHT_INVALID') return String(cause.data['what'])
    throw cause
  }
  return 'good'
}

const check = (shown: Right, holder: Address, change: object = {}) =>
  assertRight(shown, { pool, audience: addressOf(verifier), holder, now: NOW, isTrusted: () => false, ...change })

describe('pool/grant', () => {
  it('is good at its audience, for whom it names, until it expires', () => {
    expect(check(right, grant.requester)).to.equal(1000)
    expect(check(right, grant.requester, { now: grant.expires })).to.equal(1000)
    expect(why(() => check(right, grant.requester, { now: grant.expires + 1 }))).to.match(/expired/)
    expect(why(() => check(right, addressOf(client)))).to.match(/a right of/)
    expect(why(() => check(right, grant.requester, { audience: addressOf(friend) }))).to.match(/a grant for/)
    expect(why(() => check(right, grant.requester, { pool: rng.bytes(32) }))).to.match(/another pool/)
  })

  it('is worth nothing when a field of it was changed', () => {
    const changes: Partial<Grant>[] = [
      { bytes: 1001 },
      { expires: NOW + 90_000 },
      { id: rng.bytes(32) },
      { requester: addressOf(client) },
    ]
    for (const change of changes)
      expect(
        why(() => check({ ...right, grant: { ...grant, ...change } }, change.requester ?? grant.requester)),
      ).to.match(/did not sign/)
  })

  it('of another verifier is good only when that one is trusted', () => {
    const foreign = signGrant(friend, { ...grant, verifier: addressOf(friend) })
    expect(why(() => check(foreign, grant.requester))).to.match(/may not verify/)
    expect(check(foreign, grant.requester, { isTrusted: (id: Address) => id === addressOf(friend) })).to.equal(1000)
  })

  it('is passed on, in part, and never for more', () => {
    const passed = transferRight(requester, right, addressOf(client), 600)
    expect(check(passed, addressOf(client))).to.equal(600)
    expect(
      why(() => check(passed, grant.requester)),
      'the giver has it no more in this form',
    ).to.match(/a right of/)
    const further = transferRight(client, passed, addressOf(friend), 600)
    expect(check(further, addressOf(friend))).to.equal(600)
    expect(why(() => transferRight(client, passed, addressOf(friend), 601))).to.match(/out of 600/)
  })

  it('widened, forged or cut out of its chain it is refused', () => {
    const passed = transferRight(requester, right, addressOf(client), 600)
    const [transfer] = passed.transfers
    const widened = { ...passed, transfers: [{ ...(transfer as (typeof passed.transfers)[0]), bytes: 900 }] }
    expect(why(() => check(widened, addressOf(client)))).to.match(/did not sign/)
    const over = { ...passed, transfers: [{ ...(transfer as (typeof passed.transfers)[0]), bytes: 1001 }] }
    expect(why(() => check(over, addressOf(client)))).to.match(/out of 1000/)
    const byThief = transferRight(friend, right, addressOf(friend), 10)
    expect(why(() => check(byThief, addressOf(friend)))).to.match(/did not sign the transfer/)
    const further = transferRight(client, passed, addressOf(friend), 600)
    const cut = { ...further, transfers: further.transfers.slice(1) }
    expect(why(() => check(cut, addressOf(friend)))).to.match(/did not sign the transfer/)
  })

  it('goes through so many hands and no more', () => {
    let long = right
    for (let i = 0; i < MAX_TRANSFERS; i++) long = transferRight(requester, long, grant.requester, 100)
    expect(check(long, grant.requester)).to.equal(100)
    expect(why(() => transferRight(requester, long, grant.requester, 100))).to.match(/more than 4/)
  })

  it('is spent byte by byte, and not once more', () => {
    const first = spendRight(right, 1000, undefined, 400)
    const second = spendRight(right, 1000, first, 600)
    expect(second.bytes).to.equal(1000)
    expect(why(() => spendRight(right, 1000, second, 1))).to.match(/0 are left/)
    expect(why(() => spendRight(right, 600, first, 201))).to.match(/200 are left/)
  })
})
