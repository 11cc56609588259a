/**
 * EIP-712 digests of everything Holdfast signs (protocol.md §5, §7). The type strings stand here exactly once; a digest is
 * keccak256(0x1901 ‖ domain separator ‖ struct hash). Only the field types the protocol uses are known.
 */
import { assertBytes, concat, fromHex, uintBytes, utf8 } from './bytes.ts'
import { type Address, parseAddress } from './curve.ts'
import { HoldfastError } from './errors.ts'
import { keccak256 } from './hash.ts'

/** The market's or the pool's signing domain on one chain. */
export interface Domain {
  readonly chainId: number
  /** The market (for what the market's parties sign) or the registrar (for handshakes). */
  readonly contract: Address
}

/** A term sheet both sides sign; the receipt of a stored blob. Prices in wei per GiB(-month); times in chain seconds. protocol.md §5. */
export interface Placement {
  readonly uploader: Address
  readonly steward: Address
  readonly blobId: Uint8Array
  /** Bytes of the blob. */
  readonly length: number
  /** Wei of HOLD per GiB and 30 days. */
  readonly price: bigint
  /** Wei of HOLD per GiB read beyond `egressFree`. */
  readonly egressPrice: bigint
  /** Bytes free to read per 30 days. */
  readonly egressFree: number
  readonly start: number
  readonly end: number
  /** Seconds between the unpaid notice and pruning. */
  readonly grace: number
  /** Gwei of HOLD at stake. */
  readonly bond: bigint
  readonly answersRoot: Uint8Array
  /** SHA-256 of the read token. */
  readonly tokenHash: Uint8Array
  /** SHA-256 of the signed advert; zeros when there was none. */
  readonly advert: Uint8Array
  readonly offerUntil: number
  /** 1 at first, one more at each renewal. */
  readonly version: number
}

/** B's proof of who it is and when (protocol.md §7). */
export interface Hello {
  readonly connectionId: Uint8Array
  readonly nonce: Uint8Array
  /** UTC seconds. */
  readonly time: number
  readonly from: Address
  readonly to: Address
  readonly pool: Uint8Array
  readonly roles: number
  readonly version: number
}

/** A's answer to a Hello (protocol.md §7). */
export interface Welcome {
  readonly hello: Uint8Array
  readonly time: number
  readonly from: Address
  readonly to: Address
}

/** Lets its holder act for its signer (contracts/interfaces/IRegistrar.sol, Permit). */
export interface Permit {
  /** Digest of the permit it was cut from; zeros: signed by the master. */
  readonly parent: Uint8Array
  readonly holder: Address
  /** Bit set of pool/permit.ts. */
  readonly scopes: number
  /** Last second in which it counts. Chain time. */
  readonly expires: number
  /** For revoking it. 32 bytes. */
  readonly id: Uint8Array
}

/** A manager's word that whoever has the key of this account may join (docs/spec/pool.md). */
export interface Invitation {
  readonly key: Address
  /** How many may come with it. */
  readonly uses: number
  /** Last second in which it counts. Chain time. */
  readonly expires: number
}

const TYPES = {
  Sweep: 'Sweep(address payee,uint32 deadline)',
  Release: 'Release(bytes32 bountyId,uint32 deadline)',
  Voucher: 'Voucher(address from,address to,uint128 cumulative)',
  Placement:
    'Placement(address uploader,address steward,bytes32 blobId,uint64 length,uint128 price,uint128 egressPrice,uint64 egressFree,uint32 start,uint32 end,uint32 grace,uint64 bond,bytes32 answersRoot,bytes32 tokenHash,bytes32 advert,uint32 offerUntil,uint32 version)',
  Rows: 'Rows(bytes32 placement,bytes32 answersRoot)',
  Docket: 'Docket(address steward,bytes32 docketHash,uint64 amount,uint32 deadline)',
  Demand: 'Demand(bytes32 bountyId,bytes32 docketHash)',
  Unpaid: 'Unpaid(bytes32 placement,uint32 pruneAfter)',
  Delta: 'Delta(address account,int128 amount)',
  Retired: 'Retired(address from,address to,uint128 cumulative)',
  NetStatement:
    'NetStatement(Delta[] deltas,Retired[] retired,bytes32 salt,uint32 expires)Delta(address account,int128 amount)Retired(address from,address to,uint128 cumulative)',
  Hello:
    'Hello(bytes32 connectionId,bytes32 nonce,uint64 time,address from,address to,bytes32 pool,uint32 roles,uint32 version)',
  Permit: 'Permit(bytes32 parent,address holder,uint32 scopes,uint32 expires,bytes32 id)',
  Invitation: 'Invitation(address key,uint32 uses,uint32 expires)',
  Acceptance: 'Acceptance(bytes32 invitation,address member)',
  Welcome: 'Welcome(bytes32 hello,uint64 time,address from,address to)',
} as const

const typeHash = (type: keyof typeof TYPES) => keccak256(utf8(TYPES[type]))
const DOMAIN_TYPE = 'EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)'

const word = {
  address: (value: Address, name: string) => concat(new Uint8Array(12), fromHex(parseAddress(value, name), 20)),
  bytes32: (value: Uint8Array, name: string) => {
    assertBytes(value, 32, name)
    return value
  },
  uint: (value: number | bigint, bits: number, name: string) => {
    const integer = typeof value === 'bigint' || Number.isSafeInteger(value) ? BigInt(value) : -1n
    if (integer < 0n || integer >= 1n << BigInt(bits))
      throw new HoldfastError('INPUT_RANGE', { name, expected: `a uint${bits}`, got: String(value) })
    return uintBytes(integer, 32)
  },
  int128: (value: bigint, name: string) => {
    if (value < -(1n << 127n) || value >= 1n << 127n)
      throw new HoldfastError('INPUT_RANGE', { name, expected: 'an int128', got: String(value) })
    return uintBytes(value < 0n ? (1n << 256n) + value : value, 32)
  },
}

function digest(name: string, domain: Domain, structHash: Uint8Array): Uint8Array {
  const separator = keccak256(
    keccak256(utf8(DOMAIN_TYPE)),
    keccak256(utf8(name)),
    keccak256(utf8('1')),
    word.uint(domain.chainId, 256, 'chainId'),
    word.address(domain.contract, 'contract'),
  )
  return keccak256(Uint8Array.of(0x19, 0x01), separator, structHash)
}

const marketDigest = (domain: Domain, structHash: Uint8Array) => digest('Holdfast Market', domain, structHash)
const poolDigest = (domain: Domain, structHash: Uint8Array) => digest('Holdfast Pool', domain, structHash)

/** What a claim secret signs: who is paid, for which deadline, and nothing else. */
export function sweepDigest(domain: Domain, sweep: { payee: Address; deadline: number }): Uint8Array {
  return marketDigest(
    domain,
    keccak256(typeHash('Sweep'), word.address(sweep.payee, 'payee'), word.uint(sweep.deadline, 32, 'deadline')),
  )
}

/** A steward's consent to an early revoke. */
export function releaseDigest(domain: Domain, release: { bountyId: Uint8Array; deadline: number }): Uint8Array {
  return marketDigest(
    domain,
    keccak256(
      typeHash('Release'),
      word.bytes32(release.bountyId, 'bountyId'),
      word.uint(release.deadline, 32, 'deadline'),
    ),
  )
}

/** A cumulative promise of `from` to `to`, in gwei of HOLD. */
export function voucherDigest(domain: Domain, voucher: { from: Address; to: Address; cumulative: bigint }): Uint8Array {
  return marketDigest(
    domain,
    keccak256(
      typeHash('Voucher'),
      word.address(voucher.from, 'from'),
      word.address(voucher.to, 'to'),
      word.uint(voucher.cumulative, 128, 'cumulative'),
    ),
  )
}

/** What uploader and steward both sign; also the name of the placement in `Rows` and `Unpaid`. */
export function placementDigest(domain: Domain, placement: Placement): Uint8Array {
  const p = placement
  return marketDigest(
    domain,
    keccak256(
      typeHash('Placement'),
      word.address(p.uploader, 'uploader'),
      word.address(p.steward, 'steward'),
      word.bytes32(p.blobId, 'blobId'),
      word.uint(p.length, 64, 'length'),
      word.uint(p.price, 128, 'price'),
      word.uint(p.egressPrice, 128, 'egressPrice'),
      word.uint(p.egressFree, 64, 'egressFree'),
      word.uint(p.start, 32, 'start'),
      word.uint(p.end, 32, 'end'),
      word.uint(p.grace, 32, 'grace'),
      word.uint(p.bond, 64, 'bond'),
      word.bytes32(p.answersRoot, 'answersRoot'),
      word.bytes32(p.tokenHash, 'tokenHash'),
      word.bytes32(p.advert, 'advert'),
      word.uint(p.offerUntil, 32, 'offerUntil'),
      word.uint(p.version, 32, 'version'),
    ),
  )
}

/** The uploader's announcement of further answers. `placement` is the placement's digest. */
export function rowsDigest(domain: Domain, rows: { placement: Uint8Array; answersRoot: Uint8Array }): Uint8Array {
  return marketDigest(
    domain,
    keccak256(
      typeHash('Rows'),
      word.bytes32(rows.placement, 'placement'),
      word.bytes32(rows.answersRoot, 'answersRoot'),
    ),
  )
}

/** An off-chain docket. Amount in gwei of HOLD. */
export function docketDigest(
  domain: Domain,
  docket: { steward: Address; docketHash: Uint8Array; amount: bigint; deadline: number },
): Uint8Array {
  return marketDigest(
    domain,
    keccak256(
      typeHash('Docket'),
      word.address(docket.steward, 'steward'),
      word.bytes32(docket.docketHash, 'docketHash'),
      word.uint(docket.amount, 64, 'amount'),
      word.uint(docket.deadline, 32, 'deadline'),
    ),
  )
}

/** A steward's demand for a withheld docket. */
export function demandDigest(domain: Domain, demand: { bountyId: Uint8Array; docketHash: Uint8Array }): Uint8Array {
  return marketDigest(
    domain,
    keccak256(
      typeHash('Demand'),
      word.bytes32(demand.bountyId, 'bountyId'),
      word.bytes32(demand.docketHash, 'docketHash'),
    ),
  )
}

/** A steward's notice that a placement is unpaid. `placement` is the placement's digest. */
export function unpaidDigest(domain: Domain, unpaid: { placement: Uint8Array; pruneAfter: number }): Uint8Array {
  return marketDigest(
    domain,
    keccak256(
      typeHash('Unpaid'),
      word.bytes32(unpaid.placement, 'placement'),
      word.uint(unpaid.pruneAfter, 32, 'pruneAfter'),
    ),
  )
}

/** Balances moved among accounts in one step; deltas in gwei of HOLD, negative for payers. */
export function netStatementDigest(
  domain: Domain,
  statement: {
    deltas: readonly { account: Address; amount: bigint }[]
    retired: readonly { from: Address; to: Address; cumulative: bigint }[]
    salt: Uint8Array
    expires: number
  },
): Uint8Array {
  const deltas = statement.deltas.map((delta) =>
    keccak256(typeHash('Delta'), word.address(delta.account, 'account'), word.int128(delta.amount, 'amount')),
  )
  const retired = statement.retired.map((item) =>
    keccak256(
      typeHash('Retired'),
      word.address(item.from, 'from'),
      word.address(item.to, 'to'),
      word.uint(item.cumulative, 128, 'cumulative'),
    ),
  )
  return marketDigest(
    domain,
    keccak256(
      typeHash('NetStatement'),
      keccak256(...deltas),
      keccak256(...retired),
      word.bytes32(statement.salt, 'salt'),
      word.uint(statement.expires, 32, 'expires'),
    ),
  )
}

/** Digest of a Hello. The domain's contract is the registrar. */
export function helloDigest(domain: Domain, hello: Hello): Uint8Array {
  return poolDigest(
    domain,
    keccak256(
      typeHash('Hello'),
      word.bytes32(hello.connectionId, 'connectionId'),
      word.bytes32(hello.nonce, 'nonce'),
      word.uint(hello.time, 64, 'time'),
      word.address(hello.from, 'from'),
      word.address(hello.to, 'to'),
      word.bytes32(hello.pool, 'pool'),
      word.uint(hello.roles, 32, 'roles'),
      word.uint(hello.version, 32, 'version'),
    ),
  )
}

/** Digest of a Welcome. The domain's contract is the registrar. */
export function welcomeDigest(domain: Domain, welcome: Welcome): Uint8Array {
  return poolDigest(
    domain,
    keccak256(
      typeHash('Welcome'),
      word.bytes32(welcome.hello, 'hello'),
      word.uint(welcome.time, 64, 'time'),
      word.address(welcome.from, 'from'),
      word.address(welcome.to, 'to'),
    ),
  )
}

/** Digest of a permit: what its signer signs, and what permits cut from it name as their parent. The domain's contract is the registrar. */
export function permitDigest(domain: Domain, permit: Permit): Uint8Array {
  return poolDigest(
    domain,
    keccak256(
      typeHash('Permit'),
      word.bytes32(permit.parent, 'parent'),
      word.address(permit.holder, 'holder'),
      word.uint(permit.scopes, 32, 'scopes'),
      word.uint(permit.expires, 32, 'expires'),
      word.bytes32(permit.id, 'id'),
    ),
  )
}

/** What a manager signs. The domain's contract is the registrar. */
export function invitationDigest(domain: Domain, invitation: Invitation): Uint8Array {
  return poolDigest(
    domain,
    keccak256(
      typeHash('Invitation'),
      word.address(invitation.key, 'key'),
      word.uint(invitation.uses, 32, 'uses'),
      word.uint(invitation.expires, 32, 'expires'),
    ),
  )
}

/** What the invitation's key signs for the one who comes with it. `invitation` is the invitation's digest. */
export function acceptanceDigest(
  domain: Domain,
  acceptance: { readonly invitation: Uint8Array; readonly member: Address },
): Uint8Array {
  return poolDigest(
    domain,
    keccak256(
      typeHash('Acceptance'),
      word.bytes32(acceptance.invitation, 'invitation'),
      word.address(acceptance.member, 'member'),
    ),
  )
}

/** `keccak256(abi.encode(poster, claimKey, steward))`: nobody can occupy another's bounty ids (protocol.md §4). */
export function bountyIdOf(poster: Address, claimKey: Address, steward: Address): Uint8Array {
  return keccak256(word.address(poster, 'poster'), word.address(claimKey, 'claimKey'), word.address(steward, 'steward'))
}

/** `keccak256(abi.encode(chainId, registrar))` (protocol.md §1). */
export function poolIdOf(domain: Domain): Uint8Array {
  return keccak256(word.uint(domain.chainId, 256, 'chainId'), word.address(domain.contract, 'registrar'))
}
