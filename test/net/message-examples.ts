/** One valid message of every kind, with fixed keys: what test/vectors/wire.json is made from. */
import { utf8 } from '../../base/bytes.ts'
import { addressOf, signDigest, ZERO_ADDRESS } from '../../base/curve.ts'
import { sha256 } from '../../base/hash.ts'
import {
  type Domain,
  helloDigest,
  placementDigest,
  poolIdOf,
  releaseDigest,
  rowsDigest,
  welcomeDigest,
} from '../../base/typed-data.ts'
import {
  type Advert,
  advertDigest,
  advertHashOf,
  type Bid,
  bidCommit,
  bidHash,
  type CommitEntry,
  clearingDigest,
  commitDigest,
  commitsRoot,
  decodeBidMessage,
  encodeBidMessage,
  type RevealEntry,
} from '../../net/messages/bid.ts'
import { decodeDocketMessage, encodeDocketMessage } from '../../net/messages/docket.ts'
import { decodeFetch, encodeFetch } from '../../net/messages/fetch.ts'
import { decodeHandshake, encodeHandshake } from '../../net/messages/handshake.ts'
import { pathOf } from '../../net/messages/inclusion.ts'
import { announce, decodeIndex, encodeIndex, statementDigest } from '../../net/messages/index-records.ts'
import { decodeStore, encodeStore, successorDigest } from '../../net/messages/store.ts'

/** Encoder and decoder of each protocol. */
export const PROTOCOLS = {
  handshake: { encode: encodeHandshake, decode: decodeHandshake },
  bid: { encode: encodeBidMessage, decode: decodeBidMessage },
  store: { encode: encodeStore, decode: decodeStore },
  fetch: { encode: encodeFetch, decode: decodeFetch },
  docket: { encode: encodeDocketMessage, decode: decodeDocketMessage },
  index: { encode: encodeIndex, decode: decodeIndex },
} as const

type Protocols = typeof PROTOCOLS
/** A message in memory, and its name in the vectors. */
export type Example = {
  [P in keyof Protocols]: {
    readonly name: string
    readonly protocol: P
    readonly message: ReturnType<Protocols[P]['decode']>
  }
}[keyof Protocols]

/** 32 bytes that are different for every name. */
const word = (name: string) => sha256(utf8(`holdfast wire example ${name}`))
const uploader = word('uploader secret')
const steward = word('steward secret')
const rival = word('rival secret')
const market: Domain = { chainId: 31337, contract: '0x00000000000000000000000000000000000000a1' }
const registrar: Domain = { chainId: 31337, contract: '0x00000000000000000000000000000000000000a2' }
const TIME = 1_800_000_000

const hello = {
  connectionId: word('connection'),
  nonce: word('nonce'),
  time: TIME,
  from: addressOf(steward),
  to: addressOf(uploader),
  pool: poolIdOf(registrar),
  roles: 1,
  version: 1,
}
const welcome = { hello: helloDigest(registrar, hello), time: TIME + 1, from: hello.to, to: hello.from }

const terms = {
  chainId: 31337,
  market: market.contract,
  uploader: addressOf(uploader),
  id: word('advert'),
  lots: [{ count: 10, bytes: 35_000_123, blobs: 6 }],
  k: 3,
  n: 10,
  term: 7_776_000,
  reserve: 13_000_000_000_000_000n,
  commitMs: 1_000,
  revealMs: 1_000,
  egressPrice: 5_000_000_000_000_000n,
  egressFree: 1_073_741_824,
  grace: 1_209_600,
  perCluster: 3,
  newcomers: 1,
}
const advert: Advert = { ...terms, signature: signDigest(uploader, advertDigest(terms)) }
const advertHash = advertHashOf(advert)
const bid: Bid = {
  steward: addressOf(steward),
  price: 5_200_000_000_000_000n,
  egressPrice: 0n,
  egressFree: 2 ** 40,
  bond: 18_446_744_073_709_551_615n,
}
const rivalBid: Bid = { ...bid, steward: addressOf(rival), price: 6_000_000_000_000_000n, bond: 7n, capacity: 10 ** 12 }
const commit = bidCommit(bid, word('salt'))
const commits: readonly CommitEntry[] = [
  { steward: addressOf(steward), commit, confidence: 866_025 },
  { steward: addressOf(rival), commit: bidCommit(rivalBid, word('rival salt')), confidence: 0 },
]
const root = commitsRoot(advertHash, commits)
const reveals: readonly RevealEntry[] = [
  { bid, salt: word('salt'), lot: 4 },
  { bid: rivalBid, salt: word('rival salt') },
]

const placement = {
  uploader: addressOf(uploader),
  steward: addressOf(steward),
  blobId: word('blob'),
  length: 8_388_608,
  price: 6_000_000_000_000_000n,
  egressPrice: 0n,
  egressFree: 1_073_741_824,
  start: TIME,
  end: TIME + 7_776_000,
  grace: 1_209_600,
  bond: 1_000_000_000n,
  answersRoot: word('answers'),
  tokenHash: sha256(word('token')),
  advert: advertHash,
  offerUntil: TIME + 3_600,
  version: 1,
}
const digest = placementDigest(market, placement)
const renewed = { ...placement, end: TIME + 2 * 7_776_000, version: 2 }
const rows = { placement: digest, answersRoot: word('more answers') }
const sealed = word('sealed successor record')
const release = { bountyId: word('bounty'), deadline: TIME + 86_400 }
const announced = announce(
  steward,
  { holder: addressOf(steward), addresses: ['/ip4/127.0.0.7/tcp/4001'], expires: TIME + 2_400 },
  [
    { key: word('blob'), blobId: undefined },
    { key: word('locator'), blobId: word('copy') },
    { key: word('third'), blobId: undefined },
  ],
)

export const EXAMPLES: readonly Example[] = [
  {
    name: 'greeting of a member',
    protocol: 'handshake',
    message: { kind: 'hi', connectionId: hello.connectionId, from: addressOf(uploader) },
  },
  {
    name: 'greeting of an anonymous client',
    protocol: 'handshake',
    message: { kind: 'hi', connectionId: hello.connectionId },
  },
  {
    name: 'hello',
    protocol: 'handshake',
    message: { kind: 'hello', ...hello, signature: signDigest(steward, helloDigest(registrar, hello)) },
  },
  {
    name: 'hello to an anonymous client',
    protocol: 'handshake',
    message: {
      kind: 'hello',
      ...hello,
      to: ZERO_ADDRESS,
      signature: signDigest(steward, helloDigest(registrar, { ...hello, to: ZERO_ADDRESS })),
    },
  },
  {
    name: 'welcome',
    protocol: 'handshake',
    message: { kind: 'welcome', ...welcome, signature: signDigest(uploader, welcomeDigest(registrar, welcome)) },
  },
  { name: 'invitation', protocol: 'bid', message: { kind: 'invite', advert, txHash: word('transaction') } },
  {
    name: 'sealed bid',
    protocol: 'bid',
    message: { kind: 'sealed', commit, signature: signDigest(steward, commitDigest(advertHash, commit)) },
  },
  { name: 'book of commits', protocol: 'bid', message: { kind: 'book', root, count: 2 } },
  { name: 'page of commits', protocol: 'bid', message: { kind: 'commits', entries: commits } },
  { name: 'reveal', protocol: 'bid', message: { kind: 'reveal', bid, salt: word('salt') } },
  {
    name: 'outcome for the winner',
    protocol: 'bid',
    message: {
      kind: 'outcome',
      price: 6_000_000_000_000_000n,
      lot: 4,
      count: 2,
      signature: signDigest(uploader, clearingDigest(advertHash, root, 6_000_000_000_000_000n, reveals)),
    },
  },
  {
    name: 'outcome for a loser, without the reveals',
    protocol: 'bid',
    message: {
      kind: 'outcome',
      price: 0n,
      count: 0,
      signature: signDigest(uploader, clearingDigest(advertHash, root, 0n, [])),
    },
  },
  { name: 'page of reveals', protocol: 'bid', message: { kind: 'reveals', entries: reveals } },
  {
    name: 'offer of a share',
    protocol: 'store',
    message: { kind: 'offer', placement, signature: signDigest(uploader, digest) },
  },
  {
    name: 'offer of a copy',
    protocol: 'store',
    message: { kind: 'offer', placement, signature: signDigest(uploader, digest), locator: word('locator') },
  },
  { name: 'go', protocol: 'store', message: { kind: 'go', offset: 262_144 } },
  { name: 'countersignature', protocol: 'store', message: { kind: 'signed', signature: signDigest(steward, digest) } },
  {
    name: 'renewal',
    protocol: 'store',
    message: { kind: 'renewal', placement: renewed, signature: signDigest(uploader, placementDigest(market, renewed)) },
  },
  {
    name: 'further rows',
    protocol: 'store',
    message: { kind: 'rows', ...rows, signature: signDigest(uploader, rowsDigest(market, rows)) },
  },
  {
    name: 'successor record',
    protocol: 'store',
    message: {
      kind: 'successor',
      blobId: word('copy'),
      version: 3,
      length: sealed.length,
      signature: signDigest(uploader, successorDigest(word('copy'), 3, sealed)),
    },
  },
  { name: 'taken', protocol: 'store', message: { kind: 'taken' } },
  {
    name: 'read of a whole blob',
    protocol: 'fetch',
    message: { kind: 'get', blobId: word('blob'), token: word('token'), from: 0 },
  },
  {
    name: 'read of a range',
    protocol: 'fetch',
    message: { kind: 'get', blobId: word('blob'), token: word('token'), from: 4_096, length: 100 },
  },
  { name: 'answer to a read', protocol: 'fetch', message: { kind: 'blob', length: 100, total: 8_388_608 } },
  {
    name: 'answer to the read of a copy',
    protocol: 'fetch',
    message: { kind: 'blob', length: 700, total: 700, successor: 32 },
  },
  { name: 'ask for a docket', protocol: 'docket', message: { kind: 'get', docketHash: word('docket') } },
  { name: 'a docket follows', protocol: 'docket', message: { kind: 'docket', length: 68 } },
  {
    name: 'push of a docket',
    protocol: 'docket',
    message: { kind: 'push', docketHash: word('docket'), bountyId: word('bounty'), length: 68 },
  },
  {
    name: 'release with lost blobs',
    protocol: 'docket',
    message: { kind: 'release', ...release, signature: signDigest(steward, releaseDigest(market, release)), count: 1 },
  },
  { name: 'go on with the docket', protocol: 'docket', message: { kind: 'go' } },
  { name: 'docket taken', protocol: 'docket', message: { kind: 'taken' } },
  {
    name: 'announcement',
    protocol: 'index',
    message: { kind: 'announce', statement: announced.statement, entries: announced.entries },
  },
  { name: 'announcement taken', protocol: 'index', message: { kind: 'taken', count: 3 } },
  { name: 'lookup', protocol: 'index', message: { kind: 'lookup', keys: [word('blob'), word('locator')] } },
  {
    name: 'what was found',
    protocol: 'index',
    message: {
      kind: 'found',
      statements: [announced.statement],
      entries: announced.entries.map((entry, position) => ({
        ...entry,
        statement: 0,
        position,
        path: pathOf(announced.tree, position),
      })),
      more: 0,
    },
  },
]

/** Every digest and hash of wire.md, over the values of the examples. */
export const DIGESTS: Readonly<Record<string, Uint8Array>> = {
  'advert, signed by the uploader': advertDigest(terms),
  'hash of the signed advert': advertHash,
  'commit of the bid': commit,
  'hash of the bid': bidHash(bid),
  'commit, signed by the steward': commitDigest(advertHash, commit),
  'root of the commits': root,
  'clearing, signed by the uploader': clearingDigest(advertHash, root, 6_000_000_000_000_000n, reveals),
  'successor record, signed by the uploader': successorDigest(word('copy'), 3, sealed),
  'root of the announced entries': announced.statement.root,
  'statement, signed by the holder': statementDigest(announced.statement),
}

/** Secrets behind the signatures. */
export const SECRETS = { uploader, steward, rival }
