/** `holdfast steward init`: a key of its own, a directory, what it offers. */
import { existsSync } from 'node:fs'
import { mkdir, symlink } from 'node:fs/promises'
import { resolve } from 'node:path'
import { addressOf } from '../../base/curve.ts'
import { HoldfastError } from '../../base/errors.ts'
import { formatSize } from '../../base/units.ts'
import { DEV_COST, STRONG_COST } from '../../store/keystore.ts'
import { readActorSettings, writeActorSettings } from '../actor-settings.ts'
import { listActors } from '../choose-actor.ts'
import type { Context, Options } from '../context.ts'
import { newSecret, writeActorKey } from '../keys.ts'
import { obtainNewPassphrase } from '../passphrase.ts'
import { pasteable } from '../pasteable.ts'

export async function stewardInit(context: Context, _args: readonly string[], options: Options): Promise<undefined> {
  const { home, settings, out, rng } = context
  const quota = settings.find('steward.quota')
  if (quota === undefined)
    throw new HoldfastError('INPUT_REQUIRED', { what: 'how much space to offer', option: '--quota SIZE, like 500G' })
  const reserve = settings.value('steward.reserve')
  const price = settings.origin('steward.price').text ?? 'auto'
  settings.value('steward.price')
  const listen = settings.value('net.listen')
  const listenPlain = settings.value('net.listen-plain')
  const path = typeof options['path'] === 'string' ? resolve(options['path']) : undefined
  if (path !== undefined && existsSync(`${path}/volume.json`)) throw new HoldfastError('CONFIG_EXISTS', { path })
  if (context.options.dryRun === true) {
    out.summary({
      command: 'steward',
      fields: { dryRun: true, quota, reserve, listen },
      lines: [
        `would make a steward that offers ${formatSize(quota)} in ${path ?? home.stewards}`,
        'Nothing was made (dry run).',
      ],
    })
    return
  }
  const passphrase = await obtainNewPassphrase(context, options, 'the steward')
  const secret = newSecret(rng)
  const id = addressOf(secret)
  const paths = home.steward(id)
  if (path !== undefined) {
    await mkdir(path, { recursive: true, mode: 0o700 })
    await mkdir(home.stewards, { recursive: true, mode: 0o700 })
    await symlink(path, paths.dir)
  }
  const others = await Promise.all(
    (await listActors(home.stewards)).map(
      async (other) => (await readActorSettings(home.steward(other).settings)).number,
    ),
  )
  await writeActorKey(paths.keystore, secret, {
    passphrase,
    rng,
    cost: existsSync(home.devPassphrase) ? DEV_COST : STRONG_COST,
  })
  await writeActorSettings(paths.settings, {
    number: Math.max(0, ...others) + 1,
    listen,
    ...(listenPlain.length === 0 ? {} : { listenPlain }),
    quota,
    reserve,
    price,
  })
  out.summary({
    command: 'steward',
    fields: { id, dataDir: paths.dir, quota, reserve, price, listen },
    lines: [
      `steward    ${id}`,
      `offers     ${formatSize(quota)} in ${path ?? paths.dir}, keeps ${formatSize(reserve)} free`,
      `Next: ${pasteable(context.options, `steward start --id ${id}`)}`,
      `It needs coin for fees and, from a manager of the pool, the repository role. In a market made by up: holdfast devnet admit ${id} --home MARKET`,
    ],
    result: id,
  })
}
