/** Commands of the local chain and of the two daemons of a user. interface.md §3. */
import type { CommandTree } from './command-tree.ts'

export function addDaemons({ add, daemon, group, set }: CommandTree): void {
  group('devnet', 'the local development chain', (devnet) => {
    add(
      devnet,
      'advance <span>',
      'move its time; returns when every due act is done',
      async () => (await import('./commands/devnet-advance.ts')).advance,
    ).option(
      '--with <home>',
      'another home on the same chain, whose daemons take part; may be repeated',
      (home: string, before: readonly string[] = []) => [...before, home],
    )
    add(
      devnet,
      'admit <id>',
      "take a steward of another home into this home's pool: coin for fees, and the repository role",
      async () => (await import('./commands/devnet-admit.ts')).admit,
    )
  })
  group('steward', 'the daemon on spare disk', (steward) => {
    add(
      steward,
      'init',
      'make a steward: key, directory, settings',
      async () => (await import('./commands/steward-init.ts')).stewardInit,
    )
      .option('--path <dir>', 'its directory; default: in the home')
      .addOption(set('steward.quota', 'size'))
      .addOption(set('steward.reserve', 'size'))
      .addOption(set('steward.price', 'price'))
      .addOption(set('net.listen', 'address'))
      .addOption(set('net.listen-plain', 'address'))
      .option('--passphrase-file <file>', 'passphrase of its keystore')
    daemon(add(steward, 'start', 'run it', async () => (await import('./commands/daemon-start.ts')).stewardStart))
      .option('--id <id>', 'which one, when the home has several')
      .addOption(set('net.listen', 'address'))
      .addOption(set('net.listen-plain', 'address'))
    add(
      steward,
      'status',
      'what it holds, earned and waits for',
      async () => (await import('./commands/daemon-status.ts')).stewardStatus,
    ).option('--id <id>', 'which one')
    add(
      steward,
      'earnings',
      'what it was paid by month, what is on its way, what it missed, what its sweeps cost: from the chain, running or not',
      async () => (await import('./commands/steward-earnings.ts')).stewardEarnings,
    )
      .option('--id <id>', 'which one; default: all of this home, a line each')
      .option('--since <span>', 'how far back; default: all')
      .option('--csv', 'comma-separated, for a spreadsheet')
    for (const [name, what, run] of [
      ['pause', 'take nothing new; what it holds is kept, proved, paid and renewed (it must run)', 'stewardPause'],
      ['resume', 'take new blobs again (it must run)', 'stewardResume'],
    ] as const)
      add(steward, name, what, async () => (await import('./commands/steward-switch.ts'))[run]).option(
        '--id <id>',
        'which one',
      )
    add(
      steward,
      'check',
      'compare the files it keeps with their ids, running or not',
      async () => (await import('./commands/steward-check.ts')).stewardCheck,
    )
      .option('--id <id>', 'which one')
      .option('--subset <part>', 'a part of the bytes, least recently read first: 5%, 1/10', 'all')
      .option('--rebuild', 'lost blobs whose files are here again and whole are held again (it must run)')
    add(
      steward,
      'drain',
      'let it run empty: nothing new, 14 days of notice for what it holds (it must run)',
      async () => (await import('./commands/steward-switch.ts')).stewardDrain,
    )
      .option('--id <id>', 'which one')
      .option('--stop', 'take new blobs again; notice that was given stands')
  })
  group('controller', 'the unattended process: posts bounties, sees sweeps, renews', (controller) => {
    daemon(add(controller, 'start', 'run it', async () => (await import('./commands/daemon-start.ts')).controllerStart))
    add(
      controller,
      'status',
      'money, placements, bounties',
      async () => (await import('./commands/daemon-status.ts')).controllerStatus,
    )
    add(
      controller,
      'backup',
      'back the ledger up now',
      async () => (await import('./commands/controller-backup.ts')).controllerBackup,
    )
    add(
      controller,
      'accounts',
      'money by steward: what was proved, swept, promised, redeemed, and whether the books balance',
      async () => (await import('./commands/controller-accounts.ts')).controllerAccounts,
    ).option('--csv', 'every round, comma-separated, for a spreadsheet')
    add(controller, 'plan', 'what it is going to do', async () => (await import('./commands/plan.ts')).plan).option(
      '--days <n>',
      'how far to look',
      '30',
    )
  })
}
