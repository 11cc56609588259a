/**
 * Permits (P1: administrator, master proxy): scoped, expiring, revocable, signed by the master; a holder may cut a narrower one from its own and
 * pass it on. Pure. The registrar contract holds to the same rules (contracts/Registrar.sol, underPermit): who is refused here is refused there.
 */
import { equalBytes, fromHex, toHex, toHex0x } from '../base/bytes.ts'
import { type Address, parseAddress, recoverSigner, signDigest } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import { type Domain, type Permit, permitDigest } from '../base/typed-data.ts'
import { formatTime, type UnixTime, unixTime } from '../base/units.ts'

/** What may be permitted, by name. The bits are those of contracts/libraries/Permits.sol. */
export const SCOPES = {
  /** Change the standing of members. */
  'registrar.standing': 1,
  /** Say which manager an agent has. */
  'registrar.assign': 2,
  /** Set the pool's policy. */
  'pool.policy': 4,
  /** Raise and lower members, give delegates their roles. */
  'pool.appoint': 8,
} as const
export type Scope = keyof typeof SCOPES

/** Most permits in a chain. */
export const PERMIT_LINKS = 4
/** A permit file of that many is far below this. Bytes. */
export const PERMIT_FILE_LIMIT = 8192

const NO_PARENT = new Uint8Array(32)

/** A permit with its signature, 65 bytes. */
export interface SignedPermit {
  readonly permit: Permit
  readonly signature: Uint8Array
}

/** Permits, each cut from the one before; the first is the master's. Whoever holds the last may act. */
export interface PermitChain {
  readonly domain: Domain
  readonly links: readonly SignedPermit[]
}

/** "registrar.standing,pool.policy" as bits. @throws `INPUT_FORMAT` */
export function parseScopes(text: string): number {
  let bits = 0
  for (const name of text.split(',').map((each) => each.trim())) {
    if (!Object.hasOwn(SCOPES, name))
      throw new HoldfastError('INPUT_FORMAT', {
        name: 'scope',
        expected: `some of ${Object.keys(SCOPES).join(', ')}`,
        got: name.slice(0, 80),
      })
    bits |= SCOPES[name as Scope]
  }
  return bits
}

/** Names of scopes; bits that this program does not know as numbers. */
export function formatScopes(bits: number): readonly string[] {
  const known = (Object.keys(SCOPES) as Scope[]).filter((name) => (bits & SCOPES[name]) !== 0)
  const rest = known.reduce((left, name) => left & ~SCOPES[name], bits)
  return rest === 0 ? known : [...known, `unknown ${rest}`]
}

export interface PermitWish {
  readonly holder: Address
  readonly scopes: number
  /** Last second. Chain time. */
  readonly expires: number
  /** 32 bytes, drawn. */
  readonly id: Uint8Array
}

/** A permit by the master. @param secret the master's */
export function grantPermit(domain: Domain, secret: Uint8Array, wish: PermitWish): PermitChain {
  return { domain, links: [sign(domain, secret, NO_PARENT, wish)] }
}

/**
 * A permit cut from one that is held. @param secret the holder's
 * @throws `POOL_PERMIT` when it would be wider or longer, or the chain would be too long
 */
export function cutPermit(chain: PermitChain, secret: Uint8Array, wish: PermitWish): PermitChain {
  const last = lastOf(chain)
  if (chain.links.length >= PERMIT_LINKS) throw refusal(`at most ${PERMIT_LINKS} permits follow each other`)
  assertNoWider(wish, last)
  return {
    ...chain,
    links: [...chain.links, sign(chain.domain, secret, permitDigest(chain.domain, last), wish)],
  }
}

/** What is asked of a permit, and what the chain says. */
export interface PermitQuestion {
  /** The pool's own. */
  readonly domain: Domain
  readonly master: Address
  readonly by: Address
  /** Bits that are needed; all of them. */
  readonly scopes: number
  /** Chain time. */
  readonly now: UnixTime
  /** Whether this signer revoked its permits of this id. Registrar.isPermitRevoked. */
  isRevoked(signer: Address, id: Uint8Array): boolean
  /** Whether it may act: no member, or one in good standing. */
  isTrusted(holder: Address): boolean
}

/** @returns what the last permit allows. @throws `POOL_PERMIT` saying what is wrong */
export function verifyPermit(chain: PermitChain, question: PermitQuestion): Permit {
  const { domain, master, now } = question
  if (chain.domain.chainId !== domain.chainId || chain.domain.contract !== domain.contract)
    throw refusal('it is of another pool')
  if (chain.links.length === 0 || chain.links.length > PERMIT_LINKS)
    throw refusal(`1 to ${PERMIT_LINKS} permits make a chain, not ${chain.links.length}`)
  let signer = master
  let above: Permit | undefined
  for (const { permit, signature } of chain.links) {
    const parent = above === undefined ? NO_PARENT : permitDigest(domain, above)
    if (!equalBytes(permit.parent, parent)) throw refusal('it was cut from another permit')
    if (above !== undefined) assertNoWider(permit, above)
    if (recoverSigner(permitDigest(domain, permit), signature) !== signer)
      throw refusal(`it is not signed by ${signer}`)
    for (const revoker of new Set([signer, master]))
      if (question.isRevoked(revoker, permit.id)) throw refusal(`${revoker} revoked it`)
    if (permit.expires < now) throw refusal(`it expired at ${formatTime(permit.expires)}`)
    if (!question.isTrusted(permit.holder)) throw refusal(`${permit.holder} lost its standing`)
    signer = permit.holder
    above = permit
  }
  const last = lastOf(chain)
  if (signer !== question.by) throw refusal(`it is for ${signer}, not for ${question.by}`)
  const missing = question.scopes & ~last.scopes
  if (missing !== 0) throw refusal(`it does not cover ${formatScopes(missing).join(', ')}`)
  return last
}

/** The permit that acts. @throws `POOL_PERMIT` for an empty chain */
export function lastOf({ links }: PermitChain): Permit {
  const last = links.at(-1)
  if (last === undefined) throw refusal('it is empty')
  return last.permit
}

/** As a file. */
export function permitToJson({ domain, links }: PermitChain): unknown {
  return {
    schema: 1,
    type: 'permit',
    chainId: domain.chainId,
    registrar: domain.contract,
    links: links.map(({ permit, signature }) => ({
      parent: toHex(permit.parent),
      holder: permit.holder,
      scopes: permit.scopes,
      expires: permit.expires,
      id: toHex(permit.id),
      signature: toHex(signature),
    })),
  }
}

/** @throws `INPUT_FORMAT` when it is none */
export function permitFromJson(value: unknown): PermitChain {
  const { schema, type, chainId, registrar, links } = asRecord(value)
  if (schema !== 1 || type !== 'permit') throw malformed('schema 1 and type permit')
  if (typeof chainId !== 'number' || !Number.isSafeInteger(chainId)) throw malformed('a chainId')
  if (!Array.isArray(links) || links.length === 0 || links.length > PERMIT_LINKS)
    throw malformed(`1 to ${PERMIT_LINKS} links`)
  return {
    domain: { chainId, contract: parseAddress(String(registrar), 'registrar') },
    links: links.map((link: unknown) => {
      const { parent, holder, scopes, expires, id, signature } = asRecord(link)
      return {
        permit: {
          parent: bytesOf(parent, 32),
          holder: parseAddress(String(holder), 'holder'),
          scopes: uint32Of(scopes),
          expires: unixTime(uint32Of(expires)),
          id: bytesOf(id, 32),
        },
        signature: bytesOf(signature, 65),
      }
    }),
  }
}

/** The chain as `underPermit` takes it. */
export function permitArguments({
  links,
}: PermitChain): readonly [chain: readonly object[], signatures: readonly string[]] {
  return [
    links.map(({ permit }) => ({ ...permit, parent: toHex0x(permit.parent), id: toHex0x(permit.id) })),
    links.map(({ signature }) => toHex0x(signature)),
  ]
}

/** What else the wish may carry has no say in whose child the permit is. */
function sign(domain: Domain, secret: Uint8Array, parent: Uint8Array, wish: PermitWish): SignedPermit {
  const permit: Permit = { ...wish, parent }
  return { permit, signature: signDigest(secret, permitDigest(domain, permit)) }
}

function assertNoWider(it: Pick<Permit, 'scopes' | 'expires'>, above: Permit): void {
  const wider = it.scopes & ~above.scopes
  if (wider !== 0) throw refusal(`what it was cut from does not cover ${formatScopes(wider).join(', ')}`)
  if (it.expires > above.expires) throw refusal('what it was cut from ends sooner')
}

function refusal(what: string): HoldfastError {
  return new HoldfastError('POOL_PERMIT', { what })
}

function malformed(expected: string): HoldfastError {
  return new HoldfastError('INPUT_FORMAT', { name: 'permit', expected, got: 'something else' })
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed('an object')
  return value as Readonly<Record<string, unknown>>
}

function bytesOf(value: unknown, length: number): Uint8Array {
  if (typeof value !== 'string') throw malformed(`${length} bytes in hex`)
  return fromHex(value, length)
}

function uint32Of(value: unknown): number {
  if (!Number.isInteger(value) || (value as number) < 0 || (value as number) > 0xffff_ffff) throw malformed('a uint32')
  return value as number
}
