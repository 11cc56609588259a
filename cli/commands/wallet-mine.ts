/** `holdfast wallet mine`: looks for solutions of the mine. Stops at the wanted number of rewards, at --timeout, or when it is told to. */
import { toHex } from '../../base/bytes.ts'
import { HoldfastError, hasCode } from '../../base/errors.ts'
import { formatHold } from '../../base/units.ts'
import { expectedHashes, findNonce, readWork, type Work } from '../../chain/mine.ts'
import { detailLog } from '../chain-access.ts'
import type { Context, Options } from '../context.ts'
import { costOf, planWallet } from '../wallet-acts.ts'
import { openWalletDesk, readWallet } from '../wallet-desk.ts'
import { shortHold } from '../words.ts'
import { openWallet } from './wallet.ts'

/** Numbers tried between two looks at the chain and at the signal: some tens of milliseconds. */
const TRIES = 2_000
/** The challenge is asked for again after so many of those: somebody else may have solved it. */
const TURNS = 50

export async function mine(context: Context, _args: readonly string[], options: Options): Promise<undefined> {
  const { out } = context
  const wanted = Number(options['rewards'])
  if (!Number.isInteger(wanted) || wanted < 1 || wanted > 1_000)
    throw new HoldfastError('INPUT_RANGE', {
      name: '--rewards',
      expected: '1 to 1000',
      got: String(options['rewards']),
    })
  await using scope = new AsyncDisposableStack()
  const opened = await openWallet(context, options, scope)
  const { chain, contracts, account } = opened
  const work = await readWork(chain, contracts.mine)
  const hashes = expectedHashes(work.target)
  if (context.options.dryRun === true) {
    out.summary({
      command: 'wallet mine',
      fields: {
        dryRun: true,
        reward: formatHold(work.reward),
        hashes: hashes.toString(),
        mined: formatHold(work.mined),
      },
      lines: [`a reward is ${shortHold(work.reward)} HOLD and takes ${hashes} hashes on average`, 'nothing was sent'],
    })
    return undefined
  }
  out.note(`a reward is ${shortHold(work.reward)} HOLD and takes ${hashes} hashes on average`)
  await using desk = await openWalletDesk(context, options, detailLog(context))
  const before = (await readWallet(chain, contracts, account)).wallet
  for (let found = 0; found < wanted; ) {
    const act = { act: 'mine', nonce: await search(context, () => readWork(chain, contracts.mine), account) } as const
    const state = await readWallet(chain, contracts, account)
    const { base, tip } = await chain.fees()
    costOf(planWallet(act, state, contracts), state, 2n * base + tip)
    try {
      const [done] = await desk.perform(toHex(context.rng.bytes(16)), act, context.signal)
      found++
      out.record({ type: 'reward', number: found, tx: done?.tx, block: done?.block })
      out.note(`reward ${found} of ${wanted} in block ${done?.block}`)
    } catch (cause) {
      if (!hasCode(cause, 'TX_REVERTED')) throw cause
      out.note('somebody else was faster')
    }
  }
  const { wallet } = await readWallet(chain, contracts, account)
  out.summary({
    command: 'wallet mine',
    fields: { account, rewards: wanted, mined: formatHold(wallet - before), wallet: formatHold(wallet), unit: 'HOLD' },
    lines: [`mined ${shortHold(wallet - before)} HOLD; in the wallet ${shortHold(wallet)}`],
    result: formatHold(wallet - before),
  })
  return undefined
}

/** Looks until there is a solution. The start is drawn, so that two programs with one key do not do the same work. */
async function search(
  { rng, signal, clock }: Context,
  read: () => Promise<Work>,
  account: `0x${string}`,
): Promise<bigint> {
  let from = BigInt(`0x${Buffer.from(rng.bytes(16)).toString('hex')}`)
  for (;;) {
    const work = await read()
    for (let turn = 0; turn < TURNS; turn++, from += BigInt(TRIES)) {
      signal.throwIfAborted()
      const nonce = findNonce(work, account, { from, tries: TRIES })
      if (nonce !== undefined) return nonce
      await clock.sleep(0, signal)
    }
  }
}
