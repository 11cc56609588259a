import { expect } from 'chai'
import fc from 'fast-check'
import { toHex } from '../../base/bytes.ts'
import { type Address, addressOf } from '../../base/curve.ts'
import { hasCode } from '../../base/errors.ts'
import { unixTime } from '../../base/units.ts'
import {
  cutPermit,
  formatScopes,
  grantPermit,
  lastOf,
  PERMIT_LINKS,
  type PermitChain,
  type PermitQuestion,
  parseScopes,
  permitFromJson,
  permitToJson,
  SCOPES,
  verifyPermit,
} from '../../pool/permit.ts'
import { effort } from '../effort.ts'
import { DOMAIN } from './pool-nodes.ts'

const NOW = 1_800_000_000
const ALL = 15
const KEYS = Array.from({ length: 6 }, (_, i) => new Uint8Array(32).fill(0x31 + i))
const IDS = KEYS.map((secret) => addressOf(secret))
const MASTER = KEYS[0] as Uint8Array
const idOf = (at: number) => IDS[at] as Address
const keyOf = (at: number) => KEYS[at] as Uint8Array

/** A chain from the master through holders 1, 2, …, as far as the links go. */
interface Shape {
  /** Bits kept, and seconds taken off, at each link. */
  readonly links: readonly { readonly keep: number; readonly less: number }[]
}

const aShape = fc.record<Shape>({
  links: fc.array(fc.record({ keep: fc.integer({ min: 0, max: ALL }), less: fc.integer({ min: 0, max: 500 }) }), {
    minLength: 1,
    maxLength: PERMIT_LINKS,
  }),
})

function makeChain({ links }: Shape): PermitChain {
  let chain: PermitChain | undefined
  let scopes = ALL
  let expires = NOW + 10_000
  for (const [at, { keep, less }] of links.entries()) {
    scopes &= keep
    expires -= less
    const wish = { holder: idOf(at + 1), scopes, expires, id: new Uint8Array(32).fill(at + 1) }
    chain = chain === undefined ? grantPermit(DOMAIN, MASTER, wish) : cutPermit(chain, keyOf(at), wish)
  }
  return chain as PermitChain
}

const ask = (chain: PermitChain, change: Partial<PermitQuestion> = {}): PermitQuestion => ({
  domain: DOMAIN,
  master: idOf(0),
  by: lastOf(chain).holder,
  scopes: 0,
  now: unixTime(NOW),
  isRevoked: () => false,
  isTrusted: () => true,
  ...change,
})

function refusal(chain: PermitChain, question: PermitQuestion): string | undefined {
  try {
    verifyPermit(chain, question)
    return undefined
  } catch (cause) {
    if (!hasCode(cause, 'POOL_PERMIT')) throw cause
    return cause.message
  }
}

/** The chain with one link's permit changed, its signature kept. */
function tampered(chain: PermitChain, at: number, change: object): PermitChain {
  const links = chain.links.map((link, i) => (i === at ? { ...link, permit: { ...link.permit, ...change } } : link))
  return { ...chain, links }
}

describe('pool/permit (F55)', function () {
  this.timeout(120_000 + effort(0, 600_000))
  const runs = { numRuns: effort(60, 1_000, 20_000) }

  it('serves for what each link leaves, and for nothing more', () => {
    fc.assert(
      fc.property(aShape, fc.integer({ min: 0, max: ALL }), (shape, wanted) => {
        const chain = makeChain(shape)
        const left = shape.links.reduce((bits, { keep }) => bits & keep, ALL)
        const why = refusal(chain, ask(chain, { scopes: wanted }))
        expect(why === undefined, why).to.equal((wanted & ~left) === 0)
      }),
      runs,
    )
  })

  it('is refused when any field of any link was changed, or its signature', () => {
    const change = fc.oneof(
      fc.record({ scopes: fc.integer({ min: 0, max: 0xffff_ffff }) }),
      fc.record({ expires: fc.integer({ min: NOW, max: NOW + 10_000_000 }) }),
      fc.record({ holder: fc.constantFrom(...IDS) }),
      fc.record({ id: fc.uint8Array({ minLength: 32, maxLength: 32 }) }),
      fc.record({ parent: fc.uint8Array({ minLength: 32, maxLength: 32 }) }),
    )
    fc.assert(
      fc.property(aShape, fc.nat(PERMIT_LINKS), change, (shape, place, what) => {
        const chain = makeChain(shape)
        const at = place % chain.links.length
        const other = tampered(chain, at, what)
        fc.pre(JSON.stringify(permitToJson(other)) !== JSON.stringify(permitToJson(chain)))
        expect(refusal(other, ask(chain)), JSON.stringify(what)).to.be.a('string')
      }),
      runs,
    )
  })

  it('is refused to everybody but its holder, and when a key other than its parent’s holder signed it', () => {
    fc.assert(
      fc.property(aShape, fc.nat(5), (shape, who) => {
        const chain = makeChain(shape)
        const holder = chain.links.length
        expect(refusal(chain, ask(chain, { by: idOf(who) })) === undefined).to.equal(who === holder)
        fc.pre(who !== 0)
        const forged = grantPermit(DOMAIN, keyOf(who), { ...lastOf(chain), holder: idOf(holder) })
        expect(refusal(forged, ask(forged))).to.contain('it is not signed by')
      }),
      runs,
    )
  })

  it('ends for all that was cut from it when a link expires or is revoked by its signer or the master', () => {
    fc.assert(
      fc.property(aShape, fc.nat(PERMIT_LINKS), fc.nat(PERMIT_LINKS + 1), (shape, place, revoker) => {
        const chain = makeChain(shape)
        const { expires } = lastOf(chain)
        expect(refusal(chain, ask(chain, { now: unixTime(expires) }))).to.equal(undefined)
        expect(refusal(chain, ask(chain, { now: unixTime(expires + 1) }))).to.contain('it expired')
        const at = place % chain.links.length
        const id = toHex(chain.links[at]?.permit.id as Uint8Array)
        const isRevoked = (signer: Address, other: Uint8Array) => signer === idOf(revoker) && toHex(other) === id
        const why = refusal(chain, ask(chain, { isRevoked }))
        expect(why !== undefined, why).to.equal(revoker === 0 || revoker === at) // link `at` is signed by holder `at`
        const isTrusted = (holder: Address) => holder !== idOf(at + 1)
        expect(refusal(chain, ask(chain, { isTrusted }))).to.contain('lost its standing')
      }),
      runs,
    )
  })

  it('cannot be cut wider, longer or more than four deep', () => {
    const first = grantPermit(DOMAIN, MASTER, { holder: idOf(1), scopes: 5, expires: NOW + 60, id: new Uint8Array(32) })
    const cut = (chain: PermitChain, at: number, scopes: number, expires: number) =>
      cutPermit(chain, keyOf(at), { holder: idOf(at + 1), scopes, expires, id: new Uint8Array(32) })
    expect(() => cut(first, 1, 7, NOW)).to.throw('registrar.assign')
    expect(() => cut(first, 1, 5, NOW + 61)).to.throw('ends sooner')
    const deep = cut(cut(cut(first, 1, 5, NOW + 60), 2, 4, NOW + 60), 3, 4, NOW + 60)
    expect(refusal(deep, ask(deep, { scopes: SCOPES['pool.policy'] }))).to.equal(undefined)
    expect(() => cut(deep, 4, 4, NOW)).to.throw('at most 4')
    // also when somebody else's program did it
    const wider = grantPermit(DOMAIN, keyOf(1), { ...lastOf(first), holder: idOf(2), scopes: ALL })
    expect(refusal({ ...first, links: [...first.links, ...wider.links] }, ask(wider))).to.be.a('string')
  })

  it('counts in its own pool only', () => {
    const chain = makeChain({ links: [{ keep: ALL, less: 0 }] })
    for (const domain of [
      { ...DOMAIN, chainId: 1 },
      { ...DOMAIN, contract: idOf(5) },
    ]) {
      expect(refusal(chain, ask(chain, { domain }))).to.contain('another pool')
      expect(refusal({ ...chain, domain }, ask(chain, { domain }))).to.contain('not signed by')
    }
  })

  it('comes back from its file as it was; what is no permit is refused by name', () => {
    const chain = makeChain({
      links: [
        { keep: 7, less: 1 },
        { keep: 3, less: 2 },
      ],
    })
    const json: unknown = JSON.parse(JSON.stringify(permitToJson(chain)))
    expect(permitFromJson(json)).to.deep.equal(chain)
    const wrong: unknown[] = [undefined, [], {}, { ...(json as object), schema: 2 }, { ...(json as object), links: [] }]
    wrong.push({ ...(json as object), links: [{ holder: 'x' }] }, { ...(json as object), registrar: '0x12' })
    for (const value of wrong)
      expect(() => permitFromJson(value), JSON.stringify(value))
        .to.throw()
        .with.property('code', 'INPUT_FORMAT')
  })

  it('names scopes both ways and refuses others', () => {
    expect(parseScopes('registrar.standing, pool.policy')).to.equal(5)
    expect(formatScopes(5)).to.deep.equal(['registrar.standing', 'pool.policy'])
    expect(formatScopes(16)).to.deep.equal(['unknown 16'])
    expect(() => parseScopes('everything')).to.throw('registrar.standing')
    expect(() => parseScopes('toString')).to.throw('scope')
  })
})
