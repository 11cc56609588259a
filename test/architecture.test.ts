import { readFileSync } from 'node:fs'
import { glob } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { type Exception, findViolations, formatViolation, LEVELS, type Rule } from './architecture-rules.ts'
import { readFacts, type SourceFacts } from './source-facts.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** The dev chain keeps its state itself; chain/ is the door to anvil, and that includes the file anvil writes. */
const ANVIL_STATE =
  'the file is anvil’s own, rewritten by it in place; whole copies of it are kept beside it, on dev chains only'

const EXCEPTIONS: readonly Exception[] = [
  { path: 'chain/devnet.ts', rules: ['door', 'write'], reason: ANVIL_STATE },
  { path: 'chain/devnet-state.ts', rules: ['door', 'write'], reason: ANVIL_STATE },
  {
    path: 'chain/devnet-keeper.ts',
    rules: ['door', 'write', 'ambient'],
    reason: `${ANVIL_STATE}; a process of its own, so it reads its own arguments`,
  },
  {
    path: 'cli/spawn.ts',
    rules: ['write'],
    reason: 'the log a daemon’s output goes to: appended by the system, and nothing is read back from it',
  },
  {
    path: 'store/log-rotation.ts',
    rules: ['write'],
    reason:
      'the same log, put aside when it is large: the open file has to stay, so it is copied and cut, not replaced',
  },
  { path: 'cli/commands/doctor.ts', rules: ['write'], reason: 'tries whether a directory can be written to' },
  {
    path: 'cli/commands/init.ts',
    rules: ['write'],
    reason: 'the words go to a file that must not exist yet (opened with wx, synced): durableWrite would replace one',
  },
  {
    path: 'cli/commands/steward-init.ts',
    rules: ['write'],
    reason: 'a link in the home to the directory on the spare disk',
  },
  {
    path: 'cli/dev-home.ts',
    rules: ['door'],
    reason: 'asks the system which loopback addresses and ports are free before any daemon runs',
  },
]

async function readTree(): Promise<readonly SourceFacts[]> {
  const folders = LEVELS.flat().join(',')
  const found: SourceFacts[] = []
  for await (const path of glob(`{${folders}}/**/*.{ts,js}`, { cwd: ROOT }))
    if (!path.endsWith('.as.ts')) found.push(readFacts(path, readFileSync(`${ROOT}/${path}`, 'utf8')))
  return found.sort((a, b) => (a.path < b.path ? -1 : 1))
}

/** Which rules a file of this text breaks. */
function rulesBroken(path: string, text: string, others: Readonly<Record<string, string>> = {}): readonly Rule[] {
  const files = Object.entries({ [path]: text, ...others }).map(([name, body]) => readFacts(name, body))
  return findViolations(files).map(({ rule }) => rule)
}

describe('architecture', () => {
  let tree: readonly SourceFacts[]
  before(async function () {
    this.timeout(20_000)
    tree = await readTree()
  })

  it('holds in every file of the product', () => {
    expect(tree.length).to.be.above(60)
    const isException = (path: string, rule: Rule) =>
      EXCEPTIONS.some((one) => one.path === path && one.rules.includes(rule))
    const found = findViolations(tree).filter(({ path, rule }) => !isException(path, rule))
    expect(found.map(formatViolation).join('\n')).to.equal('')
  })

  it('has no exception that nobody needs', () => {
    const found = findViolations(tree)
    for (const { path, rules } of EXCEPTIONS)
      for (const rule of rules)
        expect(
          found.some((one) => one.path === path && one.rule === rule),
          `${path} ${rule}`,
        ).to.equal(true)
  })

  it('imports only packages that users get installed, at exact versions', () => {
    const { dependencies, devDependencies } = JSON.parse(readFileSync(`${ROOT}/package.json`, 'utf8'))
    for (const range of [...Object.values(dependencies), ...Object.values(devDependencies)])
      expect(range, 'a range would change under us').to.match(/^\d+\.\d+\.\d+$/)
    for (const { path, imports } of tree)
      for (const { what, line } of imports) {
        if (/^(\.|node:)/.test(what)) continue
        const name = what.startsWith('@') ? what.split('/').slice(0, 2).join('/') : (what.split('/')[0] as string)
        expect(dependencies, `${path}:${line} imports ${what}`).to.have.property(name)
      }
  })

  describe('its rules', () => {
    it('see an import that goes up, sideways, or out of the product', () => {
      expect(rulesBroken('blob/a.ts', `import type { X } from '../controller/x.ts'`)).to.deep.equal(['level'])
      expect(rulesBroken('chain/a.ts', `export { x } from '../store/x.ts'`)).to.include('level')
      expect(rulesBroken('uploader/a.ts', `const x = await import('../steward/x.ts')`)).to.deep.equal(['level'])
      expect(rulesBroken('uploader/a.ts', `new Worker(new URL('../steward/x.ts', import.meta.url))`)).to.deep.equal([
        'level',
      ])
      expect(rulesBroken('base/a.ts', `let x: import('../blob/x.ts').X`)).to.deep.equal(['level'])
      expect(rulesBroken('steward/a.ts', `import { x } from '../test/x.ts'`)).to.deep.equal(['level'])
      expect(rulesBroken('controller/a.ts', `import { x } from '../uploader/x.ts'`)).to.deep.equal([])
    })

    it('see cycles, through types and over several files, once each', () => {
      const others = {
        'base/b.ts': `export type { C } from './c.ts'\nconst b = 1`,
        'base/c.ts': `import type { A } from './a.ts'`,
      }
      expect(rulesBroken('base/a.ts', `import { b } from './b.ts'`, others)).to.deep.equal(['cycle'])
      expect(rulesBroken('base/a.ts', `import { a } from './a.ts'`)).to.deep.equal(['cycle'])
      expect(
        rulesBroken('base/z.ts', `import { b } from './b.ts'`, { 'base/b.ts': 'export const b = 1' }),
      ).to.deep.equal([])
    })

    it('see packages behind the wrong door', () => {
      for (const name of [
        'ethers',
        'libp2p',
        '@libp2p/tcp',
        '@chainsafe/libp2p-noise',
        'fastify',
        'level',
        'node:fs/promises',
        'commander',
      ])
        expect(rulesBroken('steward/a.ts', `import x from '${name}'`), name).to.deep.equal(['door'])
      expect(rulesBroken('controller/a.ts', `const x = require('ethers/utils')`)).to.deep.equal(['door'])
      expect(rulesBroken('chain/a.ts', `import { Interface } from 'ethers'`)).to.deep.equal([])
    })

    it('see clock, chance and environment outside cli/', () => {
      const texts = [
        'Date.now()',
        'new Date()',
        'globalThis.Math.random()',
        `process['env']`,
        'process.env.HOME',
        `import { env } from 'node:process'`,
        `import { randomBytes as draw } from 'node:crypto'`,
        'const { now } = Date.now',
      ]
      for (const text of texts) expect(rulesBroken('pool/a.ts', text), text).to.deep.equal(['ambient'])
      expect(rulesBroken('cli/a.ts', 'Date.now()')).to.deep.equal([])
      expect(rulesBroken('pool/a.ts', `new Date(5); createHash('sha256'); '// Date.now()'`)).to.deep.equal([])
    })

    it('see files written past durableWrite', () => {
      const fs = `import { open, rename as move } from 'node:fs/promises'\n`
      expect(rulesBroken('store/a.ts', `${fs}await move('a', 'b')`)).to.deep.equal(['write'])
      expect(rulesBroken('store/a.ts', `${fs}await open('a', 'w')`)).to.deep.equal(['write'])
      expect(rulesBroken('store/a.ts', `${fs}await open('a')`)).to.deep.equal([])
      expect(rulesBroken('store/a.ts', `import * as fs from 'node:fs'\nfs.writeFileSync('a', '')`)).to.deep.equal([
        'write',
      ])
      expect(rulesBroken('store/durable-write.ts', `${fs}await open('a', 'w')`)).to.deep.equal([])
    })

    it('see barrels and names that say nothing', () => {
      expect(rulesBroken('base/a.ts', `export * from './b.ts'\nexport { c } from './c.ts'`)).to.deep.equal(['barrel'])
      expect(rulesBroken('base/index.ts', 'const a = 1')).to.deep.equal(['name'])
      expect(rulesBroken('base/utils/a.ts', 'const a = 1')).to.deep.equal(['name'])
      expect(rulesBroken('base/someThing.ts', 'const a = 1')).to.deep.equal(['name'])
    })

    it('name the line and the rule', () => {
      const [violation] = findViolations([readFacts('base/a.ts', `\n\nimport 'ethers'`)])
      expect(violation && formatViolation(violation)).to.equal(
        'base/a.ts:3: ethers (door: only chain/ may know ethers)',
      )
    })
  })
})
