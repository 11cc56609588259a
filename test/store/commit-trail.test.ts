/** F17 for databases: one flipped bit is noticed, whichever file it is in, and nothing that was altered is taken for what was written. */
import { cpSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { hasCode } from '../../base/errors.ts'
import { markersOf, openValue, readAnchor, readTrail, sealValue, writeAnchor } from '../../store/commit-trail.ts'
import { openLevelStore, type StoreOptions } from '../../store/level-store.ts'
import { effort } from '../effort.ts'
import { rejection } from './rejection.ts'

const value = (text: string) => new TextEncoder().encode(text)

/** 300 commits over 90 keys; enough that the longer form has tables beside the log. */
async function fill(directory: string, length: number): Promise<void> {
  const store = await openLevelStore(directory)
  for (let i = 0; i < 300; i++)
    await store.commit([
      { key: `p/${i % 90}`, value: value(JSON.stringify({ i, price: '125', text: 'x'.repeat(length) })) },
    ])
  await store.close()
}

async function readAll(directory: string, options: StoreOptions = {}): Promise<Map<string, string>> {
  const store = await openLevelStore(directory, options)
  const found = new Map<string, string>()
  try {
    for await (const [key, bytes] of store.list('')) found.set(key, Buffer.from(bytes).toString())
  } finally {
    await store.close()
  }
  return found
}

function flip(file: string, at: number, bit: number): void {
  const bytes = readFileSync(file)
  bytes[at] = (bytes[at] as number) ^ (1 << bit)
  writeFileSync(file, bytes)
}

describe('store/commit-trail', () => {
  let home: string
  before(async () => {
    home = await mkdtemp(join(tmpdir(), 'holdfast-trail-'))
  })
  after(() => rm(home, { recursive: true, force: true }))

  it('opens a value only under the key it was written for', () => {
    const sealed = sealValue('a', value('1'))
    expect(openValue('a', sealed)).to.deep.equal(value('1'))
    expect(openValue('b', sealed)).to.equal(undefined)
    expect(openValue('a', sealed.subarray(1))).to.equal(undefined)
    expect(openValue('a', new Uint8Array(3))).to.equal(undefined)
  })

  it('finds holes inside the window, and an end before the anchor', () => {
    const key = (number: number) => (markersOf(number)[0] as { key: string }).key
    expect(readTrail([1, 2, 3].map(key), 2)).to.deep.equal({ last: 3, holes: [] })
    expect(readTrail([1, 4].map(key), 0)).to.deep.equal({ last: 4, holes: [[2, 3]] })
    expect(readTrail([1, 2].map(key), 5)).to.deep.equal({ last: 5, holes: [[3, 5]] })
    expect(readTrail([], 0)).to.deep.equal({ last: 0, holes: [] })
    expect(readTrail([5000, 5001].map(key), 0).holes, 'what is older than the window is not asked for').to.deep.equal([
      [906, 4999],
    ])
    expect(markersOf(4097)).to.have.length(2)
  })

  for (const [name, length] of [
    ['a log only', 40],
    ['tables, too', 20_000],
  ] as const)
    it(`one flipped bit anywhere is noticed or without effect (${name})`, async () => {
      const made = join(home, name.replaceAll(' ', '-'))
      await fill(made, length)
      const files = readdirSync(made).filter((file) => !/^LO(CK|G)/.test(file) && statSync(join(made, file)).size > 0)
      // Reading opens, and opening turns the log into a table: the original stays as it was left.
      cpSync(made, `${made}-read`, { recursive: true })
      const right = await readAll(`${made}-read`)
      const silent: string[] = []
      let noticed = 0
      for (let n = 0; n < effort(24, 120, 2000); n++) {
        const copy = join(home, 'copy')
        rmSync(copy, { recursive: true, force: true })
        cpSync(made, copy, { recursive: true })
        cpSync(`${made}.tail.json`, `${copy}.tail.json`)
        const file = files[n % files.length] as string
        const path = join(copy, file)
        const at = (n * 7_919 + 13) % statSync(path).size
        flip(path, at, n % 8)
        try {
          const got = await readAll(copy)
          for (const [key, text] of right) if (got.get(key) !== text) silent.push(`${file} byte ${at}: ${key}`)
          if (got.size !== right.size) silent.push(`${file} byte ${at}: ${got.size} records`)
        } catch (cause) {
          if (!hasCode(cause, 'STORE_DAMAGED', 'STORE_UNUSABLE', 'STORE_VERSION')) throw cause
          noticed++
        }
      }
      expect(silent).to.deep.equal([])
      expect(noticed).to.be.greaterThan(0)
    })

  it('refuses where money hangs on it; goes on where the market makes good, and tells the loss once', async () => {
    const directory = join(home, 'lost')
    await fill(directory, 40)
    const log = readdirSync(directory).find((file) => file.endsWith('.log')) as string
    flip(join(directory, log), Math.floor(statSync(join(directory, log)).size / 2), 3)
    const error = await rejection(openLevelStore(directory))
    expect(error).to.have.property('code', 'STORE_DAMAGED')
    expect(error)
      .to.have.property('message')
      .that.matches(/commits that were acknowledged are missing: number \d+/)
    const told: string[] = []
    const left = await readAll(directory, { damage: 'go-on', onDamage: (what) => told.push(what) })
    expect(left.size).to.be.greaterThan(0)
    expect(told).to.have.length(1)
    await readAll(directory, { damage: 'go-on', onDamage: (what) => told.push(what) })
    expect(told, 'once').to.have.length(1)
  })

  it('a start after a crash brings the anchor up to the last commit, though nothing is committed', async () => {
    const directory = join(home, 'behind')
    await fill(directory, 40)
    await writeAnchor(`${directory}.tail.json`, 290)
    await (await openLevelStore(directory)).close()
    expect(await readAnchor(`${directory}.tail.json`)).to.equal(300)
  })

  it('mends what Level can mend: a lost CURRENT or a damaged MANIFEST costs nothing', async () => {
    for (const [name, harm] of [
      ['current', (directory: string) => writeFileSync(join(directory, 'CURRENT'), 'MANIFEST-777777\n')],
      [
        'manifest',
        (directory: string) => {
          const file = readdirSync(directory).find((each) => each.startsWith('MANIFEST')) as string
          flip(join(directory, file), 9, 1)
        },
      ],
    ] as const) {
      const directory = join(home, name)
      await fill(directory, 40)
      const right = await readAll(directory)
      harm(directory)
      expect(await readAll(directory), name).to.deep.equal(right)
      expect(readdirSync(directory), 'what Level could not use is kept').to.include('lost')
    }
  })

  it('is no database of an earlier format', async () => {
    const { Level } = await import('level')
    const directory = join(home, 'old')
    const old = new Level<string, Uint8Array>(directory, { valueEncoding: 'view' })
    await old.put('a', value('1'))
    await old.close()
    expect(await rejection(openLevelStore(directory))).to.have.property('code', 'STORE_VERSION')
  })
})
