/**
 * Another uploader in a market that runs: a home of its own that knows the deployment and nothing else, money from the dev chain's mine,
 * and a controller that may be a villain's program. Time moves for the daemons of all homes together.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fromHex } from '../../base/bytes.ts'
import { type Address, addressOf } from '../../base/curve.ts'
import { wei } from '../../base/units.ts'
import { identityOf } from '../../blob/identity.ts'
import { DEV_SECRETS } from '../../chain/devnet.ts'
import { encodeApprove, encodeDeposit } from '../../chain/market.ts'
import { encodeSolve, findNonce, readWork } from '../../chain/mine.ts'
import { connectChain, type Hex } from '../../chain/rpc.ts'
import { createSigner } from '../../chain/signer.ts'
import { type Advanced, advanceTo, type Ticking } from '../../cli/advance.ts'
import { homeAt } from '../../cli/home.ts'
import { openDaemonApi, pathsOf } from '../../cli/local-api.ts'
import { isAlive, listProcesses } from '../../cli/run-file.ts'
import { clock, silent, until } from '../chain/ports.ts'
import type { Line } from '../processes.ts'
import type { MarketHandle } from './market.ts'

/** What it has in the market. Wei of HOLD. */
const DEPOSIT = wei(100n * 10n ** 18n)
const COIN = 10n ** 18n

export interface AnotherUploader {
  readonly home: string
  readonly account: Address
  put(path: string, ...more: readonly string[]): Promise<Line & { readonly id: string }>
}

/** Makes the home, funds the account, starts the controller. @param program of the cast; undefined: the honest one */
export async function openAnotherUploader(
  market: MarketHandle,
  name: string,
  program: string,
): Promise<AnotherUploader> {
  const { sandbox, ready } = market
  const home = sandbox.path(name)
  const [passphrase, words] = [sandbox.path(`${name}-passphrase`), sandbox.path(`${name}-words`)]
  await writeFile(passphrase, 'a villain in a test\n', { mode: 0o600 })
  const common = ['--home', home, '--json', '--no-input', '--passphrase-file', passphrase]
  await sandbox.ok([
    'init',
    ...common,
    '--words-out',
    words,
    '--deployment',
    join(market.home, 'deployment.json'),
    '--rpc',
    ready.rpc,
  ])
  const { chainKey } = identityOf((await readFile(words, 'utf8')).trim())
  await fund(ready.rpc, ready.contracts, chainKey)
  await sandbox
    .start([program, 'controller', 'start', ...common], { program: process.execPath })
    .line(({ type }) => type === 'ready', 120_000)
  return {
    home,
    account: addressOf(chainKey),
    async put(path, ...more) {
      const { last } = await sandbox.ok(['put', path, '--yes', ...common, ...more], { timeoutMs: 300_000 })
      return last as Line & { id: string }
    },
  }
}

async function fund(rpc: string, contracts: Readonly<Record<string, string>>, secret: Uint8Array): Promise<void> {
  const chain = await connectChain([rpc], { log: silent, clock, pollMs: 50 })
  try {
    const faucet = fromHex(DEV_SECRETS[0])
    const [token, market, mine] = [contracts.token, contracts.market, contracts.mine] as [Address, Address, Address]
    const send = async (from: Uint8Array, to: Address, data: Hex, value = 0n) => {
      const signer = createSigner(from)
      const nonce = Number(await chain.request('eth_getTransactionCount', [signer.address, 'latest']))
      const { base, tip } = await chain.fees()
      const fields = { chainId: chain.chainId, nonce, to, data, value, gas: 500_000n, maxFee: 2n * base + tip, tip }
      const hash = await chain.broadcast(signer.sign(fields).raw)
      await until(async () => (await chain.receipt(hash)) !== undefined, 'the transaction is mined')
    }
    await send(faucet, addressOf(secret), '0x', COIN)
    const nonce = findNonce(await readWork(chain, mine), addressOf(secret), { from: 0n, tries: 1_000 })
    await send(faucet, mine, encodeSolve(addressOf(secret), nonce as bigint))
    await send(secret, token, encodeApprove(market, DEPOSIT))
    await send(secret, market, encodeDeposit(DEPOSIT))
  } finally {
    chain.close()
  }
}

/** `devnet advance` for the daemons of several homes at once. @param days of chain time */
export async function advanceAll(
  market: MarketHandle,
  homes: readonly string[],
  days: number,
  timeoutMs: number,
): Promise<Advanced> {
  const chain = await connectChain([market.ready.rpc], { log: silent, clock })
  try {
    const daemons: Ticking[] = []
    for (const root of [market.home, ...homes]) {
      const home = homeAt(root, {})
      for (const run of (await listProcesses(home.run)).live) {
        const paths = pathsOf({ home }, run)
        if (paths === undefined) continue
        const client = await openDaemonApi(paths, run.role)
        daemons.push({ name: `${run.role} ${run.id ?? root}`, client, isAlive: () => isAlive(run) })
      }
    }
    const { timestamp } = await chain.head()
    return await advanceTo(
      { chain, daemons, signal: AbortSignal.timeout(timeoutMs) },
      timestamp + Math.round(days * 86_400),
    )
  } finally {
    chain.close()
  }
}
