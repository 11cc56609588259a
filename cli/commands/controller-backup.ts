/** `holdfast controller backup`: the ledger is backed up now; after `recover --backup N` it also says that the newer one is given up. */

import { HoldfastError } from '../../base/errors.ts'
import type { ControllerStatus } from '../../controller/api-types.ts'
import type { Context } from '../context.ts'
import { openControllerApi } from '../local-api.ts'
import { backupLine } from './daemon-status.ts'

type Backup = NonNullable<ControllerStatus['backup']>

export async function controllerBackup(context: Context): Promise<undefined> {
  const { out, signal } = context
  const client = await openControllerApi(context)
  try {
    const before = ((await client.get('/status', { signal })) as ControllerStatus).backup as Backup
    const question = 'A newer backup is there, with what was stored since. Make one over it, and give it up for good?'
    if (before.state === 'held' && !(await context.confirm(question, '--yes')))
      throw new HoldfastError('INTERRUPTED', {})
    const backup = (await client.post('/backup', {}, { signal })) as Backup
    out.summary({ command: 'controller backup', fields: { backup }, lines: [backupLine(backup)] })
  } finally {
    client.close()
  }
}
