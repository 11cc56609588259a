/**
 * Invitations: a manager signs that whoever has a certain key may join, so many of them, until then. The code carries that key's secret and where the
 * pool is; who joins with it lays the invitation, signed for its own id, into the registrar's log, where managers find it whenever they are
 * there. Pure. docs/spec/pool.md.
 */
import { bytesToUint, concat, equalBytes, fromHex, readU32, toHex0x, u32, uintBytes } from '../base/bytes.ts'
import { type Address, addressOf, recoverSigner, signDigest } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import { sha256 } from '../base/hash.ts'
import { acceptanceDigest, type Domain, type Invitation, invitationDigest } from '../base/typed-data.ts'
import { formatTime, type UnixTime } from '../base/units.ts'
import { type MemberView, type RegistryView, ROLE } from './registry-view.ts'

/** What an invitation code says. */
export interface InvitationCode {
  /** The contract is the registrar. */
  readonly domain: Domain
  readonly market: Address
  /** Block of the older of the two: where reading begins. */
  readonly from: number
  readonly uses: number
  /** Last second. Chain time. */
  readonly expires: number
  /** Secret of the invitation's key: whoever has the code may come. 32 bytes. */
  readonly secret: Uint8Array
  /** The manager's, 65 bytes. */
  readonly signature: Uint8Array
}

/** Most who may come with one code. */
export const USES_LIMIT = 10_000
const PREFIX = 'hfp1'
/** chain id 8, registrar 20, market 20, block 8, uses 4, expires 4, secret 32, signature 65, checksum 4. Bytes. */
const CODE_BYTES = 165
/** key 20, uses 4, expires 4, signatures 65 each. Bytes. */
const PRESENTED_BYTES = 158

/** @param secret the manager's. @param draw 32 bytes: the invitation's key */
export function makeInvitation(
  secret: Uint8Array,
  draw: Uint8Array,
  terms: Omit<InvitationCode, 'secret' | 'signature'>,
): InvitationCode {
  const { domain, uses, expires } = terms
  const signature = signDigest(secret, invitationDigest(domain, { key: addressOf(draw), uses, expires }))
  return { ...terms, secret: draw, signature }
}

/** The code as people copy it: `hfp1` and base64url with a checksum. */
export function formatInvitation(code: InvitationCode): string {
  const body = concat(
    uintBytes(BigInt(code.domain.chainId), 8),
    fromHex(code.domain.contract, 20),
    fromHex(code.market, 20),
    uintBytes(BigInt(code.from), 8),
    u32(code.uses),
    u32(code.expires),
    code.secret,
    code.signature,
  )
  return PREFIX + Buffer.from(concat(body, sha256(body).subarray(0, 4))).toString('base64url')
}

/** @throws `INPUT_FORMAT` when a character is wrong or missing */
export function parseInvitation(text: string): InvitationCode {
  const clean = text.replace(/\s+/g, '')
  const bytes = clean.startsWith(PREFIX) ? decode64(clean.slice(PREFIX.length)) : undefined
  if (bytes?.length !== CODE_BYTES) throw wrongCode()
  const body = bytes.subarray(0, CODE_BYTES - 4)
  if (!equalBytes(bytes.subarray(CODE_BYTES - 4), sha256(body).subarray(0, 4))) throw wrongCode()
  return {
    domain: { chainId: safe(bytes.subarray(0, 8)), contract: toHex0x(bytes.subarray(8, 28)) },
    market: toHex0x(bytes.subarray(28, 48)),
    from: safe(bytes.subarray(48, 56)),
    uses: readU32(bytes, 56),
    expires: readU32(bytes, 60),
    secret: bytes.slice(64, 96),
    signature: bytes.slice(96, 161),
  }
}

/** Who signed it. @throws `POOL_INVITATION` when it expired, or its signer invites nobody (any more) */
export function assertInvitation(code: InvitationCode, registry: RegistryView, now: UnixTime): Address {
  const { domain, uses, expires } = code
  if (now > expires) throw new HoldfastError('POOL_INVITATION', { what: `it expired at ${formatTime(expires)}` })
  const by = recoverSigner(invitationDigest(domain, { key: addressOf(code.secret), uses, expires }), code.signature)
  if (by === undefined || !mayInvite(registry.member(by), registry))
    throw new HoldfastError('POOL_INVITATION', { what: 'no manager of this pool signed it' })
  return by
}

/** What a member lays into the log: the invitation, and the word of its key for this member. */
export function presentation(code: InvitationCode, member: Address): Uint8Array {
  const key = addressOf(code.secret)
  const invitation = invitationDigest(code.domain, { key, uses: code.uses, expires: code.expires })
  return concat(
    fromHex(key, 20),
    u32(code.uses),
    u32(code.expires),
    code.signature,
    signDigest(code.secret, acceptanceDigest(code.domain, { invitation, member })),
  )
}

/** One presentation in the log, in its order. */
export interface Presented {
  readonly member: Address
  readonly bytes: Uint8Array
  /** When it came into the log. Chain time. */
  readonly at: UnixTime
}

/**
 * Who of those that presented something was invited: by a manager or registrar in good standing, in time, among the first so many.
 * @param presented all of the log, in order
 */
export function invitedMembers(
  presented: readonly Presented[],
  { domain, registry }: { readonly domain: Domain; readonly registry: RegistryView },
): ReadonlySet<Address> {
  const invited = new Set<Address>()
  const used = new Map<string, Set<Address>>()
  for (const { member, bytes, at } of presented) {
    const found = openPresentation(bytes, member, domain)
    if (found === undefined || at > found.invitation.expires || !mayInvite(registry.member(found.by), registry))
      continue
    const name = `${found.by}/${found.invitation.key}/${found.invitation.uses}/${found.invitation.expires}`
    const users = used.get(name) ?? new Set<Address>()
    used.set(name, users)
    if (!users.has(member) && users.size >= found.invitation.uses) continue
    users.add(member)
    invited.add(member)
  }
  return invited
}

/** Delegates invite; what a delegate signed while it was one does not outlive its standing. */
function mayInvite(member: MemberView | undefined, registry: RegistryView): boolean {
  if (member === undefined || !registry.inGoodStanding(member.id)) return false
  return member.level === 'delegate' && (member.roles & (ROLE.manager | ROLE.registrar)) !== 0
}

/** Undefined: it is none, or not for this member. */
function openPresentation(
  bytes: Uint8Array,
  member: Address,
  domain: Domain,
): { readonly invitation: Invitation; readonly by: Address } | undefined {
  if (bytes.length !== PRESENTED_BYTES) return undefined
  const invitation: Invitation = {
    key: toHex0x(bytes.subarray(0, 20)),
    uses: readU32(bytes, 20),
    expires: readU32(bytes, 24),
  }
  const digest = invitationDigest(domain, invitation)
  const by = recoverSigner(digest, bytes.subarray(28, 93))
  const accepted = recoverSigner(acceptanceDigest(domain, { invitation: digest, member }), bytes.subarray(93, 158))
  return by === undefined || accepted !== invitation.key ? undefined : { invitation, by }
}

/** Undefined: some character is none of the alphabet, or what it decodes to has another form. */
function decode64(text: string): Uint8Array | undefined {
  if (!/^[A-Za-z0-9_-]{1,400}$/.test(text)) return undefined
  const bytes = Buffer.from(text, 'base64url')
  return bytes.toString('base64url') === text ? new Uint8Array(bytes) : undefined
}

function safe(bytes: Uint8Array): number {
  const value = Number(bytesToUint(bytes))
  if (!Number.isSafeInteger(value)) throw wrongCode()
  return value
}

function wrongCode(): HoldfastError {
  return new HoldfastError('INPUT_FORMAT', {
    name: 'invitation',
    expected: 'hfp1 and 220 letters and digits with a checksum',
    got: 'something else',
  })
}
