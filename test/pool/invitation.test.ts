import { expect } from 'chai'
import { type Address, addressOf } from '../../base/curve.ts'
import { unixTime } from '../../base/units.ts'
import {
  assertInvitation,
  formatInvitation,
  type InvitationCode,
  invitedMembers,
  makeInvitation,
  parseInvitation,
  presentation,
} from '../../pool/invitation.ts'
import { ROLE } from '../../pool/registry-view.ts'
import { DOMAIN, FakeRegistry } from './pool-nodes.ts'

const NOW = 1_800_000_000
const MANAGER = new Uint8Array(32).fill(0x41)
const KEY = new Uint8Array(32).fill(0x42)
const GUESTS = [0x51, 0x52, 0x53].map((fill) => addressOf(new Uint8Array(32).fill(fill)))
const guest = (at: number) => GUESTS[at] as Address
const market = addressOf(new Uint8Array(32).fill(0x61))

function aCode(change: Partial<Omit<InvitationCode, 'secret' | 'signature'>> = {}): InvitationCode {
  return makeInvitation(MANAGER, KEY, { domain: DOMAIN, market, from: 12, uses: 1, expires: NOW + 60, ...change })
}

function aPool(): FakeRegistry {
  const registry = new FakeRegistry()
  registry.set(addressOf(MANAGER), { level: 'delegate', roles: ROLE.manager })
  for (const id of GUESTS) registry.set(id)
  return registry
}

const shown = (member: Address, code: InvitationCode, at = NOW) => ({
  member,
  bytes: presentation(code, member),
  at: unixTime(at),
})

describe('pool/invitation', () => {
  it('comes back from its code as it was, with blanks and line ends in it', () => {
    const code = aCode({ uses: 7 })
    const text = formatInvitation(code)
    expect(text).to.match(/^hfp1[\w-]{220}$/)
    expect(parseInvitation(`  ${text.slice(0, 90)}\n ${text.slice(90)} `)).to.deep.equal(code)
  })

  it('is refused when a character is wrong, missing or too much', () => {
    const text = formatInvitation(aCode())
    for (let at = 4; at < text.length; at += 7) {
      const other = text[at] === 'A' ? 'B' : 'A'
      expect(() => parseInvitation(text.slice(0, at) + other + text.slice(at + 1)), String(at))
        .to.throw()
        .with.property('code', 'INPUT_FORMAT')
    }
    for (const wrong of [
      '',
      'hfp1',
      text.slice(1),
      text.slice(0, -1),
      `${text}A`,
      `hfp2${text.slice(4)}`,
      'ä'.repeat(224),
    ])
      expect(() => parseInvitation(wrong), wrong)
        .to.throw()
        .with.property('code', 'INPUT_FORMAT')
  })

  it('counts until its last second, and while its signer is a manager in good standing', () => {
    const registry = aPool()
    expect(assertInvitation(aCode(), registry, unixTime(NOW + 60))).to.equal(addressOf(MANAGER))
    expect(() => assertInvitation(aCode(), registry, unixTime(NOW + 61))).to.throw('it expired')
    expect(() => assertInvitation({ ...aCode(), uses: 100 }, registry, unixTime(NOW))).to.throw('no manager')
    for (const change of [{ standing: 'banned' }, { level: 'agent' }, { roles: 0 }]) {
      const other = aPool()
      other.set(addressOf(MANAGER), change)
      expect(() => assertInvitation(aCode(), other, unixTime(NOW)), JSON.stringify(change))
        .to.throw()
        .with.property('code', 'POOL_INVITATION')
      expect(invitedMembers([shown(guest(0), aCode())], { domain: DOMAIN, registry: other })).to.have.length(0)
    }
  })

  it('lets in the first so many, in the order of the log, each once', () => {
    const code = aCode({ uses: 2 })
    const log = [shown(guest(1), code), shown(guest(1), code), shown(guest(0), code), shown(guest(2), code)]
    const invited = invitedMembers(log, { domain: DOMAIN, registry: aPool() })
    expect([...invited]).to.deep.equal([guest(1), guest(0)])
  })

  it('lets nobody in who copied it from the log, came late, is of another pool, or lays down rubbish', () => {
    const code = aCode({ uses: 9 })
    const other = { ...DOMAIN, chainId: 1 }
    const foreign = makeInvitation(MANAGER, KEY, { ...code, domain: other })
    const log = [
      { ...shown(guest(0), code), member: guest(1) },
      shown(guest(2), code, NOW + 61),
      shown(guest(2), foreign),
      { member: guest(2), bytes: new Uint8Array(158).fill(7), at: unixTime(NOW) },
      { member: guest(2), bytes: new Uint8Array(3), at: unixTime(NOW) },
    ]
    expect(invitedMembers(log, { domain: DOMAIN, registry: aPool() })).to.have.length(0)
  })

  it('that nobody entitled has signed takes no place of one that is', () => {
    const mine = makeInvitation(new Uint8Array(32).fill(0x77), KEY, { ...aCode() })
    const log = [shown(guest(0), mine), shown(guest(1), aCode())]
    expect([...invitedMembers(log, { domain: DOMAIN, registry: aPool() })]).to.deep.equal([guest(1)])
  })
})
