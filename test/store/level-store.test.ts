import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { openLevelStore } from '../../store/level-store.ts'
import { killChildren, startChild } from './child.ts'
import { rejection } from './rejection.ts'

const one = Uint8Array.of(1)

describe('store/level-store', () => {
  let home: string
  before(async () => {
    home = await mkdtemp(join(tmpdir(), 'holdfast-level-'))
  })
  after(async () => {
    await killChildren()
    await rm(home, { recursive: true, force: true })
  })

  it('gives back what was committed, in order of keys, within the prefix, after a key and up to a limit', async () => {
    const store = await openLevelStore(join(home, 'order'))
    await store.commit(['a/2', 'b/1', 'a/1', 'a/3', 'ab'].map((key) => ({ key, value: one })))
    const keys = async (prefix: string, options?: { limit?: number; after?: string }) => {
      const found: string[] = []
      for await (const [key] of store.list(prefix, options)) found.push(key)
      return found
    }
    expect(await keys('a/')).to.deep.equal(['a/1', 'a/2', 'a/3'])
    expect(await keys('a/', { after: 'a/1', limit: 1 })).to.deep.equal(['a/2'])
    expect(await keys('b/', { after: 'a/9' })).to.deep.equal(['b/1'])
    expect(await keys('c/')).to.deep.equal([])
    await store.commit([{ key: 'a/1', value: undefined }])
    expect(await store.get('a/1')).to.equal(undefined)
    expect(await store.get('a/2')).to.deep.equal(one)
    await store.close()
    await store.close()
  })

  it('commits in the order asked, also when many share a batch', async () => {
    const store = await openLevelStore(join(home, 'same-key'))
    await Promise.all(Array.from({ length: 200 }, (_, i) => store.commit([{ key: 'k', value: Uint8Array.of(i) }])))
    expect(await store.get('k')).to.deep.equal(Uint8Array.of(199))
    await store.close()
    expect(await rejection(store.commit([{ key: 'k', value: one }]))).to.have.property('code', 'STORE_UNUSABLE')
  })

  it('is refused to a second process, naming the first, and free at once when that one is killed', async () => {
    const directory = join(home, 'locked')
    const child = startChild('level-writer.child.ts', [directory])
    await child.line((line) => line === 'open')
    await writeFile(join(home, 'owner.json'), JSON.stringify({ pid: 4711, host: 'here', since: 'today' }))
    const error = await rejection(openLevelStore(directory))
    expect(error).to.have.property('code', 'STORE_LOCKED')
    expect(error).to.have.property('message').that.includes('process 4711 on here since today')
    expect(error).to.have.property('exit', 11)
    await child.kill('SIGKILL')
    await (await openLevelStore(directory)).close()
  })

  it('cannot be opened below a file: STORE_UNUSABLE', async () => {
    await writeFile(join(home, 'file'), '')
    expect(await rejection(openLevelStore(join(home, 'file', 'db')))).to.have.property('code', 'STORE_UNUSABLE')
    await mkdir(join(home, 'file2'))
  })

  it('keeps every acknowledged commit, and no half of one, when the writer is killed (6 cycles)', async () => {
    const directory = join(home, 'killed')
    let acknowledged = -1
    for (let cycle = 0; cycle < 6; cycle++) {
      const child = startChild('level-writer.child.ts', [directory, String(acknowledged + 1)])
      await child.line((line) => line === String(acknowledged + 20 + 31 * cycle))
      await child.kill('SIGKILL')
      const said = child.lines.filter((line) => line !== 'open').map(Number)

      const store = await openLevelStore(directory)
      for (const i of said) {
        const key = String(i).padStart(8, '0')
        expect(await store.get(`b/${key}`), `commit ${i}`).to.deep.equal(Uint8Array.of(i & 255))
      }
      let pairs = 0
      for await (const [key, value] of store.list('a/')) {
        expect(value).to.have.length(3000)
        expect(await store.get(`b/${key.slice(2)}`), key).to.deep.equal(value.subarray(0, 1))
        pairs++
      }
      let seconds = 0
      for await (const _ of store.list('b/')) seconds++
      expect(seconds).to.equal(pairs)
      await store.close()
      acknowledged = Math.max(acknowledged, ...said)
    }
    expect(acknowledged).to.be.greaterThan(400)
  })
})
