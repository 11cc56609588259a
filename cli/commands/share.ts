/** `holdfast share`: prints the capability that opens an object to whoever holds it. */
import { fromHex, toHex } from '../../base/bytes.ts'
import { HoldfastError } from '../../base/errors.ts'
import { formatCap, locatorOf } from '../../blob/cap.ts'
import { rootKeysOf } from '../../blob/identity.ts'
import { createVault } from '../../uploader/vault.ts'
import type { Context, Options } from '../context.ts'
import { findObject } from '../find-object.ts'
import { readUserKeys } from '../keys.ts'
import { openLedgerView } from '../ledger-view.ts'
import { obtainPassphrase } from '../passphrase.ts'
import { shortId } from '../words.ts'

export async function share(context: Context, [text = '']: readonly string[], options: Options): Promise<undefined> {
  const { out } = context
  await using view = await openLedgerView(context)
  const { objects } = await view.objects()
  const { id, name } = findObject(text, objects)
  const cap = formatCap(await openCap(context, options, id, (await view.object(id)).sealedCap))
  out.summary({
    command: 'share',
    fields: { id, name, cap },
    lines: [
      cap,
      `Whoever has this can read ${name ?? shortId(id)}, on any machine, as long as it is stored. It cannot expire, and it cannot spend.`,
    ],
    result: cap,
  })
  return undefined
}

/**
 * The cap of an object of ours: sealed in the ledger under a key that only the user's keystore gives.
 * @throws `KEY_PASSPHRASE`, `KEY_DAMAGED` when it was sealed by another user
 */
export async function openCap(context: Context, options: Options, id: string, sealedCap: string): Promise<Uint8Array> {
  const { home, rng } = context
  const { root } = await readUserKeys(home.keystore, await obtainPassphrase(context, options, 'the keystore'))
  const cap = createVault(rootKeysOf(root).ledgerKey, rng).open(fromHex(sealedCap), `the cap of ${shortId(id)}`)
  if (toHex(locatorOf(cap)) !== id) throw new HoldfastError('LEDGER_CORRUPT', { key: `object/${id}` })
  return cap
}
