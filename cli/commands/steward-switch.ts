/** `holdfast steward drain`, `pause` and `resume`: what a running steward takes from now on; its daemon keeps it over restarts and does the rest. */
import { EXIT } from '../../base/errors.ts'
import { chooseActor } from '../choose-actor.ts'
import type { CommandRun } from '../context.ts'
import { openDaemonApi } from '../local-api.ts'
import { pasteable } from '../pasteable.ts'

/** What the daemon answers: how it stands now. */
interface Stand {
  readonly isPaused: boolean
  readonly isDraining: boolean
  /** Neither. */
  readonly isOpen: boolean
}

interface Switch {
  readonly path: '/drain' | '/stay' | '/pause' | '/resume'
  readonly sets: Partial<Stand>
  /** "would … steward 0x…" */
  readonly verb: string
  /** @param undo the command, without the program's name @returns a line that can be pasted */
  lines(id: string, stand: Stand, pasted: (undo: string) => string): readonly string[]
}

const turn =
  ({ path, sets, verb, lines }: Switch): CommandRun =>
  async (context, _args, options) => {
    const { out, signal } = context
    const { id, paths } = await chooseActor(context, 'steward', options)
    if (context.options.dryRun === true) {
      out.summary({
        command: 'steward',
        fields: { dryRun: true, id, ...sets },
        lines: [`would ${verb} steward ${id}; nothing was changed (dry run)`],
      })
      return EXIT.done
    }
    const client = await openDaemonApi(paths, 'steward')
    try {
      const stand = (await client.post(path, {}, { signal })) as Stand
      const pasted = (undo: string) => pasteable(context.options, `${undo} --id ${id}`)
      out.summary({ command: 'steward', fields: { id, ...stand }, lines: lines(id, stand, pasted) })
      return EXIT.done
    } finally {
      client.close()
    }
  }

const drain = turn({
  path: '/drain',
  sets: { isDraining: true },
  verb: 'let run empty',
  lines: (id) => [
    `steward ${id} takes nothing new and gives notice of 14 days to each uploader that asks it next, within about a month`,
    'Keep it running: what it holds is paid to the end of each contract, and then a month more for handing it over.',
  ],
})

const stay = turn({
  path: '/stay',
  sets: { isDraining: false },
  verb: 'stop letting run empty',
  lines: (id, { isOpen }, pasted) => [
    isOpen
      ? `steward ${id} takes new blobs again; notice that was given stands`
      : `steward ${id} gives no more notice; it is paused all the same, until: ${pasted('steward resume')}`,
  ],
})

export const stewardDrain: CommandRun = (context, args, options) =>
  (options['stop'] === true ? stay : drain)(context, args, options)

export const stewardPause = turn({
  path: '/pause',
  sets: { isPaused: true },
  verb: 'pause',
  lines: (id, _, pasted) => [
    `steward ${id} takes nothing new, also after a restart, until: ${pasted('steward resume')}`,
  ],
})

export const stewardResume = turn({
  path: '/resume',
  sets: { isPaused: false },
  verb: 'resume',
  lines: (id, { isOpen }, pasted) => [
    isOpen
      ? `steward ${id} takes new blobs again`
      : `steward ${id} is paused no more; it runs empty all the same, until: ${pasted('steward drain --stop')}`,
  ],
})
