/** The program in a few files: what the sources say, used by the launcher of that very checkout, and by nothing else. */
import { spawnSync } from 'node:child_process'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
/** Plain JavaScript, for Nodes that know no types. */
const { BUNDLE, bundleOf, INSTALLED, stampOf } = (await import(`${ROOT}cli/bundle.js`)) as {
  readonly BUNDLE: string
  readonly INSTALLED: string
  readonly bundleOf: (root: string) => string | undefined
  readonly stampOf: (path: string) => string
}
const { bundleProgram } = (await import(`${ROOT}scripts/bundle-program.js`)) as {
  readonly bundleProgram: (root: string) => Promise<boolean>
}
/** Folders that are no part of the program. */
const LEFT_OUT = /^(\.|node_modules$|test$|bench$|docs$|artifacts$|cache$|contracts$|ignition$)/
const MOTTO = 'A storage market in which nobody has to trust anybody.'

describe('cli/bundle', function () {
  this.timeout(120_000)
  let root: string

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'holdfast-bundle-'))
    mkdirSync(join(root, BUNDLE), { recursive: true })
    mkdirSync(join(root, 'cli'))
  })
  afterEach(() => rmSync(root, { recursive: true, force: true }))

  /** A checkout with one source, an installation, and a bundle of both. */
  function install(): void {
    const sources = ['cli/main.ts', INSTALLED]
    for (const file of sources) writeFileSync(join(root, file), '{}')
    const madeFrom = Object.fromEntries(sources.map((file) => [file, stampOf(join(root, file))]))
    writeFileSync(join(root, BUNDLE, 'index.json'), JSON.stringify({ schema: 1, main: 'main.mjs', madeFrom }))
  }

  it('is used as long as it is what the sources and the installation say', () => {
    install()
    expect(bundleOf(root)).to.equal(join(root, BUNDLE, 'main.mjs'))
  })

  it('is left alone after an edit, another installation, and the loss of a source', () => {
    for (const file of ['cli/main.ts', INSTALLED]) {
      install()
      writeFileSync(join(root, file), 'edited')
      expect(bundleOf(root), `${file}: other bytes`).to.equal(undefined)
      install()
      utimesSync(join(root, file), new Date(), new Date(0))
      expect(bundleOf(root), `${file}: another time`).to.equal(undefined)
      install()
      rmSync(join(root, file))
      expect(bundleOf(root), `${file}: gone`).to.equal(undefined)
    }
  })

  it('is left alone when it was cut short or is of another form, and nothing is missed when there is none', () => {
    install()
    writeFileSync(join(root, BUNDLE, 'index.json'), '{"schema":1,')
    expect(bundleOf(root), 'cut short').to.equal(undefined)
    writeFileSync(join(root, BUNDLE, 'index.json'), '{"schema":2,"madeFrom":{}}')
    expect(bundleOf(root), 'another form').to.equal(undefined)
    rmSync(join(root, BUNDLE), { recursive: true })
    expect(bundleOf(root), 'none').to.equal(undefined)
  })

  it('is made from the sources, once, and does what they do until one of them is edited', async () => {
    for (const entry of readdirSync(ROOT, { withFileTypes: true }))
      if (entry.isDirectory() && !LEFT_OUT.test(entry.name))
        cpSync(join(ROOT, entry.name), join(root, entry.name), { recursive: true })
    for (const name of readdirSync(join(ROOT, 'node_modules')))
      if (name !== '.cache') symlinkSync(join(ROOT, 'node_modules', name), join(root, 'node_modules', name))
    cpSync(join(ROOT, 'package.json'), join(root, 'package.json'))
    expect(await bundleProgram(root)).to.equal(true)
    expect(await bundleProgram(root), 'again').to.equal(false)

    const said = (program: string, args: readonly string[]) => {
      const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, program), ...args], {
        encoding: 'utf8',
      })
      return { status, stdout, stderr }
    }
    for (const args of [['--help'], ['version', '--json'], ['put', '--help'], ['get']])
      expect(said('cli/launch.js', args), args.join(' ')).to.deep.equal(said('cli/main.ts', args))
    const program = join(root, 'cli/program.ts')
    const text = readFileSync(program, 'utf8')
    expect(text).to.include(MOTTO)
    writeFileSync(program, text.replace(MOTTO, 'Another sentence.'))
    expect(said('cli/launch.js', ['--help']).stdout).to.include('Another sentence.')
  })
})
