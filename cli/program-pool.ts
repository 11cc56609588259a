/** Commands of the trust core. interface.md §3. */
import type { Command } from 'commander'
import type { CommandTree } from './command-tree.ts'
import type { CommandRun } from './context.ts'

export function addPool({ add, daemon, group, nested, set }: CommandTree): void {
  group('pool', 'the trust core', (pool) => {
    const passphrase = (command: Command) => command.option('--passphrase-file <file>', 'passphrase of the keystore')
    const master = (command: Command) =>
      passphrase(command)
        .option('--master-dir <dir>', "directory of the master's key; default: in the home")
        .option('--master-passphrase-file <file>', "passphrase of the master's keystore")
    const permitted = (command: Command) =>
      command
        .option('--permit <file>', 'act under this permit')
        .option('--key <keystore>', 'the key that holds the permit')
    const own = (command: Command) => passphrase(command).option('--id <id>', 'which actor, when the home has several')
    const addressed = (command: Command) =>
      own(command)
        .option('--secure <address>', 'where it is reached under TLS; default: where it listens')
        .option('--insecure <address>', 'where its plain endpoint is; default: it has none')
    const inviting = (command: Command) =>
      command
        .option('--uses <n>', 'how many may join with the code', '1')
        .option('--expires <span>', 'how long it counts', '1d')
    master(
      inviting(
        add(
          pool,
          'create <name>',
          'a pool of your own: master key, registrar, manager, invitation',
          async () => (await import('./commands/pool-create.ts')).poolCreate,
        ),
      ),
    )
      .option('--period <span>', 'time within which keys are renewed', '90d')
      .option('--invite-only', 'managers give roles to the invited only')
    addressed(
      add(
        pool,
        'join <code>',
        'register a steward or index of this home in the pool that an invitation names',
        async () => (await import('./commands/pool-join.ts')).poolJoin,
      ),
    )
    own(
      add(
        pool,
        'leave',
        'give up role, watchers and endpoints of an actor of this home',
        async () => (await import('./commands/pool-join.ts')).poolLeave,
      ),
    )
    add(
      pool,
      'ls',
      'the pool of this home, and who of this home is in it',
      async () => (await import('./commands/pool-join.ts')).poolLs,
    )
    add(
      pool,
      'members',
      'who is in the pool',
      async () => (await import('./commands/pool-members.ts')).poolMembers,
    ).option('--standing <standing>', 'only those of this standing')
    add(
      pool,
      'standing <id>',
      'the standing of a member, since when and why',
      async () => (await import('./commands/pool-members.ts')).poolStanding,
    )
    passphrase(
      inviting(
        add(
          pool,
          'invite',
          'a code that lets somebody join',
          async () => (await import('./commands/pool-invite.ts')).poolInvite,
        ),
      ),
    )
    permitted(
      master(
        add(
          pool,
          'policy',
          'what the pool asks of its members; with options: change it',
          async () => (await import('./commands/pool-policy.ts')).poolPolicy,
        ),
      ),
    )
      .option('--fee <share>', 'share of the rent that members owe the pool, like 2.5%')
      .option('--right <share>', 'share of the space offered that may be stored elsewhere')
      .option('--mute <share>', 'share of dismissed reports above which an accuser is not heard')
      .option('--panel <seats/votes/least>', 'size of a panel, votes to convict, least to convict at all')
      .option('--invite-only <on|off>', 'whether managers give roles to the invited only')

    const registrar = nested(pool, 'registrar', 'the contract that knows keys, addresses, roles and standing')
    const registrarRun = (name: string) => async () => {
      const acts = await import('./commands/pool-registrar.ts')
      return {
        register: acts.registrarRegister,
        role: acts.registrarRole,
        standing: acts.registrarStanding,
        renew: acts.registrarRenew,
        lapse: acts.registrarLapse,
      }[name] as CommandRun
    }
    add(
      registrar,
      'show [id]',
      'the registrar, or a member of it',
      async () => (await import('./commands/pool-members.ts')).registrarShow,
    )
    add(
      registrar,
      'log [id]',
      'what happened in the pool, or to a member: who did what, why',
      async () => (await import('./commands/pool-members.ts')).registrarLog,
    )
    addressed(add(registrar, 'register', 'register an actor of this home', registrarRun('register')))
    permitted(
      master(
        add(
          registrar,
          'role <id> <roles>',
          'set the roles of a member: repository,index,monitor or manager,registrar or none',
          registrarRun('role'),
        ),
      ),
    ).option('--uninvited', 'in a pool by invitation: give it all the same')
    permitted(
      passphrase(
        add(registrar, 'standing <id> <standing>', 'change the standing of a member', registrarRun('standing')),
      ),
    )
      .option('--reason <n>', 'code of the reason, 1 to 65535')
      .option('--evidence <hash|file>', 'SHA-256 of what it rests on, or the file itself')
    own(add(registrar, 'renew', 'confirm the key of an actor of this home for another period', registrarRun('renew')))
    own(
      add(
        registrar,
        'lapse <id>',
        'mark a member abandoned that missed two periods; drop its key after two more',
        registrarRun('lapse'),
      ),
    )

    const permit = nested(pool, 'permit', 'let somebody act for the master a while')
    const permitRun = (name: 'permitKey' | 'permitGrant' | 'permitShow' | 'permitRevoke') => async () =>
      (await import('./commands/pool-permit.ts'))[name] as CommandRun
    passphrase(add(permit, 'key <keystore>', 'make a key that can hold permits', permitRun('permitKey')))
    master(add(permit, 'grant <holder>', 'permit something to an address', permitRun('permitGrant')))
      .option(
        '--scope <scopes>',
        'registrar.standing, registrar.assign, pool.policy, pool.appoint; several with commas',
      )
      .option('--expires <span>', 'how long it counts', '7d')
      .option('--out <file>', 'where to write it')
      .option('--from <file>', 'cut it from this permit, which --key holds')
      .option('--key <keystore>', 'the key that holds the permit it is cut from')
    add(permit, 'show <file>', 'what a permit allows, and whether it serves now', permitRun('permitShow'))
    master(add(permit, 'revoke <permit>', 'end a permit, by its file or id', permitRun('permitRevoke'))).option(
      '--key <keystore>',
      'the key that signed it, when that is not the master',
    )

    const index = nested(pool, 'index', 'the daemon that knows who holds which blob')
    daemon(add(index, 'start', 'run it', async () => (await import('./commands/daemon-start.ts')).indexStart))
      .option('--id <id>', 'which one, when the home has several')
      .addOption(set('net.listen', 'address'))

    const monitor = nested(pool, 'monitor', 'the daemon that takes reports, looks for itself, and keeps evidence')
    daemon(add(monitor, 'start', 'run it', async () => (await import('./commands/daemon-start.ts')).monitorStart))
      .option('--id <id>', 'which one, when the home has several')
      .addOption(set('net.listen', 'address'))
    add(
      monitor,
      'log',
      'reports with what became of them, and verdicts',
      async () => (await import('./commands/pool-monitor.ts')).monitorLog,
    ).option('--id <id>', 'only this one')
    add(
      monitor,
      'report <hash>',
      'write the evidence of a report or a verdict to a file',
      async () => (await import('./commands/pool-monitor.ts')).monitorReport,
    )
      .option('--id <id>', 'which one, when the home has several')
      .option('-o, --output <path>', 'where to; default: a name from the hash')
      .option('--overwrite <when>', 'never or always', 'never')
    add(
      pool,
      'verify-evidence <file>',
      'check a file of evidence, without a network unless --on-chain or --rpc is given',
      async () => (await import('./commands/pool-monitor.ts')).verifyEvidence,
    ).option('--on-chain', "also compare its panel's policy and block with the chain of this home's pool")

    const manager = nested(
      pool,
      'manager',
      'the daemon that gives roles and watchers, and judges by what monitors report',
    )
    daemon(
      add(manager, 'start', 'run it', async () => (await import('./commands/daemon-start.ts')).managerStart),
    ).addOption(set('net.listen', 'address'))
    add(
      manager,
      'status',
      'whom it manages, what it decided and why, what changed in silence',
      async () => (await import('./commands/pool-manager.ts')).managerStatus,
    )
    add(
      manager,
      'assign [ids...]',
      'give what is missing now; agents that are named need no invitation',
      async () => (await import('./commands/pool-manager.ts')).managerAssign,
    )
    add(
      manager,
      'undo <delegate>',
      'put back the standings that a delegate with a stolen key changed',
      async () => (await import('./commands/pool-manager.ts')).managerUndo,
    ).option('--since <time>', 'from then on (ISO-8601, chain time); default: all')
    add(
      pool,
      'appeal <evidence>',
      "a convicted member's own word to its manager about the evidence hash that its standing rests on",
      async () => (await import('./commands/pool-appeal.ts')).poolAppeal,
    )
      .option('--id <id>', 'which steward, index, monitor or manager of this home, when it has several')
      .option('--controller', "for the account of this home's controller, where it is a member")
      .option('--file <file>', 'what speaks for it; at most 60 KiB')
      .option('--passphrase-file <file>', 'passphrase of its keystore')
  })
}
