/** Commands about money: auctions, wallet. interface.md §3. */
import type { Command } from 'commander'
import type { CommandTree } from './command-tree.ts'

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
  group('wallet', 'the money of this home', (wallet) => {
    const walletRun = (name: keyof typeof import('./commands/wallet.ts')['WALLET_COMMANDS']) => async () =>
      (await import('./commands/wallet.ts')).WALLET_COMMANDS[name]
    const withKey = (command: Command) => command.option('--passphrase-file <file>', 'passphrase of the keystore')
    add(wallet, 'show', 'what there is, and where', walletRun('show'))
    add(wallet, 'address', 'the account: who sends to it pays this home', walletRun('address'))
    withKey(add(wallet, 'deposit <amount>', 'put tokens of the account into the market', walletRun('deposit')))
    withKey(
      add(wallet, 'withdraw <amount> [to]', 'draw from the market, to the account or another', walletRun('withdraw')),
    )
    withKey(add(wallet, 'stake <amount>', 'stake tokens: what is staked earns', walletRun('stake'))).option(
      '--as-bond',
      'as a bond, which answers for the placements of this account',
    )
    withKey(
      add(
        wallet,
        'unstake [amount]',
        'let go of a stake, for 21 days; without an amount: draw what is ready',
        walletRun('unstake'),
      ),
    ).option('--as-bond', 'of the bond')
    withKey(add(wallet, 'rewards', 'draw what the stake earned', walletRun('rewards')))
    withKey(
      add(wallet, 'mine', 'look for new tokens, by work', async () => (await import('./commands/wallet-mine.ts')).mine),
    ).option('--rewards <n>', 'how many rewards to look for', '1')
    add(
      wallet,
      'export',
      'every movement of the account',
      async () => (await import('./commands/wallet-export.ts')).walletExport,
    ).option('--csv', 'comma-separated, for a spreadsheet')
  })
}
