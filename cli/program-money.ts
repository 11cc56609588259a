/** Commands about money: auctions, wallet. interface.md §3. */
import type { Command } from 'commander'
import type { CommandTree } from './command-tree.ts'
import type { CommandRun } from './context.ts'

export function addMoney({ program, add, group }: CommandTree): void {
  group('bids', 'auctions this controller held', (bids) => {
    add(bids, 'ls', 'all of them', async () => (await import('./commands/bids.ts')).bidsList)
    add(bids, 'auction <id>', 'one, with all its bids', async () => (await import('./commands/bids.ts')).bidsAuction)
  })
  add(
    program,
    'receipts',
    'what stewards signed for: each placement, its price, and what was paid for it',
    async () => (await import('./commands/receipts.ts')).receipts,
  )
    .option('--since <span>', 'only what began within it')
    .option('--csv', 'comma-separated, for a spreadsheet')
  group('wallet', 'the money of this home: its controller’s, or with --steward a steward’s', (wallet) => {
    const walletRun = (name: keyof typeof import('./commands/wallet.ts')['WALLET_COMMANDS']) => async () =>
      (await import('./commands/wallet.ts')).WALLET_COMMANDS[name]
    const own = (usage: string, description: string, load: () => Promise<CommandRun>): Command =>
      add(wallet, usage, description, load).option(
        '--steward [id]',
        'of a steward of this home; its id where there are several',
      )
    const withKey = (command: Command) => command.option('--passphrase-file <file>', 'passphrase of the keystore')
    own('show', 'what there is, and where', walletRun('show'))
    own('address', 'the account: who sends to it pays this home', walletRun('address'))
    withKey(own('deposit <amount>', 'put tokens of the account into the market', walletRun('deposit')))
    withKey(own('withdraw <amount> [to]', 'draw from the market, to the account or another', walletRun('withdraw')))
    withKey(own('stake <amount>', 'stake tokens: what is staked earns', walletRun('stake'))).option(
      '--as-bond',
      'as a bond, which answers for the placements of this account',
    )
    withKey(
      own(
        'unstake [amount]',
        'let go of a stake, for 21 days; without an amount: draw what is ready',
        walletRun('unstake'),
      ),
    ).option('--as-bond', 'of the bond')
    withKey(own('rewards', 'draw what the stake earned', walletRun('rewards')))
    withKey(
      own('mine', 'look for new tokens, by work', async () => (await import('./commands/wallet-mine.ts')).mine),
    ).option('--rewards <n>', 'how many rewards to look for', '1')
    own(
      'export',
      'every movement of the account',
      async () => (await import('./commands/wallet-export.ts')).walletExport,
    ).option('--csv', 'comma-separated, for a spreadsheet')
  })
}
