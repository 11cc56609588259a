/**
 * Which test shows which row of the fault table. docs/reference/faults.md is made from it (scripts/generate-docs.ts), `npm run faults -- --only`
 * reads it, and rows.test.ts checks that every test it names exists.
 */

export interface Shown {
  /** From the repository's root. */
  readonly file: string
  /** Part of the test's title, or of its suite's. */
  readonly title: string
  /** How often in `npm test`, `npm run test:ci` and `npm run test:slow`; `–`: not there. */
  readonly counts: readonly [quick: string, ci: string, slow: string]
}

export interface Row {
  readonly id: string
  readonly fault: string
  readonly tests: readonly Shown[]
}

const shown = (file: string, title: string, quick = '1', ci = '–', slow = '–'): Shown => ({
  file: `test/${file}`,
  title,
  counts: [quick, ci, slow],
})
const storm = shown('faults/storm.ci.test.ts', 'goes on through', '–', '100 of each component', '1,000')

export const ROWS: readonly Row[] = [
  {
    id: 'F01',
    fault: 'kill -9 of a steward while it receives',
    tests: [
      shown('steward/kill.test.ts', 'loses nothing it has signed for', '3 kills', '15', '200'),
      shown('store/blob-files.test.ts', 'when the writer is killed', '5 kills'),
      shown('store/level-store.test.ts', 'when the writer is killed', '6 kills'),
      storm,
    ],
  },
  {
    id: 'F02',
    fault: 'kill -9 of a steward while it deletes',
    tests: [shown('faults/prune.test.ts', 'F02', '3 kills', '30', '300')],
  },
  {
    id: 'F04',
    fault: 'power cut while a steward receives',
    tests: [shown('faults/power-cut.test.ts', 'F04', '5 cuts', '50', '500')],
  },
  {
    id: 'F05',
    fault: 'power cut between blob and receipt',
    tests: [
      shown('faults/power-cut.test.ts', 'F05', '1 cut', '5', '50'),
      shown('steward/hold.test.ts', 'countersigns only what is durable'),
    ],
  },
  {
    id: 'F06',
    fault: 'power cut of a journal with acts on their way',
    tests: [shown('faults/power-cut.test.ts', 'F06', '1 cut', '20', '200')],
  },
  {
    id: 'F07',
    fault: 'the n-th call of the file system fails',
    tests: [
      shown('faults/nth-call.test.ts', 'F07: blob files', 'n to 20', 'n to 200', 'until n is not reached'),
      shown('faults/nth-call.test.ts', 'F07: the database', '10 writes, 2 syncs', '40 and 40', '60 and 60'),
    ],
  },
  {
    id: 'F08',
    fault: 'disk full while a steward receives',
    tests: [
      shown('faults/disk.test.ts', 'refuses at its reserve'),
      shown('faults/disk.test.ts', 'somebody else filled the disk'),
    ],
  },
  {
    id: 'F10',
    fault: 'space freed after full',
    tests: [
      shown('faults/disk.test.ts', 'refuses at its reserve'),
      shown('faults/disk.test.ts', 'somebody else filled the disk'),
    ],
  },
  { id: 'F11', fault: 'short write, then EFBIG', tests: [shown('faults/disk.test.ts', 'F11')] },
  {
    id: 'F17',
    fault: 'a flipped bit in each kind of file',
    tests: [
      shown('steward/scrub.test.ts', 'finds every kind of damage'),
      shown('store/commit-trail.test.ts', 'one flipped bit anywhere', '24 bits', '120', '2,000'),
      shown('market/damage.ci.test.ts', 'files rot behind the backs', '–', '1'),
      shown('market/flipped-bit.ci.test.ts', 'is named, or does no harm', '–', '1'),
    ],
  },
  {
    id: 'F18',
    fault: 'a file truncated, emptied or extended',
    tests: [
      shown('store/blob-files.test.ts', 'finds every kind of damage'),
      shown('steward/scrub.test.ts', 'finds every kind of damage'),
      shown('market/damage.ci.test.ts', 'files rot behind the backs', '–', '1'),
    ],
  },
  {
    id: 'F19',
    fault: 'a blob deleted behind the steward’s back',
    tests: [
      shown('steward/scrub.test.ts', 'what vanished or changed its length'),
      shown('market/damage.ci.test.ts', 'finds it at the next check, gives the bounties back', '–', '1'),
    ],
  },
  {
    id: 'F20',
    fault: 'two daemons, one directory',
    tests: [
      shown('store/level-store.test.ts', 'is refused to a second process'),
      shown('faults/market.ci.test.ts', 'F20', '–', '10 pairs', '200'),
    ],
  },
  {
    id: 'F22',
    fault: 'a lock left after kill -9',
    tests: [shown('store/level-store.test.ts', 'free at once when that one is killed'), storm],
  },
  {
    id: 'F23',
    fault: 'SIGTERM and SIGINT in the middle of work',
    tests: [
      shown('uploader/put.test.ts', 'goes on after an interruption at any blob', '3', '9', '9'),
      shown('faults/market.ci.test.ts', 'F23', '–', '2 of each daemon', '10'),
    ],
  },
  {
    id: 'F24',
    fault: 'SIGSTOP, SIGCONT',
    tests: [shown('faults/market.ci.test.ts', 'F24', '–', '4 s each', '60 s each')],
  },
  {
    id: 'F25',
    fault: 'a put killed at any moment',
    tests: [shown('uploader/over-net.test.ts', 're-sends after a kill only the blobs', '1', '3', '4'), storm],
  },
  {
    id: 'F26',
    fault: 'a controller asleep for 8 hours and for 7 days',
    tests: [
      shown('controller/decide.test.ts', 'catches up with one round after a sleep of months'),
      shown('faults/market.ci.test.ts', 'F26', '–', '2', '2'),
    ],
  },
  {
    id: 'F36',
    fault: 'an endpoint takes the transaction and loses the answer',
    tests: [
      shown('chain/outbox.test.ts', 'its answer is lost'),
      shown('faults/rpc.test.ts', 'F36', '5 answers', '50', '500'),
    ],
  },
  {
    id: 'F37',
    fault: 'a crash between sign, broadcast and receipt',
    tests: [
      shown('chain/outbox-crash.test.ts', 'F37', '5 crashes', '30', '900'),
      shown('market/crash-points.slow.test.ts', 'kill -9 at every fault point', '–', '–', '18 points'),
    ],
  },
  {
    id: 'F38',
    fault: 'a nonce gap; a transaction dropped from the pool',
    tests: [
      shown('chain/outbox.test.ts', 'what a node has dropped from its pool'),
      shown('chain/outbox.test.ts', 'fills a nonce that nobody holds any more'),
    ],
  },
  {
    id: 'F39',
    fault: 'another program uses the same key',
    tests: [shown('chain/outbox.test.ts', 'another program took its nonce')],
  },
  {
    id: 'F43',
    fault: 'reorganisations 1 to 12 blocks deep and deeper',
    tests: [
      shown('chain/feed.test.ts', 'rolls back and redoes a reorganisation'),
      shown('chain/outbox.test.ts', 'brings back what a reorganisation took out of the chain', '3 depths'),
      shown('steward/sweep.test.ts', 'follows a reorganisation'),
      shown('controller/market-model.test.ts', 'whatever the chain undoes'),
      shown('faults/market.ci.test.ts', 'F43', '–', '12', '300'),
    ],
  },
  {
    id: 'F48',
    fault: 'random frames into each decoder',
    tests: [
      shown('net/messages.test.ts', 'random frames, nor on changed ones', '10,000 frames', '100,000', '2M'),
      shown('net/messages.test.ts', 'any CBOR value in place of a message', '2,000 a protocol'),
    ],
  },
  {
    id: 'F49',
    fault: 'absurd length prefixes',
    tests: [
      shown('net/node.test.ts', 'announces a frame of 4 GiB'),
      shown('net/wire.test.ts', 'refuses a frame over the cap before allocating it'),
    ],
  },
  {
    id: 'F65',
    fault: 'total loss: only the words',
    tests: [shown('market/recover.ci.test.ts', 'total loss, and the words', '–', '1')],
  },
  {
    id: 'F74',
    fault: 'sweep and revoke at the deadline and an hour later',
    tests: [
      shown('contracts/Bounties.t.sol', 'test_sweep_at_the_deadline_is_in_time'),
      shown('contracts/Bounties.t.sol', 'test_revoke_at_deadline_plus_3599_is_too_early'),
      shown('contracts/Bounties.t.sol', 'testFuzz_a_sweep_pays_iff_it_is_in_time', '256 runs', '5,000', '100,000'),
      shown('controller/decide.test.ts', 'revokes an hour after the deadline, once'),
      shown('steward/sweep.test.ts', 'never claims after the deadline'),
    ],
  },
  {
    id: 'F75',
    fault: 'prepared answers run low or are lost',
    tests: [
      shown('controller/controller.test.ts', 'makes answers again that were lost or damaged'),
      shown('controller/decide.test.ts', 'orders new rows when three are left'),
      shown('controller/market-model.test.ts', 'tops up rows in time'),
      shown('market/year.ci.test.ts', 'sweeps every bounty', '–', '1'),
    ],
  },
  {
    id: 'F80',
    fault: 'the controller killed at every step of a repair',
    tests: [
      shown('controller/repairs.test.ts', 'goes on after a kill at every step'),
      shown('controller/repairs.test.ts', 'ends whole after', '3', '20', '200'),
      shown('market/repair.ci.test.ts', 'killed at every step', '–', '1'),
    ],
  },
]

/** The page that says where each row runs. */
export function faultsPage(): string {
  const rows = ROWS.flatMap(({ id, fault, tests }) =>
    tests.map(({ file, title, counts }, i) => {
      const [quick, ci, slow] = counts
      return `| ${i === 0 ? `**${id}**` : ''} | ${i === 0 ? fault : ''} | \`${file}\`: ${title} | ${quick} | ${ci} | ${slow} |`
    }),
  )
  return `The rows of the fault table that have tests, and how often each is tried: in \`npm test\`, in \`npm run test:ci\`, which adds to it, and in
\`npm run test:slow\`. The table is \`test/faults/rows.ts\`.

Each fault is put on real processes or real files. Whatever a process acknowledged is kept outside of it (\`test/faults/ack-log.ts\`); after the
whole-market suites \`test/faults/invariants/\` replays it against disks and chain, I1 to I11, and prints what it looked at. Times and counts
of a run stand in its output, with the seed that chose.

\`npm run faults -- --seed N --only F43\` runs the tests of a row with the choices of an earlier run; \`--tier ci\` with larger counts. Moments
depend on the machine, so a seed repeats the choices, not the microseconds.

A test that needs root, loop devices, tmpfs or a C compiler tries once and is otherwise shown as skipped, with the reason, at the end of
the run.

| row | fault | shown by | quick | ci | slow |
|---|---|---|---|---|---|
${rows.join('\n')}

What these do not show yet is in [known gaps](../known-gaps.md), what they have found in [trophies](../trophies.md).
`
}
