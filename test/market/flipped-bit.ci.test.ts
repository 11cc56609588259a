/**
 * F17 over a whole home: one bit is flipped in one file of each kind while nothing runs, then everything is started. Either it starts and
 * the object is what it was, or it says by name what is damaged. Never a bug report, a wrong byte, or a loss in silence.
 */
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { basename, join, relative } from 'node:path'
import { expect } from 'chai'
import { useSandbox } from '../processes.ts'

/** Names that are the same kind of file: ids and numbers left out. */
function kindOf(path: string): string {
  return path
    .replace(/0x[0-9a-f]{40}/g, '<id>')
    .replace(/blobs\/[0-9a-f]{2}\/[0-9a-f]{64}/, 'blobs/<blob>')
    .replace(/puts\/[0-9a-f]{32}/, 'puts/<source>')
    .replace(/(MANIFEST-|\/)\d{6}/, '$1<number>')
}

/** One file of each kind below the home, logs and locks left out: they carry no state. */
function kindsBelow(home: string): Map<string, string> {
  const kinds = new Map<string, string>()
  for (const entry of readdirSync(home, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (!entry.isFile() || statSync(path).size === 0) continue
    const kind = kindOf(relative(home, path))
    if (/(^|\/)(logs\/|LOG|LOCK|cache\/)|\.log\.old$/.test(kind) || kinds.has(kind)) continue
    kinds.set(kind, path)
  }
  return kinds
}

describe('market: one flipped bit in each kind of file', function () {
  this.timeout(1_200_000)
  const sandbox = useSandbox()
  const home = () => ['--home', sandbox().home]

  it('is named, or does no harm; nothing is lost in silence', async () => {
    const content = Buffer.from('some words that must come back '.repeat(4000))
    const file = sandbox().path('words.txt')
    await writeFile(file, content)
    const up = () => sandbox().run(['up', '--stewards', '4', '--monitors', '0', '--detach', '--json', ...home()])
    const down = () => sandbox().ok(['down', ...home()])
    expect((await up()).code).to.equal(0)
    const put = await sandbox().ok(['put', file, '--code', '2/4', '--yes', '--json', ...home()])
    const id = String(put.last.id)
    await sandbox().ok(['devnet', 'advance', '2d', ...home()])
    await down()
    const kept = sandbox().path('kept')
    cpSync(sandbox().home, kept, { recursive: true })
    const kinds = kindsBelow(kept)
    expect([...kinds.keys()]).to.include.members([
      'controller/ledger/CURRENT',
      'controller/keystore.json',
      'controller/volume.json',
      'deployment.json',
      'keystore.json',
      'stewards/<id>/blobs/<blob>',
      'stewards/<id>/db/CURRENT',
      'stewards/<id>/settings.json',
    ])
    const outcomes: string[] = []
    const faults: string[] = []
    for (const [kind, original] of kinds) {
      rmSync(sandbox().home, { recursive: true, force: true })
      cpSync(kept, sandbox().home, { recursive: true })
      const victim = join(sandbox().home, relative(kept, original))
      const bytes = readFileSync(victim)
      const at = Math.floor(bytes.length / 2)
      bytes[at] = (bytes[at] as number) ^ 0x10
      writeFileSync(victim, bytes)
      const started = await up()
      if (started.code === 0) {
        const target = sandbox().path('back')
        const got = await sandbox().run(['get', id, '-o', target, '--overwrite', 'always', '--json', ...home()])
        const isRight = got.code === 0 && (await readFile(target)).equals(content)
        outcomes.push(`${kind}: ${got.code === 0 ? 'no harm' : String(got.last.code)}`)
        if (got.code === 0 && !isRight) faults.push(`${kind}: other bytes came back`)
        if (got.code !== 0 && got.last.code === 'INTERNAL') faults.push(`${kind}: get: ${got.stderr}`)
      } else {
        const { code, what: message } = started.last
        outcomes.push(`${kind}: ${code}`)
        if (code === 'INTERNAL') faults.push(`${kind}: ${message}`)
        // A wrong address of its own is named itself: the file is only where it stands.
        const names = [basename(victim), basename(join(victim, '..')), 'its own address /ip4/']
        if (!names.some((name) => String(message).includes(name)) && !/^(CHAIN|CONFIG)_/.test(String(code)))
          faults.push(`${kind}: not named: ${code} ${message}`)
      }
      // Some of these every command reads first, `down` among them.
      if (/^(config|deployment)\.json$/.test(kind)) cpSync(original, victim)
      await down()
      if (existsSync(sandbox().path('back'))) rmSync(sandbox().path('back'))
    }
    console.log(`      ${outcomes.join('\n      ')}`)
    expect(faults).to.deep.equal([])
  })
})
