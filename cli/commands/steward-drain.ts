/** `holdfast steward drain`: it takes nothing new and gives notice wherever it is asked for another term; its daemon does the rest. */
import { EXIT } from '../../base/errors.ts'
import { chooseActor } from '../choose-actor.ts'
import type { Context, Options } from '../context.ts'
import { openDaemonApi } from '../local-api.ts'

export async function stewardDrain(context: Context, _args: readonly string[], options: Options): Promise<number> {
  const { out, signal } = context
  const { id, paths } = await chooseActor(context, 'steward', options)
  const isDraining = options['stop'] !== true
  const fields = { id, isDraining }
  if (context.options.dryRun === true) {
    const lines = [
      `would ${isDraining ? 'let' : 'stop letting'} steward ${id} run empty; nothing was changed (dry run)`,
    ]
    out.summary({ command: 'steward', fields: { dryRun: true, ...fields }, lines })
    return EXIT.done
  }
  const client = await openDaemonApi(paths, 'steward')
  try {
    await client.post(isDraining ? '/drain' : '/stay', {}, { signal })
  } finally {
    client.close()
  }
  out.summary({
    command: 'steward',
    fields,
    lines: isDraining
      ? [
          `steward ${id} takes nothing new and gives notice of 14 days to each uploader that asks it next, within about a month`,
          'Keep it running: what it holds is paid to the end of each contract, and then a month more for handing it over.',
        ]
      : [`steward ${id} takes new blobs again; notice that was given stands`],
  })
  return EXIT.done
}
