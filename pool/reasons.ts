/**
 * Why a member's standing changed: the u16 codes that stand on chain with each change, what they mean and how to come back. Codes are never
 * reused. docs/explanation/standing.md; pool.md "Evidence and judgement".
 */

/**
 * The strongest evidence a reason can rest on. `self-verifying`: anybody can check it, one report suffices. `panel`: only monitors that looked for themselves
 * can tell. `none`: blame is unclear (objective on chain), so no verdict of any class moves a standing.
 */
export type Proof = 'self-verifying' | 'panel' | 'none'

/** One row of the table. */
export interface Reason {
  /** On chain. */
  readonly code: number
  /** A report's kind, a pattern's name, or what the manager found itself. */
  readonly name: string
  /** What the member did, or what was found; one sentence. */
  readonly say: string
  /** How it comes back. */
  readonly back: string
  readonly proof: Proof
}

const TIME = 'a clean window lifts it step by step; an appeal with new evidence lifts it at once'
const NEW_KEY = 'a new key is a new member: register it; the old one stays out'
const NOTHING = 'nothing is to be done'

const reason = <const Name extends string>(code: number, name: Name, proof: Proof, say: string, back = TIME) => ({
  code,
  name,
  say,
  back,
  proof,
})

/** All of them, by code. 0 is the contract's own. */
export const REASONS = [
  reason(0, 'lapsed', 'none', 'its renewal was missed for two periods', 'renew: the manager restores it'),
  // kinds of reports
  reason(1, 'timeout', 'none', 'it did not answer: silence convicts of nothing', NOTHING),
  reason(2, 'slow', 'panel', 'it serves slower than it may'),
  reason(3, 'refused', 'panel', 'it refused reads that it owes'),
  reason(4, 'wrong-bytes', 'self-verifying', 'it served wrong bytes'),
  reason(5, 'withheld-docket', 'panel', 'it kept dockets back that it has to hand over'),
  reason(6, 'unclaimed-bounty', 'none', 'a bounty was not claimed: blame is unclear', NOTHING),
  reason(7, 'bogus-bounty', 'self-verifying', 'it posted a bounty that its own answers do not open'),
  reason(8, 'wrong-clearing', 'self-verifying', 'it signed a clearing that computes differently'),
  reason(9, 'contradiction', 'self-verifying', 'it signed two statements that contradict each other'),
  reason(10, 'overdrawn-inventory', 'self-verifying', 'it committed to an inventory that it does not have'),
  // patterns over observations
  reason(20, 'selective-serving', 'panel', 'it claims for what it does not serve'),
  reason(21, 'exit-after-claim', 'panel', 'it drops blobs right after it was paid for them'),
  reason(22, 'fetch-just-in-time', 'panel', 'it fetches elsewhere what it is paid for keeping'),
  reason(23, 'missing-ring', 'panel', 'it falls together with others that call themselves strangers'),
  reason(24, 'bogus-uploader', 'panel', 'stewards that sweep everybody else’s bounties cannot sweep its own'),
  reason(25, 'self-dealing', 'panel', 'uploader and steward live on each other'),
  reason(26, 'serial-accuser', 'panel', 'most of what it reports is not so'),
  // found by managers themselves
  reason(40, 'key-mismatch', 'self-verifying', 'its id is not the hash of its key', NEW_KEY),
  reason(41, 'two-faced', 'self-verifying', 'it told two members different assignments, and signed both'),
  reason(42, 'key-stolen', 'self-verifying', 'its key declared itself stolen', NEW_KEY),
  // ways back
  reason(60, 'appeal-granted', 'none', 'its appeal refuted what the standing rested on', NOTHING),
  reason(61, 'clean-window', 'none', 'nothing was found against it for the clean window', NOTHING),
  reason(62, 'renewed', 'none', 'it renewed its key after it was taken for abandoned', NOTHING),
  reason(63, 'undone', 'none', 'whoever had changed it was not entitled to', NOTHING),
  reason(64, 'by-hand', 'none', 'a delegate decided by hand', 'ask the delegate that is named in the log'),
] as const satisfies readonly Reason[]

const BY_CODE = new Map<number, Reason>(REASONS.map((each) => [each.code, each]))
const BY_NAME = new Map<string, Reason>(REASONS.map((each) => [each.name, each]))

/** Undefined for a code of a later version. */
export function reasonOf(code: number): Reason | undefined {
  return BY_CODE.get(code)
}

/** By the kind of a report, the name of a pattern, or a manager's own finding; undefined when it is none of them. */
export function reasonNamed(name: string): Reason | undefined {
  return BY_NAME.get(name)
}

/** The code of a reason that this program knows. */
export function codeOf(name: (typeof REASONS)[number]['name']): number {
  return (BY_NAME.get(name) as Reason).code
}
