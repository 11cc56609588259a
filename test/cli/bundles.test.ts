/** The program's libraries as one file each: the same libraries, used by an installation's own program and by no other. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const BUNDLES = new URL('../../cli/bundles.js', import.meta.url).href
const SCRIPT = new URL('../../scripts/bundle-libraries.js', import.meta.url).href
/** Loads what every daemon loads of other people's: the door to the network, and the one to the chain. */
const DOORS = ['net/node.ts', 'chain/rpc.ts'].map((door) => new URL(`../../${door}`, import.meta.url).href)

/** What a program of its own prints as JSON. It finds `use`, the function in question, and `seen`, the addresses of all modules that were loaded. */
function printedBy(program: string): unknown {
  const source = `import { registerHooks } from 'node:module'
    const seen = []
    registerHooks({ load: (url, context, next) => (seen.push(url), next(url, context)) })
    const { useBundles: use } = await import(${JSON.stringify(BUNDLES)})
    console.log(JSON.stringify(await (async () => { ${program} })()))`
  const run = spawnSync(process.execPath, ['--input-type=module', '-e', source], { cwd: ROOT, encoding: 'utf8' })
  expect(run.status, run.stderr).to.equal(0)
  return JSON.parse(run.stdout)
}

describe('cli/bundles', function () {
  this.timeout(120_000)
  let root: string

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'holdfast-bundles-'))
    mkdirSync(join(root, 'node_modules/.cache/holdfast-bundles'), { recursive: true })
  })
  afterEach(() => rmSync(root, { recursive: true, force: true }))

  /** An installation with one bundle, made from the state of `madeFrom`. */
  function install(madeFrom: (now: number) => number): void {
    const list = join(root, 'node_modules/.package-lock.json')
    writeFileSync(list, '{}')
    const files = join(root, 'node_modules/.cache/holdfast-bundles')
    const index = { schema: 1, madeFrom: madeFrom(statSync(list).mtimeMs), files: { libp2p: 'libp2p.js' } }
    writeFileSync(join(files, 'index.json'), JSON.stringify(index))
    writeFileSync(join(files, 'libp2p.js'), 'export const name = "the bundle"')
  }

  const nameOfLibrary = () =>
    printedBy(`use(${JSON.stringify(root)}); return (await import('libp2p')).name ?? 'the library'`)

  it('leads imports to the bundles of the same installation', () => {
    install((now) => now)
    expect(nameOfLibrary()).to.equal('the bundle')
  })

  it('leaves alone what another installation made, what was cut short, and what is not there', () => {
    install((now) => now - 1)
    expect(nameOfLibrary(), 'installed anew since').to.equal('the library')
    writeFileSync(join(root, 'node_modules/.cache/holdfast-bundles/index.json'), '{"schema":1,')
    expect(nameOfLibrary(), 'cut short').to.equal('the library')
    rmSync(join(root, 'node_modules/.cache'), { recursive: true })
    expect(nameOfLibrary(), 'none').to.equal('the library')
  })

  it('gives what the libraries give, name for name', () => {
    const differences = printedBy(`
      const { BUNDLED, bundleLibraries } = await import(${JSON.stringify(SCRIPT)})
      const root = ${JSON.stringify(ROOT)}
      await bundleLibraries(root)
      const namesOf = async (specifier) => Object.keys(await import(specifier)).sort().join()
      const plain = await Promise.all(BUNDLED.map(namesOf))
      if (use(root).length !== BUNDLED.length) return 'not all are led there'
      const bundled = []
      for (const specifier of BUNDLED) {
        const url = import.meta.resolve(specifier)
        if (!url.includes('/.cache/')) return specifier
        bundled.push(await namesOf(url))
      }
      return BUNDLED.filter((_, i) => plain[i] === '' || plain[i] !== bundled[i])`)
    expect(differences).to.deep.equal([])
  })

  it('covers what daemons load: none of the network library or of ethers is loaded file by file', () => {
    const loaded = printedBy(`
      const { bundleLibraries } = await import(${JSON.stringify(SCRIPT)})
      await bundleLibraries(${JSON.stringify(ROOT)})
      use(${JSON.stringify(ROOT)})
      for (const door of ${JSON.stringify(DOORS)}) await import(door)
      return seen.map((url) => /node_modules\\/((@[^/]+\\/)?[^/]+)/.exec(url)?.[1]).filter((name) => name)`) as string[]
    expect(loaded.filter((name) => /libp2p|multiformats|ethers/.test(name))).to.deep.equal([])
    expect(loaded).to.include('.cache')
  })
})
