/** Whose money a command of the wallet is about: the controller's of this home, or, with --steward, a steward's. */
import type { Address } from '../base/curve.ts'
import { chooseActor } from './choose-actor.ts'
import type { Context, Options } from './context.ts'
import type { DaemonPaths } from './home.ts'
import { readActorKey, readControllerKeys } from './keys.ts'
import { openLedgerView } from './ledger-view.ts'
import { listProcesses } from './run-file.ts'

export interface Seat {
  readonly role: 'controller' | 'steward'
  readonly paths: DaemonPaths
  /** Name of the database in its directory. */
  readonly database: 'ledger' | 'db'
  /** True while its daemon runs: then that alone sends with the key. */
  isRunning(): Promise<boolean>
  /** @throws `CONFIG_NOT_INITIALISED`, `STORE_LOCKED` */
  account(): Promise<Address>
  /** @throws `KEY_PASSPHRASE`, `KEY_DAMAGED` */
  readKey(passphrase: string): Promise<{ readonly secret: Uint8Array; readonly account: Address }>
}

/** @throws `CONFIG_NOT_INITIALISED` for a steward that this home has not, `INPUT_REQUIRED` when it has several and none was named */
export async function seatOf(context: Context, options: Options): Promise<Seat> {
  const { home } = context
  const isLive = async (role: Seat['role'], id?: Address) => {
    const { live } = await listProcesses(home.run)
    return live.some((run) => run.role === role && (id === undefined || run.id === id))
  }
  const { steward } = options
  if (steward === undefined)
    return {
      role: 'controller',
      paths: home.controller,
      database: 'ledger',
      isRunning: () => isLive('controller'),
      account: async () => {
        await using view = await openLedgerView(context)
        return (await view.status()).account
      },
      readKey: async (passphrase) => {
        const { chainKey, account } = await readControllerKeys(home.controller.keystore, passphrase)
        return { secret: chainKey, account }
      },
    }
  const { id, paths } = await chooseActor(
    context,
    'steward',
    typeof steward === 'string' ? { id: steward } : {},
    '--steward',
  )
  return {
    role: 'steward',
    paths,
    database: 'db',
    isRunning: () => isLive('steward', id),
    account: async () => id,
    readKey: async (passphrase) => ({ secret: (await readActorKey(paths.keystore, passphrase)).secret, account: id }),
  }
}
