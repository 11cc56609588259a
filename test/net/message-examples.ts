/** One valid message of every kind, with fixed keys: what test/vectors/wire.json is made from. */
import { fromHex, utf8 } from '../../base/bytes.ts'
import { addressOf, signDigest, ZERO_ADDRESS } from '../../base/curve.ts'
import { sha256 } from '../../base/hash.ts'
import {
  type Domain,
  demandDigest,
  docketDigest,
  helloDigest,
  placementDigest,
  poolIdOf,
  releaseDigest,
  rowsDigest,
  sweepDigest,
  voucherDigest,
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
import { decodeBulk, encodeBulk } from '../../net/messages/bulk.ts'
import { decodeDocketMessage, encodeDocketMessage } from '../../net/messages/docket.ts'
import { decodeFetch, encodeFetch } from '../../net/messages/fetch.ts'
import { decodeHandshake, encodeHandshake } from '../../net/messages/handshake.ts'
import { pathOf } from '../../net/messages/inclusion.ts'
import { announce, decodeIndex, encodeIndex, statementDigest } from '../../net/messages/index-records.ts'
import {
  type Appeal,
  type AppealTerms,
  type Assignment,
  type AssignmentTerms,
  appealDigest,
  assignmentDigest,
  type Ballot,
  ballotDigest,
  decodeReportMessage,
  encodeReportMessage,
  type Report,
  type ReportTerms,
  reportDigest,
  reportHash,
  type Verdict,
  type VerdictTerms,
  verdictDigest,
  voteCommit,
} from '../../net/messages/report.ts'
import {
  type CommitmentTerms,
  commitmentDigest,
  type DepositEntry,
  decodeRight,
  depositDigest,
  encodeRight,
} from '../../net/messages/right.ts'
import { decodeSponsor, encodeSponsor } from '../../net/messages/sponsor.ts'
import { decodeStore, encodeStore, noticeDigest, successorDigest } from '../../net/messages/store.ts'
import { decodeVoucherMessage, encodeVoucherMessage } from '../../net/messages/voucher.ts'
import { type Grant, grantDigest, signGrant, transferDigest, transferRight } from '../../pool/grant.ts'
import { sealTicket } from '../../pool/ticket.ts'

/** Encoder and decoder of each protocol. */
export const PROTOCOLS = {
  handshake: { encode: encodeHandshake, decode: decodeHandshake },
  bid: { encode: encodeBidMessage, decode: decodeBidMessage },
  store: { encode: encodeStore, decode: decodeStore },
  fetch: { encode: encodeFetch, decode: decodeFetch },
  docket: { encode: encodeDocketMessage, decode: decodeDocketMessage },
  index: { encode: encodeIndex, decode: decodeIndex },
  right: { encode: encodeRight, decode: decodeRight },
  sponsor: { encode: encodeSponsor, decode: decodeSponsor },
  report: { encode: encodeReportMessage, decode: decodeReportMessage },
  bulk: { encode: encodeBulk, decode: decodeBulk },
  voucher: { encode: encodeVoucherMessage, decode: decodeVoucherMessage },
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
const bondedTerms = { ...terms, bond: 51_000_000n }
const bondedAdvert: Advert = { ...bondedTerms, signature: signDigest(uploader, advertDigest(bondedTerms)) }
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
  { steward: addressOf(steward), commit, confidence: 866_025, cluster: 3, newcomer: 0, backing: 7n },
  {
    steward: addressOf(rival),
    commit: bidCommit(rivalBid, word('rival salt')),
    confidence: 0,
    cluster: 0,
    newcomer: 1,
    backing: 0n,
  },
]
const rules = { lots: [4], reserve: 6_000_000_000_000_000n, newcomers: 1, held: [3, 0] }
const root = commitsRoot(advertHash, rules, commits)
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
const demand = { bountyId: word('bounty'), docketHash: word('docket') }
const question = { steward: addressOf(steward), docketHash: word('docket'), amount: 0n, deadline: TIME + 86_400 }
const offChain = {
  steward: addressOf(steward),
  docketHash: word('docket'),
  amount: 1_234_567n,
  deadline: TIME + 259_200,
}
const claimed = sweepDigest(market, { payee: offChain.steward, deadline: offChain.deadline })
const promised = { from: addressOf(uploader), to: addressOf(steward), cumulative: 18_446_744_073_709_551_616n }
const release = { bountyId: word('bounty'), deadline: TIME + 86_400 }
const commitmentTerms: CommitmentTerms = {
  pool: poolIdOf(registrar),
  requester: addressOf(steward),
  verifier: addressOf(rival),
  audience: addressOf(rival),
  bytes: 35_000_123,
  total: 1_000_000_000,
  count: 120,
  uploaders: 9,
  root: word('inventory'),
  used: 70_000_246,
  at: TIME,
}
const grant: Grant = {
  pool: poolIdOf(registrar),
  requester: addressOf(steward),
  verifier: addressOf(rival),
  audience: addressOf(rival),
  bytes: 35_000_123,
  expires: TIME + 86_400,
  id: word('grant'),
}
const granted = signGrant(rival, grant)
const passed = transferRight(steward, granted, addressOf(uploader), 35_000_000)
const receipt = { placement, signature: signDigest(uploader, digest), countersignature: signDigest(steward, digest) }
const deposits: readonly DepositEntry[] = [
  { ...receipt, tickets: [sealTicket(word('ticket nonce'), word('ticket answer'))] },
  { ...receipt, tickets: [], token: word('token') },
]
const announced = announce(
  steward,
  { holder: addressOf(steward), addresses: ['/ip4/127.0.0.7/tcp/4001'], expires: TIME + 2_400 },
  [
    { key: word('blob'), blobId: undefined },
    { key: word('locator'), blobId: word('copy') },
    { key: word('third'), blobId: undefined },
  ],
)

const reported: ReportTerms = {
  pool: poolIdOf(registrar),
  accuser: addressOf(uploader),
  accused: addressOf(steward),
  kind: 'wrong-bytes',
  subject: word('blob'),
  at: TIME + 100,
  evidence: utf8('evidence'),
}
const report: Report = { ...reported, signature: signDigest(uploader, reportDigest(reported)) }
const reportName = reportHash(report)
const seal = {
  report: reportName,
  voter: addressOf(rival),
  commit: voteCommit(reportName, fromHex(addressOf(rival), 20), 1, word('vote salt')),
}
const ballot: Ballot = { ...seal, signature: signDigest(rival, ballotDigest(reported.pool, seal)) }
const judged: VerdictTerms = {
  pool: reported.pool,
  monitor: addressOf(rival),
  accused: addressOf(steward),
  finding: 'wrong-bytes',
  reason: 3,
  evidenceHash: sha256(utf8('bundle')),
  class: 'panel',
  at: TIME + 200,
  panel: { drawn: 31, voted: 29, convicting: 25 },
  evidence: utf8('bundle'),
}
const verdict: Verdict = { ...judged, signature: signDigest(rival, verdictDigest(judged)) }
const { panel: _none, ...alone } = judged
const plain: VerdictTerms = { ...alone, class: 'self-verifying', finding: 'bogus-bounty' }

const appealed: AppealTerms = {
  pool: reported.pool,
  agent: addressOf(steward),
  about: sha256(utf8('bundle')),
  at: TIME + 300,
  evidence: utf8('what speaks for it'),
}
const appeal: Appeal = { ...appealed, signature: signDigest(steward, appealDigest(appealed)) }
const assigned: AssignmentTerms = {
  pool: reported.pool,
  manager: addressOf(uploader),
  agent: addressOf(steward),
  serial: TIME,
  roles: 1,
  monitors: [addressOf(rival)],
}
const assignment: Assignment = { ...assigned, signature: signDigest(uploader, assignmentDigest(assigned)) }

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
    name: 'invitation that asks for a bond',
    protocol: 'bid',
    message: { kind: 'invite', advert: bondedAdvert },
  },
  {
    name: 'sealed bid',
    protocol: 'bid',
    message: { kind: 'sealed', commit, signature: signDigest(steward, commitDigest(advertHash, commit)) },
  },
  { name: 'book of commits', protocol: 'bid', message: { kind: 'book', root, count: 2, rules } },
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
  { name: 'question for terms', protocol: 'store', message: { kind: 'terms', placement: digest } },
  { name: 'price of a renewal', protocol: 'store', message: { kind: 'quote', price: 4_900_000_000_000_000n } },
  {
    name: 'notice of a steward',
    protocol: 'store',
    message: {
      kind: 'leaving',
      end: TIME + 1_209_600,
      signature: signDigest(steward, noticeDigest(digest, TIME + 1_209_600)),
    },
  },
  {
    name: 'notice of an uploader',
    protocol: 'store',
    message: {
      kind: 'notice',
      placement: digest,
      end: TIME + 1_209_600,
      signature: signDigest(uploader, noticeDigest(digest, TIME + 1_209_600)),
    },
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
    name: 'go, to the plain endpoint',
    protocol: 'store',
    message: { kind: 'go', offset: 0, transfer: word('transfer') },
  },
  { name: 'sent to the plain endpoint', protocol: 'store', message: { kind: 'sent' } },
  { name: 'not sent there', protocol: 'store', message: { kind: 'inline' } },
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
  {
    name: 'read over the plain endpoint',
    protocol: 'fetch',
    message: { kind: 'get', blobId: word('blob'), token: word('token'), from: 0, plain: 1 },
  },
  {
    name: 'the bytes wait at the plain endpoint',
    protocol: 'fetch',
    message: { kind: 'aside', transfer: word('transfer'), length: 8_388_608, total: 8_388_608 },
  },
  { name: 'take from the plain endpoint', protocol: 'bulk', message: { kind: 'take', transfer: word('transfer') } },
  { name: 'bytes follow', protocol: 'bulk', message: { kind: 'bytes', length: 8_388_608 } },
  { name: 'bring to the plain endpoint', protocol: 'bulk', message: { kind: 'give', transfer: word('transfer') } },
  { name: 'bytes are awaited', protocol: 'bulk', message: { kind: 'go', length: 8_388_608 } },
  { name: 'bytes are here', protocol: 'bulk', message: { kind: 'taken' } },
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
  {
    name: 'is the bounty given back',
    protocol: 'docket',
    message: { kind: 'ask', ...demand, signature: signDigest(uploader, demandDigest(market, demand)) },
  },
  { name: 'it is not given back', protocol: 'docket', message: { kind: 'nothing' } },
  {
    name: 'question of a bisection',
    protocol: 'docket',
    message: {
      kind: 'bisect',
      docketHash: question.docketHash,
      until: question.deadline,
      signature: signDigest(uploader, docketDigest(market, question)),
      length: 68,
    },
  },
  { name: 'answer to the question', protocol: 'docket', message: { kind: 'answer', answer: word('answer') } },
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
  { name: 'report', protocol: 'report', message: { kind: 'report', report } },
  { name: 'verdict of a panel', protocol: 'report', message: { kind: 'verdict', verdict } },
  {
    name: 'verdict without a panel',
    protocol: 'report',
    message: { kind: 'verdict', verdict: { ...plain, signature: signDigest(rival, verdictDigest(plain)) } },
  },
  { name: 'report taken', protocol: 'report', message: { kind: 'taken', hash: reportName } },
  {
    name: 'call to a panel',
    protocol: 'report',
    message: { kind: 'call', report, block: { number: 4_000, hash: word('block') } },
  },
  { name: 'ballot', protocol: 'report', message: { kind: 'ballot', ballot } },
  {
    name: 'ballots are complete',
    protocol: 'report',
    message: { kind: 'open', report: reportName, ballots: [ballot] },
  },
  {
    name: 'vote',
    protocol: 'report',
    message: { kind: 'vote', report: reportName, vote: 1, salt: word('vote salt') },
  },
  {
    name: 'demand for a docket',
    protocol: 'report',
    message: { kind: 'demand', ...demand, signature: signDigest(steward, demandDigest(market, demand)) },
  },
  { name: 'appeal', protocol: 'report', message: { kind: 'appeal', appeal } },
  {
    name: 'appeal heard',
    protocol: 'report',
    message: { kind: 'heard', about: appealed.about, outcome: 'open', why: 'it falls in 14 days' },
  },
  {
    name: 'hearing',
    protocol: 'report',
    message: { kind: 'hearing', about: sha256(judged.evidence), evidence: judged.evidence },
  },
  { name: 'who watches', protocol: 'report', message: { kind: 'ask', agent: appealed.agent } },
  { name: 'assignment', protocol: 'report', message: { kind: 'assigned', assignment } },
  {
    name: 'offer without money',
    protocol: 'store',
    message: {
      kind: 'offer',
      placement: { ...placement, price: 0n, advert: new Uint8Array(32) },
      signature: signDigest(uploader, placementDigest(market, { ...placement, price: 0n, advert: new Uint8Array(32) })),
      right: passed,
    },
  },
  {
    name: 'ask for a right',
    protocol: 'right',
    message: {
      kind: 'ask',
      commitment: { ...commitmentTerms, signature: signDigest(steward, commitmentDigest(commitmentTerms)) },
    },
  },
  {
    name: 'draw from the inventory',
    protocol: 'right',
    message: { kind: 'draw', seed: word('seed'), first: 32, count: 1 },
  },
  {
    name: 'placements that were drawn',
    protocol: 'right',
    message: { kind: 'leaves', entries: [{ ...receipt, path: [{ sum: 7_000, hash: word('sibling'), left: 1 }] }] },
  },
  {
    name: 'challenge of what was drawn',
    protocol: 'right',
    message: { kind: 'challenge', nonces: [{ blobId: word('blob'), nonce: word('ticket nonce') }] },
  },
  { name: 'answers to it', protocol: 'right', message: { kind: 'answers', answers: [word('ticket answer')] } },
  { name: 'the right is granted', protocol: 'right', message: { kind: 'granted', right: granted } },
  {
    name: 'deposit with a verifier',
    protocol: 'right',
    message: {
      kind: 'deposit',
      verifier: addressOf(rival),
      entries: deposits,
      signature: signDigest(uploader, depositDigest(addressOf(rival), deposits)),
    },
  },
  {
    name: 'call of a sponsor’s book',
    protocol: 'sponsor',
    message: { kind: 'call', method: 'progress', args: utf8('["00"]') },
  },
  { name: 'result of a call', protocol: 'sponsor', message: { kind: 'result', value: utf8('[]') } },
  {
    name: 'blob for a steward',
    protocol: 'sponsor',
    message: {
      kind: 'blob',
      ref: word('ref'),
      placement,
      signature: signDigest(uploader, digest),
      locator: word('locator'),
    },
  },
  {
    name: 'what its steward signed',
    protocol: 'sponsor',
    message: { kind: 'signed', signature: signDigest(steward, digest) },
  },
  { name: 'deposit taken', protocol: 'right', message: { kind: 'taken', count: 2 } },
  {
    name: 'a round off chain',
    protocol: 'voucher',
    message: {
      kind: 'offer',
      docketHash: offChain.docketHash,
      amount: offChain.amount,
      deadline: offChain.deadline,
      length: 68,
      signature: signDigest(uploader, docketDigest(market, offChain)),
    },
  },
  { name: 'go on with the round', protocol: 'voucher', message: { kind: 'go' } },
  {
    name: 'sweep signature, the first of this uploader',
    protocol: 'voucher',
    message: { kind: 'answer', signature: signDigest(word('claim secret'), claimed) },
  },
  {
    name: 'sweep signature, and what was promised before',
    protocol: 'voucher',
    message: {
      kind: 'answer',
      signature: signDigest(word('claim secret'), claimed),
      known: {
        cumulative: 7n,
        signature: signDigest(uploader, voucherDigest(market, { ...promised, cumulative: 7n })),
      },
    },
  },
  {
    name: 'voucher',
    protocol: 'voucher',
    message: {
      kind: 'voucher',
      round: offChain.docketHash,
      from: promised.from,
      cumulative: promised.cumulative,
      signature: signDigest(uploader, voucherDigest(market, promised)),
    },
  },
  { name: 'voucher taken', protocol: 'voucher', message: { kind: 'taken' } },
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
  'commitment, signed by the requester': commitmentDigest(commitmentTerms),
  'grant, signed by the verifier': grantDigest(grant),
  'transfer, signed by the requester': transferDigest(grantDigest(grant), addressOf(uploader), 35_000_000),
  'deposit, signed by the uploader': depositDigest(addressOf(rival), deposits),
  'report, signed by the accuser': reportDigest(reported),
  'hash of the signed report': reportName,
  'verdict, signed by the monitor': verdictDigest(judged),
  'seal of a vote': seal.commit,
  'appeal, signed by the agent': appealDigest(appealed),
  'assignment, signed by the manager': assignmentDigest(assigned),
  'ballot, signed by the voter': ballotDigest(reported.pool, seal),
}

/** Secrets behind the signatures. */
export const SECRETS = { uploader, steward, rival }
