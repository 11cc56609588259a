/** I10: secrets stay where they belong: in no log, no argument list, no environment and no output that was not asked for them. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import type { World } from '../world.ts'

/** Words, passphrase, API tokens, and every capability that a put showed. Text that must not turn up anywhere. */
async function canariesOf({ market, commands }: World): Promise<ReadonlyMap<string, string>> {
  const canaries = new Map<string, string>()
  const { home } = market
  for (const name of ['controller/words.txt', 'words.txt', 'dev-passphrase']) {
    const text = await readFile(join(home, name), 'utf8').catch(() => '')
    if (text.trim() !== '') canaries.set(text.trim(), name)
  }
  for (const dir of ['controller', ...market.ready.stewards.map(({ id }) => join('stewards', id))]) {
    const { token } = JSON.parse(await readFile(join(home, dir, 'api.json'), 'utf8')) as { token: string }
    canaries.set(token, `${dir}: API token`)
  }
  for (const { lines } of commands)
    for (const { cap } of lines as readonly { readonly cap?: string }[])
      if (cap !== undefined) canaries.set(cap, 'a capability')
  return canaries
}

export async function secretsStaySecret(world: World): Promise<string> {
  const { market, daemons, commands } = world
  const canaries = await canariesOf(world)
  const places: [name: string, text: string][] = []
  const logs = join(market.home, 'logs')
  for (const name of await readdir(logs)) places.push([`log ${name}`, await readFile(join(logs, name), 'utf8')])
  for (const { name, runs } of daemons)
    for (const { lines } of runs) places.push([`output of ${name}`, JSON.stringify(lines)])
  for (const { args, stderr } of commands) places.push([`errors of ${args[1]}`, stderr])
  for (const pid of market.sandbox.pids())
    for (const file of ['cmdline', 'environ'])
      places.push([`${file} of ${pid}`, await readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '')])
  for (const [canary, what] of canaries)
    for (const [place, text] of places) expect(text.includes(canary), `I10: ${what} in ${place}`).to.equal(false)
  return `${canaries.size} secrets looked for in ${places.length} places`
}
