/**
 * The whole vocabulary of failure. One table: code → exit code, number on the wire, HTTP status, whether to retry, and what to tell a person.
 * Peers only ever see the number; causes are kept and shown by `-v`. Old codes and numbers are never reused.
 * docs/reference/errors.md is generated from it (scripts/generate-docs.ts).
 */

/** Exit codes are a contract (docs/reference/exit-codes.md). */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  partial: 3,
  notFound: 4,
  temporary: 5,
  money: 6,
  refused: 7,
  notInitialised: 10,
  locked: 11,
  wrongKey: 12,
  storage: 13,
  chain: 14,
  integrity: 20,
  interrupted: 130,
} as const

/** When the same call may be made again. */
export type Retry = 'never' | 'later' | 'after-fix'

/** One kind of failure. `say` and `fix` may use {name} for a value of the error's data. */
interface Entry {
  readonly exit: number
  readonly wire: number
  readonly http: number
  readonly retry: Retry
  /** What happened, one sentence. */
  readonly say: string
  /** Why it matters or how it comes about. */
  readonly why: string
  /** What to do, naming a command where there is one. */
  readonly fix: string
}

const entry = (
  wire: number,
  exit: number,
  http: number,
  retry: Retry,
  say: string,
  why: string,
  fix: string,
): Entry => ({
  wire,
  exit,
  http,
  retry,
  say,
  why,
  fix,
})

// biome-ignore format: a table, one code a line
export const ERRORS = {
  // general
  INTERNAL: entry(1, EXIT.failed, 500, 'never', 'something unforeseen went wrong: {what}', 'this is a bug', 'run again with -v and report what it prints'),
  INTERRUPTED: entry(2, EXIT.interrupted, 499, 'later', 'interrupted', 'state is consistent', 'run the same command again to resume'),
  TIMED_OUT: entry(3, EXIT.temporary, 504, 'later', '{what} did not finish within {limit}', 'every wait has a limit', 'run the same command again to resume, or give --timeout a larger value'),
  PARTIAL: entry(4, EXIT.partial, 207, 'later', '{done} of {total} done: {what}', 'one failure does not stop the rest', 'run the same command again: only what is missing is done'),
  // input
  INPUT_FORMAT: entry(10, EXIT.usage, 400, 'never', '{name}: expected {expected}, got {got}', 'the value does not have the form it needs', 'correct the value as it says'),
  INPUT_RANGE: entry(11, EXIT.usage, 400, 'never', '{name}: expected {expected}, got {got}', 'the value is outside what is allowed', 'give a value within these limits'),
  INPUT_USAGE: entry(12, EXIT.usage, 400, 'never', '{what}', 'the command line does not parse', 'holdfast --help'),
  INPUT_REQUIRED: entry(13, EXIT.usage, 400, 'after-fix', 'an answer is needed: {what}', 'this is not a terminal, so nothing was asked and nothing was done', 'give {option}'),
  INPUT_FILE: entry(14, EXIT.usage, 400, 'after-fix', '{path}: {what}', 'a regular file is stored, and fetched into a place that can be written', 'name a regular file (or - for standard input), or with get another -o'),
  INPUT_CHANGED: entry(15, EXIT.partial, 409, 'later', '{path} changed while it was read', 'no key may cover two different contents, so the upload was stopped before the changed part left', 'run the same command again: it stores the new content as a new object'),
  INPUT_EXISTS: entry(16, EXIT.usage, 409, 'after-fix', '{path} exists', 'nothing is overwritten without being told to', 'give --overwrite always, or another -o'),
  INPUT_CAP: entry(17, EXIT.usage, 400, 'never', 'this is not a read capability: {what}', 'a capability is hf1 followed by 59 characters with a checksum', 'copy the whole text again from holdfast share'),
  INPUT_WORDS: entry(18, EXIT.wrongKey, 400, 'after-fix', 'the recovery words are not right: {what}', 'each word is one of 2048, and the last one carries a checksum', 'compare with the words written down at holdfast init'),
  // configuration
  CONFIG_INVALID: entry(20, EXIT.usage, 400, 'after-fix', 'configuration: {what}', 'an unknown or wrong key would be ignored in silence otherwise', 'holdfast config validate'),
  CONFIG_NOT_INITIALISED: entry(21, EXIT.notInitialised, 409, 'after-fix', 'there is nothing at {path}', 'keys and configuration are made once', 'holdfast init, or holdfast up for a local market'),
  CONFIG_EXISTS: entry(22, EXIT.usage, 409, 'after-fix', '{path} is initialised already', 'keys are never overwritten', 'choose another --home'),
  // keys
  KEY_INVALID: entry(30, EXIT.wrongKey, 400, 'never', 'not a valid {what}', 'the bytes are no point or scalar of the curve', 'check the key'),
  KEY_PASSPHRASE: entry(31, EXIT.wrongKey, 403, 'after-fix', 'the passphrase does not open {path}', 'the keystore is encrypted, and its check failed', 'try again, or name the right --passphrase-file'),
  KEY_DAMAGED: entry(32, EXIT.wrongKey, 500, 'never', '{path} is not a keystore that can be read: {what}', 'the file is damaged or of another version', 'restore it from a backup'),
  KEY_MODE: entry(33, EXIT.wrongKey, 500, 'after-fix', '{path} can be read by others (mode {mode})', 'a keystore must be private to its owner', 'chmod 600 {path}'),
  // storage
  STORE_LOCKED: entry(40, EXIT.locked, 423, 'after-fix', '{path} is in use{owner}', 'two processes on one store would answer for the same identity', 'holdfast status, or stop the other process'),
  STORE_UNUSABLE: entry(41, EXIT.storage, 500, 'after-fix', '{path} cannot be used: {what}', 'state must be written and synced to disk', 'check that the directory exists, is writable and has space'),
  STORE_FULL: entry(42, EXIT.storage, 507, 'after-fix', 'no space left for {what}', 'the reserve is kept free so that reads and deletes go on', 'free some space or lower the quota; writing resumes by itself'),
  STORE_FOREIGN: entry(43, EXIT.storage, 409, 'after-fix', '{path} belongs to {got}, not to {expected}', 'serving from another one\u2019s volume would fail every check', 'name the right directory'),
  STORE_DAMAGED: entry(45, EXIT.storage, 500, 'after-fix', '{path} is damaged: {what}', 'state that is not what was written would lead to wrong acts with money', 'a controller: holdfast recover, from the words and the newest backup; anything else: move the directory away and start again'),
  STORE_VERSION: entry(44, EXIT.storage, 409, 'after-fix', '{path} was written by version {got} of the format', 'this program knows only version {expected}', 'run the version that wrote it'),
  // blobs and objects
  BLOB_CORRUPT: entry(50, EXIT.integrity, 500, 'never', 'blob {blob} fails its id', 'the bytes are not those that were stored', 'holdfast stat shows the other shares; any k of them suffice'),
  BLOB_UNKNOWN: entry(51, EXIT.notFound, 404, 'later', 'blob {blob} is not held here', 'it was never stored here or its term is over', 'ask another holder'),
  OBJECT_UNKNOWN: entry(52, EXIT.notFound, 404, 'never', 'no object {id}', 'no ledger entry and no manifest copy was found for it', 'holdfast ls shows the ids; holdfast get takes a capability hf1… too'),
  OBJECT_AMBIGUOUS: entry(53, EXIT.usage, 400, 'never', '{id} fits {count} objects: {which}', 'a prefix must be unique', 'give more digits: holdfast ls -l'),
  OBJECT_UNAVAILABLE: entry(54, EXIT.temporary, 503, 'later', 'segment {segment}: {have} of {need} shares could be fetched', 'too few holders answer now', 'try again later; holdfast stat {id} --shares shows who is missing'),
  OBJECT_CORRUPT: entry(55, EXIT.integrity, 500, 'never', 'the object does not decrypt: {what}', 'the shares are whole but not those of this object', 'get it with its own capability'),
  OBJECT_MANIFEST: entry(56, EXIT.integrity, 500, 'never', 'the manifest is not valid: {what}', 'it does not follow protocol.md §2', 'ask whoever shared the object'),
  // ledger
  LEDGER_CORRUPT: entry(60, EXIT.integrity, 500, 'never', 'ledger record {key} cannot be read', 'the record fails its format', 'restore a backup of the ledger'),
  LEDGER_CONFLICT: entry(61, EXIT.failed, 409, 'never', '{what}', 'the ledger already holds something else under this name', 'run the same command again'),
  BACKUP_NONE: entry(62, EXIT.notFound, 404, 'never', 'no backup of {account} stands on this chain', 'a controller writes the first one after its first put; before that there is nothing to restore', 'check the words, --rpc and --market; a capability (hf1\u2026) opens its object without any backup'),
  BACKUP_INVALID: entry(63, EXIT.integrity, 500, 'never', 'the backup cannot be used: {what}', 'it is opened with keys that come from the recovery words, and checked', 'check the words, --rpc and --market; capabilities (hf1\u2026) open their objects without any backup'),
  BACKUP_UNAVAILABLE: entry(64, EXIT.temporary, 503, 'later', 'backup {version}, from {at}, could not be fetched within {limit}: {what}', 'too few of its stewards answer now', 'run the same command again when they are back; --backup N restores an older one, without what was stored since'),
  // network
  NET_MALFORMED: entry(70, EXIT.temporary, 400, 'never', 'a peer sent {what}', 'it does not follow the wire format', 'update the other side, or use another peer'),
  NET_OVERSIZE: entry(71, EXIT.temporary, 413, 'never', 'a message of {got} bytes, the limit is {limit}', 'every decoder has a cap', 'use another peer'),
  NET_TIMEOUT: entry(72, EXIT.temporary, 504, 'later', '{what} did not answer within {limit}', 'every wait has a limit', 'try again later'),
  NET_UNREACHABLE: entry(73, EXIT.temporary, 503, 'later', '{what} cannot be reached', 'it is down, or the address has changed', 'try again later; holdfast doctor'),
  NET_CLOSED: entry(74, EXIT.temporary, 503, 'later', 'the stream to {what} ended early', 'the other side stopped or refused', 'try again later'),
  NET_PROTOCOL: entry(75, EXIT.temporary, 400, 'never', '{what} out of order', 'the exchange has fixed steps', 'update the other side'),
  NET_TRANSFER: entry(78, EXIT.temporary, 403, 'later', 'no such transfer', 'what moves over a plain endpoint was agreed on before, for one minute and one use', 'nothing: the bytes go over the encrypted channel'),
  // peers
  PEER_HANDSHAKE: entry(80, EXIT.refused, 403, 'after-fix', 'handshake refused: {what}', 'nothing is served before both sides know who the other is', 'check the clock, the pool and the address; holdfast doctor'),
  PEER_STANDING: entry(81, EXIT.refused, 403, 'after-fix', '{peer} is {standing}', 'only compliant and probation members are served', 'holdfast status shows why'),
  PEER_CLOCK: entry(82, EXIT.refused, 403, 'after-fix', 'clocks differ by {offset} s', 'a handshake older than ten minutes could be a replay', 'set the clock'),
  PEER_BUSY: entry(83, EXIT.temporary, 429, 'later', 'too many requests: {what}', 'each peer has a quota', 'wait and try again'),
  PEER_REFUSED: entry(84, EXIT.temporary, 403, 'later', '{peer} refused: {what}', 'a peer may refuse any request', 'another peer is asked'),
  // chain
  CHAIN_UNREACHABLE: entry(90, EXIT.temporary, 503, 'later', 'no answer from the chain at {rpc}', 'the endpoint is down or too slow', 'holdfast up starts a local chain; else check --rpc'),
  CHAIN_WRONG: entry(91, EXIT.chain, 409, 'after-fix', 'this is another chain: {what}', 'acting on it could pay the wrong people', 'check --rpc and deployment.json'),
  CHAIN_NO_DEPLOYMENT: entry(92, EXIT.chain, 409, 'after-fix', 'no Holdfast contracts: {what}', 'the market address is read from deployment.json', 'holdfast up, or put a deployment.json into the home'),
  CHAIN_ANSWER: entry(93, EXIT.chain, 502, 'later', 'the endpoint answered wrongly: {what}', 'its answers do not fit each other', 'use another --rpc'),
  CHAIN_NOT_DEV: entry(94, EXIT.refused, 403, 'never', 'this works on a local development chain only (chain id {got})', 'nobody can move the time of a public chain', 'holdfast up'),
  // transactions
  TX_REVERTED: entry(100, EXIT.failed, 409, 'never', 'the contract refused: {what}', 'a rule of the contract does not allow it', 'see the named rule'),
  TX_STUCK: entry(101, EXIT.temporary, 503, 'later', 'a transaction is not taken in: {what}', 'its fee was raised five times already', 'raise chain.fee-budget or wait'),
  // money
  FUNDS_LOW: entry(110, EXIT.money, 402, 'after-fix', 'not enough {unit}: have {have}, need {need}', 'rent and fees are paid from the deposit in the market', 'deposit more: holdfast wallet deposit AMOUNT; holdfast wallet show tells what there is'),
  FUNDS_BUDGET: entry(111, EXIT.money, 402, 'after-fix', 'it costs {need}, the budget is {budget}', 'nothing is spent beyond the budget', 'give a larger --budget'),
  FUNDS_PRICE: entry(112, EXIT.money, 402, 'after-fix', 'nobody offers at {max} or less', 'the price cap is kept; it is no more than a cap: all are paid what the auction clears at', 'give --max-price {likely} or more, or wait'),
  FUNDS_WALLET: entry(113, EXIT.money, 402, 'after-fix', 'not enough HOLD in {where}: have {have}, need {need}', 'only what is there can be moved', 'holdfast wallet show tells where the money is; holdfast wallet mine gets some, or somebody sends it to the address that holdfast wallet address prints'),
  FUNDS_FEES: entry(114, EXIT.money, 402, 'after-fix', '{account} has {have} of the chain\u2019s coin, the fee is at most {need}', 'every transaction of the chain costs a fee in its own coin; HOLD does not pay it', 'send {need} to {account}, then run the same command again'),
  // market
  AUCTION_NO_BIDS: entry(120, EXIT.temporary, 503, 'later', 'only {have} of {need} stewards bid{why}', 'each share of a segment needs a steward of its own', 'start more stewards: holdfast status; or use a --code with fewer shares'),
  AUCTION_FEW: entry(122, EXIT.temporary, 503, 'later', '{have} stewards are known, the code needs {need}', 'each share of a segment needs a steward of its own; nothing was spent', '{option}start more stewards: holdfast status shows them'),
  AUCTION_UNKNOWN: entry(123, EXIT.notFound, 404, 'never', '{have} auctions begin with {id}', 'an auction is named by the hash of its advert, or a prefix that only it has', 'holdfast bids ls shows them'),
  AUCTION_CHEAT: entry(121, EXIT.refused, 409, 'never', 'the auction breaks its rules: {what}', 'a bid that does not fit its commitment counts for nothing', 'run the auction again'),
  PLACEMENT_INVALID: entry(130, EXIT.refused, 409, 'never', 'placement refused: {what}', 'a placement binds only as both sides agreed', 'run the same command again: another steward is asked'),
  PLACEMENT_SHORT: entry(131, EXIT.partial, 503, 'later', '{have} of {need} shares are placed', 'too few stewards took them', 'run the same command again: only what is missing is sent'),
  SUCCESSOR_OLD: entry(132, EXIT.refused, 409, 'never', 'a newer successor record is kept: {what}', 'a reader follows the newest record, an older one would hide repaired shares', 'nothing: the newer one serves'),
  BOUNTY_INVALID: entry(140, EXIT.refused, 409, 'never', 'bounty ignored: {what}', 'it does not follow the protocol', 'nothing: it costs only its poster'),
  // vouchers
  VOUCHER_INVALID: entry(141, EXIT.refused, 409, 'never', 'voucher refused: {what}', 'a voucher counts when its uploader signed it for this steward, this market and this chain', 'nothing was taken; whoever made it has to make it rightly'),
  VOUCHER_OLD: entry(142, EXIT.refused, 409, 'never', 'the voucher promises {got} gwei in all, {known} are known: it is not the next one', 'a voucher pays for a round by what it promises beyond the one before', 'nothing: a controller takes up the higher one with the next round'),
  VOUCHER_SHORT: entry(143, EXIT.refused, 409, 'never', 'the round pays {got} gwei, at least {owed} are owed', 'the terms both sides signed say what an interval costs', 'nothing: the round goes on chain'),
  VOUCHER_UNCOVERED: entry(144, EXIT.refused, 402, 'after-fix', 'the market balance of {from} does not cover what it promised: {have} of {need} gwei', 'a voucher is worth what stands behind it', 'deposit more: holdfast wallet deposit AMOUNT; until then rounds go on chain'),
  VOUCHER_OWED: entry(145, EXIT.refused, 409, 'later', 'an earlier round of {from} was answered and not paid for: {what}', 'one interval is all that either side risks', 'nothing: the next docket goes on chain, and later ones until the promise is kept'),
  // pool
  POOL_UNREGISTERED: entry(150, EXIT.refused, 403, 'after-fix', '{peer} is not registered', 'the registrar knows every member', 'holdfast steward start registers; holdfast doctor checks'),
  POOL_NO_ROLE: entry(151, EXIT.refused, 403, 'after-fix', '{peer} has no {role} role', 'a manager assigns roles', 'ask the pool\u2019s manager'),
  POOL_PERMIT: entry(152, EXIT.refused, 403, 'after-fix', 'the permit does not serve: {what}', 'a permit counts for its holder, its scopes and its time, until it is revoked', 'ask whoever signed it for another; holdfast pool permit show says what it allows'),
  POOL_UNINVITED: entry(153, EXIT.refused, 403, 'after-fix', '{peer} was not invited', 'the policy of this pool gives roles to the invited only', 'holdfast pool invite makes a code, and holdfast pool join takes it; --uninvited gives the role all the same'),
  POOL_NO_POWER: entry(154, EXIT.refused, 403, 'after-fix', '{who} may not do this: {what}', 'each level of a pool may change certain things and no others', 'run it in the home that has the key, or with a permit (--permit)'),
  POOL_RENEWAL: entry(155, EXIT.refused, 409, 'later', '{peer} cannot be renewed now: {what}', 'a renewal counts from a quarter of the period on, until the key may be dropped', 'wait until then; daemons renew by themselves; a lapsed key is registered anew once holdfast pool registrar lapse has dropped it'),
  POOL_LAPSE: entry(156, EXIT.refused, 409, 'later', '{peer} has not lapsed: {what}', 'two missed periods make a member abandoned, two more let its key be dropped', 'wait until then'),
  POOL_ROLE: entry(157, EXIT.usage, 400, 'never', '{what}', 'roles go with levels: repository, index, monitor for agents; manager, registrar for delegates', 'name a role of that level'),
  // evidence
  EVIDENCE_FOREIGN: entry(180, EXIT.refused, 409, 'never', 'the report is for another pool or chain: {what}', 'evidence counts where it was made for, and nowhere else', 'send it to a monitor of the pool it names'),
  EVIDENCE_INVALID: entry(181, EXIT.integrity, 400, 'never', 'the evidence does not hold: {what}', 'a report is kept only when it is signed, complete and about what it says', 'nothing: whoever made it has to make it rightly'),
  EVIDENCE_POLICY: entry(184, EXIT.integrity, 409, 'never', 'the panel of this evidence did not sit under its pool\u2019s policy: {what}', 'who chooses the size of a panel chooses its verdict', 'nothing: such a panel convicts nobody; holdfast pool policy shows what stands now'),
  EVIDENCE_REPLAYED: entry(182, EXIT.refused, 409, 'never', 'this was reported before: {what}', 'one fault counts once', 'nothing: it is known'),
  EVIDENCE_MUTED: entry(183, EXIT.refused, 403, 'later', '{accuser} is not heard now: {what}', 'whose reports are dismissed too often accuses nobody for a while', 'wait until older reports are a month old'),
  POOL_VERDICT: entry(190, EXIT.refused, 409, 'never', 'the verdict is not taken: {what}', 'a standing moves only on evidence that the manager can follow', 'nothing was kept; correct what it names and send it again'),
  POOL_APPEAL: entry(191, EXIT.refused, 409, 'never', 'the appeal is not heard: {what}', 'an appeal is the convicted one\u2019s own, and about what its standing rests on', 'holdfast pool manager status shows the evidence hash; a clean window lifts a standing without an appeal'),
  POOL_INVITATION: entry(158, EXIT.refused, 403, 'after-fix', 'the invitation does not serve: {what}', 'an invitation counts while its manager is one, until it expires', 'ask for another: holdfast pool invite makes it'),
  GRANT_WRONG: entry(160, EXIT.refused, 403, 'never', 'the read token does not fit', 'no token, no bytes', 'get the object with its capability'),
  RIGHT_INVALID: entry(161, EXIT.refused, 403, 'never', 'the right to store is refused: {what}', 'who offers no money stores by a grant for this very steward, once, and as much as it says', 'holdfast put --right asks for new grants; without --right the put is paid for'),
  RIGHT_UNPROVEN: entry(162, EXIT.refused, 403, 'later', 'the right to store is not proven: {what}', 'who wants to store without money shows that it stores as much for others', 'store more for others first, or pay: holdfast put without --right'),
  // local API
  API_UNREACHABLE: entry(170, EXIT.temporary, 503, 'later', 'the {role} does not answer at {url}', 'it is not running, or busy', 'holdfast status; holdfast {role} start'),
  API_TOKEN: entry(171, EXIT.refused, 401, 'after-fix', 'the access token is missing or wrong', 'the local API serves its owner only', 'use the url and token of api.json'),
  API_ROUTE: entry(172, EXIT.usage, 404, 'never', 'no such route: {what}', 'the API is listed at /api/v1/openapi.json', 'correct the path'),
} as const satisfies Record<string, Entry>

/** A code of the vocabulary. */
export type ErrorCode = keyof typeof ERRORS
/** Values that fill the sentence. Never secrets. */
export type ErrorData = Readonly<Record<string, string | number | bigint | undefined>>

/** The one error class. `message` is the filled sentence; `fix` the remedy. */
export class HoldfastError extends Error {
  override readonly name = 'HoldfastError'
  readonly code: ErrorCode
  readonly data: ErrorData

  constructor(code: ErrorCode, data: ErrorData = {}, options?: { readonly cause?: unknown }) {
    super(fill(ERRORS[code].say, data), options)
    this.code = code
    this.data = data
  }

  get exit(): number {
    return ERRORS[this.code].exit
  }

  get retry(): Retry {
    return ERRORS[this.code].retry
  }

  get why(): string {
    return fill(ERRORS[this.code].why, this.data)
  }

  get fix(): string {
    return fill(ERRORS[this.code].fix, this.data)
  }
}

/** `cause` as a HoldfastError: itself, or wrapped as INTERNAL with its text. */
export function asHoldfastError(cause: unknown): HoldfastError {
  if (cause instanceof HoldfastError) return cause
  return new HoldfastError('INTERNAL', { what: cause instanceof Error ? cause.message : String(cause) }, { cause })
}

/** True when `cause` is a HoldfastError with one of these codes. */
export function hasCode(cause: unknown, ...codes: readonly ErrorCode[]): cause is HoldfastError {
  return cause instanceof HoldfastError && codes.includes(cause.code)
}

/** The code behind a number a peer sent; undefined for one this version does not know. */
export function codeOfWire(wire: number): ErrorCode | undefined {
  return BY_WIRE.get(wire)
}

const BY_WIRE = new Map(Object.entries(ERRORS).map(([code, { wire }]) => [wire as number, code as ErrorCode]))

function fill(template: string, data: ErrorData): string {
  return template.replace(/\{(\w+)\}/g, (_, name: string) => (data[name] === undefined ? '' : String(data[name])))
}
