/** `holdfast steward pause` and `resume`: it takes nothing new, and all it holds is kept, proved, paid and renewed as before. */
import { EXIT } from '../../base/errors.ts'
import { chooseActor } from '../choose-actor.ts'
import type { CommandRun } from '../context.ts'
import { openDaemonApi } from '../local-api.ts'
import { pasteable } from '../pasteable.ts'

const setPaused =
  (isPaused: boolean): CommandRun =>
  async (context, _args, options) => {
    const { out, signal } = context
    const { id, paths } = await chooseActor(context, 'steward', options)
    const fields = { id, isPaused }
    if (context.options.dryRun === true) {
      const lines = [`would ${isPaused ? 'pause' : 'resume'} steward ${id}; nothing was changed (dry run)`]
      out.summary({ command: 'steward', fields: { dryRun: true, ...fields }, lines })
      return EXIT.done
    }
    const client = await openDaemonApi(paths, 'steward')
    let isOpen = false
    try {
      const said = (await client.post(isPaused ? '/pause' : '/resume', {}, { signal })) as { readonly isOpen: boolean }
      isOpen = said.isOpen
    } finally {
      client.close()
    }
    out.summary({
      command: 'steward',
      fields: { ...fields, isOpen },
      lines: [
        isPaused
          ? `steward ${id} takes nothing new, also after a restart, until: ${pasteable(context.options, `steward resume --id ${id}`)}`
          : isOpen
            ? `steward ${id} takes new blobs again`
            : `steward ${id} is paused no more; it runs empty all the same, until: ${pasteable(context.options, `steward drain --stop --id ${id}`)}`,
      ],
    })
    return EXIT.done
  }

export const stewardPause = setPaused(true)
export const stewardResume = setPaused(false)
