/**
 * Where the acts of a wallet are carried out: the daemon that runs, whose outbox alone sends with the key, or, when it does not, the same
 * outbox opened by the command. The same request with the same id happens once, also over a crash.
 */
import type { Address } from '../base/curve.ts'
import { HoldfastError } from '../base/errors.ts'
import type { Journal, Log } from '../base/ports.ts'
import { fromTagged, toTagged } from '../base/tagged-json.ts'
import { type Wei, wei } from '../base/units.ts'
import type { Deployment } from '../chain/deployment.ts'
import { openMarket } from '../chain/market.ts'
import { createOutbox, type Outbox } from '../chain/outbox.ts'
import type { Chain, Hex } from '../chain/rpc.ts'
import { openStakePool } from '../chain/stake-pool.ts'
import type { Route } from '../net/http-server.ts'
import { openDataDir } from '../store/data-dir.ts'
import { openMarketChain } from './chain-access.ts'
import type { Context, Options } from './context.ts'
import { openDaemonApi } from './local-api.ts'
import { obtainPassphrase } from './passphrase.ts'
import { planWallet, type WalletAct, type WalletContracts, type WalletState } from './wallet-acts.ts'
import { type Seat, seatOf } from './wallet-seat.ts'

/** A transaction that is final. */
export interface WalletDone {
  readonly kind: string
  readonly tx: Hex
  readonly block: number
}

export interface WalletDesk {
  /**
   * Carries an act out and returns when it is final.
   * @param id 16 bytes of hex: the same act once
   * @throws what `planWallet` throws, `TX_REVERTED`, `CHAIN_…`, the signal's reason
   */
  perform(id: string, act: WalletAct, signal: AbortSignal): Promise<readonly WalletDone[]>
}

/** On a public chain two acts wait for twelve blocks each. Milliseconds. */
const PERFORM_MS = 15 * 60_000

/** The contracts a wallet deals with. */
export function walletContracts({ contracts }: Pick<Deployment, 'contracts'>): WalletContracts {
  const { market, token, stakePool, mine } = contracts
  return { market: market.address, token: token.address, stakePool: stakePool.address, mine: mine.address }
}

/** What an account has, from the chain. @throws `TX_REVERTED`, `CHAIN_ANSWER`, `CHAIN_UNREACHABLE` */
export async function readWallet(chain: Chain, contracts: WalletContracts, account: Address): Promise<WalletState> {
  const market = openMarket(chain, contracts)
  const pool = openStakePool(chain, contracts.stakePool)
  const [wallet, deposited, coin, holding, exits, toMarket, toPool, totals] = await Promise.all([
    market.tokenBalance(account),
    market.balanceOf(account),
    chain.balance(account),
    pool.holdingOf(account),
    pool.exitsOf(account),
    market.allowance(account),
    market.allowance(account, contracts.stakePool),
    pool.totals(),
  ])
  return {
    account,
    wallet,
    deposited,
    coin,
    holding,
    exits,
    allowed: { market: toMarket, stakePool: toPool },
    minimumStake: totals.minimum,
    now: chain.time(),
  }
}

export interface DeskParts {
  readonly chain: Chain
  readonly contracts: WalletContracts
  readonly account: Address
  readonly outbox: Pick<Outbox, 'intent' | 'kick' | 'settled'>
  readonly journal: Pick<Journal, 'commit'>
}

/** The desk at the outbox. */
export function createWalletDesk({ chain, contracts, account, outbox, journal }: DeskParts): WalletDesk {
  return {
    async perform(id, act, signal) {
      const calls = planWallet(act, await readWallet(chain, contracts, account), contracts)
      const done: WalletDone[] = []
      for (const { kind, to, data, gas } of calls) {
        const intent = `wallet/${id}/${kind}`
        await journal.commit(outbox.intent({ id: intent, to, data, kind, leastGas: Number(gas) }))
        outbox.kick()
        // one after the other: a deposit is refused while what allows it is not on the chain
        const outcome = await outbox.settled(intent, signal)
        if (!outcome.ok) throw outcome.reason
        done.push({ kind, tx: outcome.txHash, block: outcome.block })
      }
      return done
    },
  }
}

/** `POST /wallet` of a daemon's API. The request is checked as if it came from anybody. */
export function walletRoute(desk: WalletDesk): Route {
  return {
    method: 'POST',
    path: '/wallet',
    summary: 'Moves money of the account: deposit, withdraw, stake, unstake, collect, rewards, mine.',
    schema: {
      body: {
        type: 'object',
        required: ['id', 'act'],
        properties: { id: { type: 'string', pattern: '^[0-9a-f]{32}$' }, act: { type: 'object' } },
        additionalProperties: false,
      },
    },
    handler: async ({ body, signal }) => {
      const { id, act } = body as { readonly id: string; readonly act: unknown }
      return { done: await desk.perform(id, parseAct(fromTagged(act)), signal) }
    },
  }
}

/** An act that came as JSON. @throws `INPUT_FORMAT` for what is none */
export function parseAct(value: unknown): WalletAct {
  const it = value as { readonly act?: unknown; readonly [name: string]: unknown }
  const wrong = (name: string): never => {
    throw new HoldfastError('INPUT_FORMAT', { name, expected: 'an act of the wallet', got: String(it?.[name]) })
  }
  const amount = (): Wei => (typeof it['amount'] === 'bigint' ? wei(it['amount']) : wrong('amount'))
  const bonded = (): boolean => (typeof it['bonded'] === 'boolean' ? it['bonded'] : wrong('bonded'))
  switch (it?.act) {
    case 'deposit':
      return { act: it.act, amount: amount() }
    case 'withdraw': {
      const { to } = it
      if (typeof to !== 'string' || !/^0x[0-9a-f]{40}$/.test(to)) return wrong('to')
      return { act: it.act, amount: amount(), to: to as Address }
    }
    case 'stake':
    case 'unstake':
      return { act: it.act, amount: amount(), bonded: bonded() }
    case 'collect':
    case 'rewards':
      return { act: it.act }
    case 'mine':
      return { act: it.act, nonce: typeof it['nonce'] === 'bigint' ? it['nonce'] : wrong('nonce') }
    default:
      return wrong('act')
  }
}

/**
 * The desk of a seat: at its daemon when that runs, else at its journal, opened for as long as the command takes.
 * @throws `CONFIG_NOT_INITIALISED`, `STORE_LOCKED`, `KEYSTORE_…`
 */
export async function openWalletDesk(
  context: Context,
  options: Options,
  log: Log,
): Promise<WalletDesk & AsyncDisposable> {
  const seat = await seatOf(context, options)
  if (await seat.isRunning()) {
    const client = await openDaemonApi(seat.paths, seat.role)
    return {
      perform: async (id, act, signal) => {
        const answer = await client.post('/wallet', { id, act: toTagged(act) }, { signal, timeoutMs: PERFORM_MS })
        return (answer as { readonly done: readonly WalletDone[] }).done
      },
      [Symbol.asyncDispose]: async () => client.close(),
    }
  }
  const scope = new AsyncDisposableStack()
  try {
    const desk = await openDeskHere(context, options, seat, log, scope)
    return { ...desk, [Symbol.asyncDispose]: () => scope.disposeAsync() }
  } catch (cause) {
    await scope.disposeAsync()
    throw cause
  }
}

async function openDeskHere(
  context: Context,
  options: Options,
  seat: Seat,
  log: Log,
  scope: AsyncDisposableStack,
): Promise<WalletDesk> {
  const { clock, rng, settings } = context
  const { role, paths, database } = seat
  const { secret, account } = await seat.readKey(await obtainPassphrase(context, options, `the ${role}'s keystore`))
  const { chain, deployment } = await openMarketChain(context, log)
  scope.defer(async () => chain.close())
  const data = await openDataDir(paths.dir, {
    role,
    id: account,
    clock,
    database,
    create: { rng },
    log,
  })
  scope.defer(() => data.close())
  const outbox = createOutbox({
    journal: data.store,
    chain,
    secret,
    clock,
    log,
    limits: { dayBudget: settings.value('chain.fee-budget'), spared: [] },
  })
  // What else was refused is the daemon's to hear, when it runs again: here it stays untold.
  outbox.onRefused(async (id) => {
    if (!id.startsWith('wallet/')) throw new HoldfastError('API_UNREACHABLE', { role, url: paths.api })
  })
  await outbox.start()
  scope.defer(() => outbox.stop())
  return createWalletDesk({
    chain,
    contracts: walletContracts(deployment),
    account,
    outbox,
    journal: data.store,
  })
}
