/** `holdfast wallet show|address|deposit|withdraw|stake|unstake|rewards`: what there is, and moving it. Costs are said before anything is sent. */
import { toHex } from '../../base/bytes.ts'
import { type Address, parseAddress } from '../../base/curve.ts'
import { HoldfastError } from '../../base/errors.ts'
import { formatHold, formatTime, parseHold } from '../../base/units.ts'
import type { Chain } from '../../chain/rpc.ts'
import { detailLog, openMarketChain } from '../chain-access.ts'
import type { CommandRun, Context, Options } from '../context.ts'
import { costOf, planWallet, type WalletAct, type WalletContracts, type WalletState } from '../wallet-acts.ts'
import { openWalletDesk, readWallet, walletContracts } from '../wallet-desk.ts'
import { seatOf } from '../wallet-seat.ts'
import { formatTable, shortHold } from '../words.ts'

/** What a command that looks at the wallet has open. */
export interface OpenWallet {
  readonly chain: Chain
  readonly contracts: WalletContracts
  readonly account: Address
}

/** The account of a seat of this home, and its chain, checked. @throws `CONFIG_NOT_INITIALISED`, `STORE_LOCKED`, and as `openMarketChain` */
export async function openWallet(context: Context, options: Options, scope: AsyncDisposableStack): Promise<OpenWallet> {
  const account = await (await seatOf(context, options)).account()
  const { chain, deployment } = await openMarketChain(context)
  scope.defer(async () => chain.close())
  return { chain, contracts: walletContracts(deployment), account }
}

async function show(context: Context, _args: readonly string[], options: Options): Promise<undefined> {
  await using scope = new AsyncDisposableStack()
  const { chain, contracts, account } = await openWallet(context, options, scope)
  const state = await readWallet(chain, contracts, account)
  const { holding } = state
  const rows = [
    ['in the market', state.deposited, 'pays for storage, and can be withdrawn'],
    ['in the wallet', state.wallet, 'tokens of the account'],
    ['staked', holding.staked, 'earns'],
    ['bonded', holding.bonded, 'earns, and answers for placements'],
    ['rewards', holding.pending, 'holdfast wallet rewards draws them'],
    ['leaving', holding.leaving, leavingWords(state)],
    ['held by cases', holding.held, 'a case against this bond is open'],
  ] as const
  context.out.summary({
    command: 'wallet show',
    fields: { ...fieldsOf(state), unit: 'HOLD' },
    lines: [
      `account ${account}`,
      ...formatTable(
        rows
          .filter(([, amount], at) => at < 2 || amount > 0n)
          .map(([what, amount, meaning]) => [what, `${shortHold(amount)} HOLD`, meaning]),
      ),
      `for fees: ${shortHold(state.coin)} of the chain's coin`,
    ],
    result: formatHold(state.deposited),
  })
  return undefined
}

async function address(context: Context, _args: readonly string[], options: Options): Promise<undefined> {
  const account = await (await seatOf(context, options)).account()
  context.out.summary({ command: 'wallet address', fields: { account }, lines: [account], result: account })
  return undefined
}

/** An act as a command: what is asked for comes from its arguments. */
const acting =
  (actOf: (args: readonly string[], options: Options, state: WalletState) => WalletAct): CommandRun =>
  async (context, args, options) => {
    await using scope = new AsyncDisposableStack()
    const opened = await openWallet(context, options, scope)
    const state = await readWallet(opened.chain, opened.contracts, opened.account)
    const act = actOf(args, options, state)
    await performAct(context, options, opened, state, act)
    return undefined
  }

/** Says what an act costs, does it unless --dry-run, and says what is there afterwards. */
async function performAct(
  context: Context,
  options: Options,
  { chain, contracts, account }: OpenWallet,
  state: WalletState,
  act: WalletAct,
): Promise<void> {
  const { out, rng, signal } = context
  const calls = planWallet(act, state, contracts)
  const { base, tip } = await chain.fees()
  const cost = costOf(calls, state, 2n * base + tip)
  const title = `wallet ${act.act}`
  const amount = 'amount' in act ? { amount: formatHold(act.amount) } : {}
  const kinds = calls.map(({ kind }) => kind)
  const said = `${kinds.join(', then ')}: fees of at most ${shortHold(cost, 'up')} of the chain's coin`
  if (context.options.dryRun === true) {
    out.summary({
      command: title,
      fields: { dryRun: true, ...amount, transactions: kinds, feeAtMost: formatHold(cost), ...fieldsOf(state) },
      lines: [said, 'nothing was sent'],
    })
    return
  }
  out.note(said)
  await using desk = await openWalletDesk(context, options, detailLog(context))
  const done = await desk.perform(toHex(rng.bytes(16)), act, signal)
  const after = await readWallet(chain, contracts, account)
  out.summary({
    command: title,
    fields: { ...amount, transactions: done, ...fieldsOf(after) },
    lines: [
      ...done.map(({ kind, tx, block }) => `${kind} in block ${block}: ${tx}`),
      `in the market ${shortHold(after.deposited)} HOLD, in the wallet ${shortHold(after.wallet)}, staked ${shortHold(after.holding.staked)}, bonded ${shortHold(after.holding.bonded)}`,
      ...(after.exits.length === 0 ? [] : [leavingWords(after)]),
    ],
    result: done.at(-1)?.tx ?? '',
  })
}

function fieldsOf({
  account,
  wallet,
  deposited,
  coin,
  holding,
  exits,
}: WalletState): Readonly<Record<string, unknown>> {
  return {
    account,
    deposited: formatHold(deposited),
    wallet: formatHold(wallet),
    staked: formatHold(holding.staked),
    bonded: formatHold(holding.bonded),
    rewards: formatHold(holding.pending),
    held: formatHold(holding.held),
    leaving: exits.map((exit) => ({
      amount: formatHold(exit.amount),
      ready: formatTime(exit.ready),
      bonded: exit.bonded,
    })),
    coin: formatHold(coin),
  }
}

function leavingWords({ exits, now }: Pick<WalletState, 'exits' | 'now'>): string {
  const ready = exits.filter((exit) => exit.ready <= now)
  if (ready.length > 0) return 'some of what leaves the stake is ready: holdfast wallet unstake draws it'
  const next = exits[0]
  return next === undefined ? '' : `what leaves the stake is ready from ${formatTime(next.ready)} on`
}

/** An amount, or `all` of what there is. */
function amountOf(text: string | undefined, all: bigint) {
  if (text === 'all') return parseHold(formatHold(all))
  if (text === undefined) throw new HoldfastError('INPUT_REQUIRED', { what: 'the amount in HOLD', option: 'AMOUNT' })
  return parseHold(text)
}

const asBond = (options: Options): boolean => options['asBond'] === true

/** The commands of one account, by name. */
export const WALLET_COMMANDS = {
  show,
  address,
  deposit: acting(([amount], _, { wallet }) => ({ act: 'deposit', amount: amountOf(amount, wallet) })),
  withdraw: acting(([amount, to], _, { deposited, account }) => ({
    act: 'withdraw',
    amount: amountOf(amount, deposited),
    to: to === undefined ? account : parseAddress(to.toLowerCase(), 'TO'),
  })),
  stake: acting(([amount], options, { wallet }) => ({
    act: 'stake',
    amount: amountOf(amount, wallet),
    bonded: asBond(options),
  })),
  unstake: acting(([amount], options, { holding }) =>
    amount === undefined
      ? { act: 'collect' }
      : {
          act: 'unstake',
          amount: amountOf(amount, asBond(options) ? holding.bonded : holding.staked),
          bonded: asBond(options),
        },
  ),
  rewards: acting(() => ({ act: 'rewards' })),
} as const satisfies Readonly<Record<string, CommandRun>>
