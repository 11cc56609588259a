/**
 * The hostile cast as one table: who, with which vice, what it may end with, what an honest peer has in the same time, what its victim may
 * lose. A test that plays a member hands what it measured to `show` (show.ts), which holds it against the table; docs/reference/cast.md is
 * made from the table (`npm run gen`). So the page cannot say what no test has seen.
 */
/** A bound on what is measured. `most` and `least` are in `unit`. */
export interface Bound {
  /** Whose, or of what: "of the bounties posted for it". */
  readonly of: string
  readonly unit:
    | '%'
    | 'gas'
    | 'gwei'
    | 'days of rent'
    | 's'
    | 'bounties'
    | 'shares'
    | 'decisions'
    | 'verdicts'
    | 'records'
    | 'requests'
    | 'reads'
  readonly least?: number
  readonly most: number
}

export interface Member {
  readonly name: string
  /** File in test/cast. */
  readonly program: string
  readonly vice: string
  /** What it ends with, and the least that an honest peer has, in the same unit. */
  readonly gain: Bound & { readonly peer: number }
  readonly loss: Bound
  /** What reliability.md §7 allows the victim to lose. */
  readonly allowed: string
  /** Test file, and words of the test's name. */
  readonly shownBy: readonly (readonly [file: string, test: string])[]
  /** Where it is not (yet) as it should be. Without it the member must end poorer than its peer. */
  readonly shortfall?: string
}

const PAID = { of: 'of what was posted for it', unit: '%' } as const
const YEAR = { of: 'of a year’s rent: new rows take a read that is right', unit: '%' } as const
const WAIT = { of: 'that a reader of 1 MiB waits beyond twice the honest time', unit: 's' } as const
const GAS = { of: 'and not a gwei of HOLD', unit: 'gas' } as const

export const MEMBERS = [
  {
    name: 'ForgetfulSteward',
    program: 'forgetful-steward.ts',
    vice: 'signs the receipt and deletes the bytes at once',
    gain: { ...PAID, most: 0, peer: 100 },
    loss: { of: 'paid for nothing by the uploader', unit: 'gwei', most: 0 },
    allowed: 'no data; one interval, and the repair of one share',
    shownBy: [['test/market/cast.test.ts', 'pays them nothing in']],
  },
  {
    name: 'MidstateSteward',
    program: 'midstate-steward.ts',
    vice: 'keeps a hash state of at most 103 bytes in the place of each blob',
    gain: { ...PAID, most: 0, peer: 100 },
    loss: { of: 'paid for nothing by the uploader', unit: 'gwei', most: 0 },
    allowed: 'the interval',
    shownBy: [
      ['test/market/cast.test.ts', 'pays them nothing in'],
      ['test/cast/midstate.test.ts', 'of at most 103 bytes answers'],
    ],
  },
  {
    name: 'CopyingSteward',
    program: 'copying-steward.ts',
    vice: 'keeps one copy under two identities: the second one answers with the blob of the first',
    gain: { ...PAID, of: 'of what was posted for the second identity', most: 0, peer: 100 },
    loss: { of: 'paid for nothing by the uploader', unit: 'gwei', most: 0 },
    allowed: 'not the independence of k of n',
    shownBy: [
      ['test/cast/kept-bytes.test.ts', 'CopyingSteward: one copy'],
      ['test/market/cast.slow.test.ts', 'days CopyingSteward is paid nothing'],
    ],
  },
  {
    name: 'GeneratingRing',
    program: 'generating-ring.ts',
    vice: 'k stewards keep their shares and rebuild the other n − k on demand',
    gain: { of: 'of the bounties over shares that are not stored', unit: '%', most: 0, peer: 100 },
    loss: { of: 'paid for nothing by the uploader', unit: 'gwei', most: 0 },
    allowed: 'nothing',
    shownBy: [['test/cast/kept-bytes.test.ts', 'GeneratingRing: 3 of 10 rebuild']],
  },
  {
    name: 'SybilRing',
    program: 'sybil-ring.ts',
    vice: 'fifty identities on one network that bid less than everybody else',
    gain: { of: 'of an object of ten', unit: 'shares', most: 3, peer: 10 },
    loss: { of: 'at one network beyond ⌊(n − k) / 2⌋', unit: 'shares', most: 0 },
    allowed: 'not more than ⌊(n − k) / 2⌋ shares of an object at once',
    shownBy: [['test/cast/sybil-ring.test.ts', 'with fifty identities on one network']],
  },
  {
    name: 'SybilRing, in a market',
    program: 'sybil-ring.ts',
    vice: 'fifty identities on one network, in one process with one disk, join a market of six, underbid everybody and offer to watch',
    gain: { of: 'of an object of three of eight', unit: 'shares', least: 1, most: 2, peer: 6 },
    loss: { of: 'of that object that cannot be read when all fifty fall', unit: '%', most: 0 },
    allowed:
      'not more than ⌊(n − k) / 2⌋ shares of an object at once, none where n stewards are grown; one voice of those who watch and judge',
    shownBy: [
      ['test/market/pool-cast.ci.test.ts', 'fifty identities of one network win no lot as newcomers'],
      ['test/pool/assign.test.ts', 'fifty idle monitors on one network are one of three watchers'],
    ],
  },
  {
    name: 'StaleIndex',
    program: 'stale-index.ts',
    vice: 'takes every announcement, and leaves records out of its answers or invents some',
    gain: { of: 'that a reader believes and nobody signed', unit: 'records', most: 0, peer: 0 },
    loss: { of: 'not found', unit: 'records', most: 0 },
    allowed: 'blobs found through any other index',
    shownBy: [['test/cast/stale-index.test.ts', 'blobs are found through any other index']],
    shortfall: 'an index has no purse; it is asked after all others',
  },
  {
    name: 'LateSteward, in time',
    program: 'late-steward.ts',
    vice: 'sweeps in the last second that counts',
    gain: { ...PAID, least: 100, most: 100, peer: 100 },
    loss: { of: 'of the uploader', unit: 'gwei', most: 0 },
    allowed: 'nothing: it is in time',
    shownBy: [
      ['test/cast/bounty-cast.test.ts', 'sweeps in the last second that counts'],
      ['test/market/cast.slow.test.ts', 'LateSteward and its honest peers everything'],
    ],
    shortfall: 'none is meant: a sweep in time is paid, and only the risk to be late is its own',
  },
  {
    name: 'LateSteward, too late',
    program: 'late-steward.ts',
    vice: 'sweeps one second after the deadline',
    gain: { ...PAID, of: 'of that interval’s bounty', most: 0, peer: 100 },
    loss: { of: 'of the uploader', unit: 'gwei', most: 0 },
    allowed: 'no bond: lateness is not loss',
    shownBy: [['test/cast/bounty-cast.test.ts', 'sweeps a second later']],
  },
  {
    name: 'ReplayingUploader',
    program: 'replaying-uploader.ts',
    vice: 'posts a spent claim key again, or a new docket of old nonces, to have a second proof without a second row',
    gain: { of: 'of a bounty, and no proof', unit: '%', least: -100, most: -100, peer: 0 },
    loss: { of: 'of the steward', unit: 'gwei', most: 0 },
    allowed: 'not the bounty',
    shownBy: [
      ['test/cast/bounty-cast.test.ts', 'posts a spent key again'],
      ['test/cast/bounty-cast.test.ts', 'makes a new docket of old nonces'],
    ],
  },
  {
    name: 'SnipingUploader',
    program: 'sniping-uploader.ts',
    vice: 'sees the sweep in the mempool and claims, revokes or releases first, in twelve ways',
    gain: { ...GAS, most: -12 * 21_000, peer: 0 },
    loss: { of: 'of the steward', unit: 'gwei', most: 0 },
    allowed: 'not the bounty',
    shownBy: [['test/cast/contract-cast.test.ts', 'tries everything at once']],
  },
  {
    name: 'PayeeSwapper',
    program: 'payee-swapper.ts',
    vice: 'takes the claims out of a sweep in the mempool and sends them first, with itself as payee',
    gain: { ...GAS, most: -6 * 21_000, peer: 0 },
    loss: { of: 'of steward and uploader', unit: 'gwei', most: 0 },
    allowed: 'not the bounty',
    shownBy: [['test/cast/contract-cast.test.ts', 'takes the claims out of the mempool']],
  },
  {
    name: 'FrontRunner',
    program: 'front-runner.ts',
    vice: 'sees a post and posts the same claim key first: for the steward, for itself, for anyone',
    gain: { ...GAS, most: -3 * 21_000, peer: 0 },
    loss: { of: 'of steward and uploader', unit: 'gwei', most: 0 },
    allowed: 'nothing',
    shownBy: [['test/cast/contract-cast.test.ts', 'posts the claim key first, thrice']],
  },
  {
    name: 'Replayer',
    program: 'replayer.ts',
    vice: 'sends every old sweep again: on this market, on another one, on a fork',
    gain: { ...GAS, most: -2 * 21_000, peer: 0 },
    loss: { of: 'of steward and uploader', unit: 'gwei', most: 0 },
    allowed: 'not the bounty',
    shownBy: [['test/cast/contract-cast.test.ts', 'sends an old sweep again']],
  },
  {
    name: 'WrongBytesSteward',
    program: 'wrong-bytes-steward.ts',
    vice: 'holds and proves, and serves readers altered bytes; three of ten do',
    gain: { ...YEAR, least: 30, most: 75, peer: 100 },
    loss: { ...WAIT, most: 3 },
    allowed: 'correct bytes, from others',
    shownBy: [
      ['test/cast/bad-readers.test.ts', 'a year of it earns less than a year of honest holding'],
      ['test/cast/bad-readers.test.ts', 'WrongBytesSteward: serve altered bytes'],
      ['test/market/cast.slow.test.ts', 'WrongBytesSteward and ThrottlingSteward are read around'],
    ],
  },
  {
    name: 'ThrottlingSteward',
    program: 'throttling-steward.ts',
    vice: 'holds and proves, and serves 99 % of a blob and then a byte a second; three of ten do',
    gain: { ...YEAR, least: 30, most: 75, peer: 100 },
    loss: { ...WAIT, most: 4 },
    allowed: '`get` within twice the honest time',
    shownBy: [
      ['test/cast/bad-readers.test.ts', 'a year of it earns less than a year of honest holding'],
      ['test/cast/bad-readers.test.ts', 'ThrottlingSteward: stall at 99 %'],
      ['test/market/cast.slow.test.ts', 'WrongBytesSteward and ThrottlingSteward are read around'],
    ],
  },
  {
    name: 'OverbookedSteward',
    program: 'overbooked-steward.ts',
    vice: 'bids for everything and has a disk for two blobs',
    gain: { of: 'of the placements of three objects', unit: '%', most: 34, peer: 90 },
    loss: { of: 'missing after the uploader’s puts', unit: 'shares', most: 0 },
    allowed: 'not the placements already kept',
    shownBy: [['test/market/cast.slow.test.ts', 'OverbookedSteward takes what fits']],
  },
  {
    name: 'ReleasingSteward',
    program: 'releasing-steward.ts',
    vice: 'says of a sound blob that it is lost, with a signed release, whenever a docket asks for it',
    gain: { of: 'of its placements left after 52 days', unit: '%', least: 50, most: 84, peer: 100 },
    loss: { of: 'paid by the uploader for what was released', unit: 'gwei', most: 0 },
    allowed: 'the repair of one share',
    shownBy: [['test/market/cast.slow.test.ts', 'ReleasingSteward gives back what it holds']],
  },
  {
    name: 'SilentUploader',
    program: 'silent-uploader.ts',
    vice: 'puts, and never posts a bounty',
    gain: { of: 'of its placements kept', unit: '%', most: 0, peer: 100 },
    loss: { of: 'that a steward is not paid', unit: 'days of rent', least: 48, most: 48 },
    allowed: 'the unpaid interval and the notice: 34 + 14 days',
    shownBy: [['test/steward/prune.test.ts', 'SilentUploader: is silent for 34 days']],
  },
  {
    name: 'DoubleVoucherUploader',
    program: 'double-voucher-uploader.ts',
    vice: 'has money for one interval of one steward and promises it to four at once; sends old sums as new ones',
    gain: { of: 'of its placements kept', unit: '%', most: 0, peer: 100 },
    loss: { of: 'of one that took its voucher: one interval, here a week', unit: 'days of rent', least: 7, most: 7 },
    allowed: 'the off-chain path: its next docket goes on chain; not the higher voucher',
    shownBy: [
      ['test/cast/double-voucher.test.ts', 'promises one balance to four'],
      ['test/cast/double-voucher.test.ts', 'an old voucher as the new one is refused'],
    ],
  },
  {
    name: 'BogusBountyUploader',
    program: 'bogus-bounty-uploader.ts',
    vice: 'posts bounties to keys that no bytes give, and takes the money back',
    gain: { ...GAS, most: -80_000, peer: 0 },
    loss: { of: 'taken from the steward', unit: 'gwei', most: 0 },
    allowed: 'standing; one interval',
    shownBy: [
      ['test/cast/bounty-cast.test.ts', 'posts a key that no bytes give'],
      ['test/pool/monitor.test.ts', 'convicts a BogusBountyUploader on one report'],
      ['test/market/monitors.ci.test.ts', 'convicts a BogusBountyUploader on one report of a steward'],
    ],
    shortfall:
      'one report of a steward convicts it; but only members have a standing to lose: an uploader without an id goes on, its stewards are not paid for 48 days, as by a silent one, and not for one interval',
  },
  {
    name: 'WithholdingUploader',
    program: 'withholding-uploader.ts',
    vice: 'posts bounties over more than eight blobs and hands their dockets to nobody',
    gain: { of: 'of the rent saved', unit: '%', least: 20, most: 75, peer: 0 },
    loss: { of: 'of the rent, as long as it is served', unit: '%', least: 20, most: 75 },
    allowed: 'the interval',
    shownBy: [['test/market/cast.slow.test.ts', 'WithholdingUploader posts and hands over nothing']],
    shortfall:
      'it saves the rent of each round that it withholds, and pays the retry that follows, whose dockets are small enough for their notes; its own shares are suspect meanwhile. Its stewards demand each docket of two monitors, which find against it a day before the deadline; only members have a standing to lose by that',
  },
  {
    name: 'HostageSteward',
    program: 'hostage-steward.ts',
    vice: 'keeps every byte, answers every challenge, and gives readers nothing: a ransom first',
    gain: { of: 'of the panels over it that find for it', unit: '%', most: 0, peer: 100 },
    loss: { of: 'of the reader: it is read around while k others serve', unit: 'gwei', most: 0 },
    allowed: 'the time of reading around; nothing while k others serve',
    shownBy: [
      ['test/cast/monitor-cast.test.ts', 'HostageSteward is convicted by the same ten'],
      ['test/pool/monitor.test.ts', 'lets a HostageSteward be looked at by a panel of seven'],
      ['test/market/monitors.ci.test.ts', 'finds both out by reads of its own'],
    ],
  },
  {
    name: 'FalseReporter',
    program: 'false-reporter.ts',
    vice: 'a ring of 20 % of the monitors: reports honest stewards, sees what it wants to see, and votes as one',
    gain: { of: 'of its accusations that a panel follows', unit: '%', most: 0, peer: 100 },
    loss: { of: 'against the honest steward', unit: 'verdicts', most: 0 },
    allowed: 'a false conviction in ten million',
    shownBy: [
      ['test/cast/monitor-cast.test.ts', 'a ring of FalseReporter'],
      ['test/cast/monitor-cast.test.ts', 'a verdict that FalseReporter makes up has no ballots'],
      ['test/pool/panel.test.ts', 'less than once in ten million'],
    ],
  },
  {
    name: 'ReorgingChain',
    program: 'reorging-chain.ts',
    vice: 'undoes up to 64 blocks with posts and sweeps in them',
    gain: { of: 'paid twice', unit: 'bounties', most: 0, peer: 0 },
    loss: { of: 'of bounties that were posted and are not paid in the end', unit: 'gwei', most: 0 },
    allowed: 'nothing but time',
    shownBy: [['test/market/cast-chain.ci.test.ts', 'ReorgingChain: undoes']],
    shortfall: 'a chain has no purse: nobody gains',
  },
  {
    name: 'HaltedChain',
    program: 'halted-chain.ts',
    vice: 'mines no block from the sweeps on until two hours after the deadline',
    gain: { of: 'paid twice', unit: 'bounties', most: 0, peer: 0 },
    loss: { of: 'given up for it', unit: 'shares', most: 0 },
    allowed: 'no bond and no standing',
    shownBy: [['test/market/cast-chain.ci.test.ts', 'HaltedChain: stops before']],
    shortfall:
      'the stewards lose the rent of the interval, and, as after any miss, get no new lots of that uploader for 30 days: its controller does not tell a halt from silence',
  },
  {
    name: 'FrozenRpc',
    program: 'frozen-rpc.ts',
    vice: 'answers every call at once, and its head never moves',
    gain: { of: 'about money that its user took on the old head', unit: 'decisions', most: 0, peer: 0 },
    loss: { of: 'missed for it', unit: 'bounties', most: 0 },
    allowed: 'no money decision',
    shownBy: [['test/market/cast-chain.ci.test.ts', 'FrozenRpc: answers with an old head']],
    shortfall: 'an endpoint has no purse; it loses its user to the next one in the list',
  },
  {
    name: 'TwoFacedManager',
    program: 'two-faced-manager.ts',
    vice: 'tells two members different watchers of one agent, and signs both',
    gain: { of: 'that it takes after both were shown', unit: 'decisions', most: 0, peer: 1 },
    loss: { of: 'lost by the agent', unit: 'decisions', most: 0 },
    allowed: 'nothing: the chain says who watches whom',
    shownBy: [['test/cast/trust-core.test.ts', 'TwoFacedManager: told two members']],
  },
  {
    name: 'TwoFacedManager, in a running pool',
    program: 'two-faced-manager.ts',
    vice: 'has its friends watch its agent and tells monitors that others do; frees a cheat, bans an honest steward',
    gain: { of: 'that it takes after both were shown', unit: 'decisions', most: 0, peer: 1 },
    loss: { of: 'of the object that was stored before', unit: 'shares', most: 0 },
    allowed: 'standing until it is put back; no share, no money',
    shownBy: [['test/market/pool-cast.ci.test.ts', 'TwoFacedManager: friends watch']],
  },
  {
    name: 'SilentKeyChange',
    program: 'silent-key-change.ts',
    vice: 'shows managers a registrar in which a member has another key or address, and no event said so',
    gain: { of: 'that managers take on it', unit: 'decisions', most: 0, peer: 1 },
    loss: { of: 'against the member', unit: 'decisions', most: 0 },
    allowed: 'nothing; it is told within a period',
    shownBy: [['test/cast/trust-core.test.ts', 'SilentKeyChange: another key']],
  },
  {
    name: 'SilentKeyChange, in a steward’s place',
    program: 'silent-key-change.ts',
    vice: 'listens where a steward did, says that it is that steward, and has another key',
    gain: { of: 'that it is asked, also for a hello', unit: 'requests', most: 0, peer: 1 },
    loss: { of: 'against the steward', unit: 'decisions', most: 0 },
    allowed: 'nothing: it is reported as silence, and is back when it announces where it is',
    shownBy: [
      ['test/market/pool-cast.ci.test.ts', 'another key in a steward’s place is asked for nothing'],
      ['test/market/pool-cast.ci.test.ts', 'logs altered on their way'],
    ],
  },
  {
    name: 'StolenDelegateKey',
    program: 'stolen-delegate-key.ts',
    vice: 'takes a manager’s key and bans everybody',
    gain: { of: 'that it takes after the master lowered it', unit: 'decisions', most: 0, peer: 1 },
    loss: { of: 'that stay, once another manager put them back', unit: 'decisions', most: 0 },
    allowed: 'no funds; standing until it is put back',
    shownBy: [['test/cast/trust-core.test.ts', 'StolenDelegateKey: bans all it can']],
  },
  {
    name: 'StolenDelegateKey, in a running pool',
    program: 'stolen-delegate-key.ts',
    vice: 'bans the manager, a monitor and n − k holders as often as they are put back, takes agents and strips them of their roles',
    gain: { of: 'that stay', unit: 'decisions', most: 0, peer: 1 },
    loss: { of: 'of the object that failed meanwhile', unit: 'reads', most: 0 },
    allowed: 'no funds; standing until it is put back',
    shownBy: [['test/market/pool-cast.ci.test.ts', 'StolenDelegateKey: bans the manager']],
  },
  {
    name: 'EmptyInventorySteward',
    program: 'empty-inventory-steward.ts',
    vice: 'lists a tenth more than it keeps, to store elsewhere without money',
    gain: { of: 'of its requests granted', unit: '%', most: 24, peer: 100 },
    loss: { of: 'of the requests granted to one that misses nine tenths', unit: '%', most: 0 },
    allowed: 'a quarter of what it really holds',
    shownBy: [['test/cast/right-cast.test.ts', 'EmptyInventorySteward: with a tenth']],
  },
  {
    name: 'LyingBidder',
    program: 'lying-bidder.ts',
    vice: 'asks something else than its cost in every auction, from half of it to twice',
    gain: { of: 'of what the truth would have earned it in 400 auctions', unit: '%', most: 85, peer: 100 },
    loss: { of: 'that any winner is paid below its bid', unit: 'gwei', most: 0 },
    allowed: 'nothing',
    shownBy: [['test/cast/market-cast.test.ts', 'LyingBidder earns less']],
  },
  {
    name: 'CartelBidders',
    program: 'cartel-bidders.ts',
    vice: 'three in ten stewards have one owner, look like many, and ask for just under the reserve',
    gain: { of: 'of what a slot of an honest steward earns', unit: '%', most: 40, peer: 100 },
    loss: { of: 'that the market is dearer', unit: '%', most: 35 },
    allowed: 'never more than the reserve, 2.5 times the index',
    shownBy: [['test/cast/market-cast.test.ts', 'CartelBidders earn less']],
  },
  {
    name: 'ShillUploader',
    program: 'shill-uploader.ts',
    vice: 'buys from stewards of its own at twice the price, three times a week, to raise the index',
    gain: { of: 'of the rent it pays to itself, in fees', unit: '%', most: -2, peer: 0 },
    loss: { of: 'that the index is off, on average', unit: '%', most: 2 },
    allowed: 'an index that no one party moves by more than 1 %, in a market of 240 stewards',
    shownBy: [['test/cast/market-cast.test.ts', 'ShillUploader pays its fees']],
  },
] as const satisfies readonly Member[]

export type MemberName = (typeof MEMBERS)[number]['name']
