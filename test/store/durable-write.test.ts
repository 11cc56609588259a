import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { HoldfastError } from '../../base/errors.ts'
import { durableWrite, sweepTemporaries, temporaryFor } from '../../store/durable-write.ts'
import { readJson, writeJson } from '../../store/json-file.ts'
import { rejection } from './rejection.ts'

describe('store/durable-write', () => {
  let home: string
  before(async () => {
    home = await mkdtemp(join(tmpdir(), 'holdfast-store-'))
  })
  after(() => rm(home, { recursive: true, force: true }))

  it('replaces a file whole, with the mode asked for, and leaves no temporary', async () => {
    const path = join(home, 'a.bin')
    await durableWrite(path, Uint8Array.of(1, 2, 3))
    await durableWrite(path, Uint8Array.of(4), 0o600)
    expect([...(await readFile(path))]).to.deep.equal([4])
    expect((await stat(path)).mode & 0o777).to.equal(0o600)
    expect(await readdir(home)).to.deep.equal(['a.bin'])
  })

  it('leaves the old content when the new cannot be put in its place', async () => {
    await mkdir(join(home, 'taken', 'x'), { recursive: true })
    const error = await rejection(durableWrite(join(home, 'taken'), 'new'))
    expect(error).to.be.instanceOf(HoldfastError).with.property('code', 'STORE_UNUSABLE')
    expect(await readdir(join(home, 'taken'))).to.deep.equal(['x'])
    expect((await readdir(home)).filter((name) => name.endsWith('.tmp'))).to.deep.equal([])
  })

  it('says STORE_UNUSABLE for a path below a file', async () => {
    await writeFile(join(home, 'file'), '')
    expect(await rejection(durableWrite(join(home, 'file', 'below'), 'x'))).to.have.property('code', 'STORE_UNUSABLE')
  })

  it('sweeps what an interrupted write left, and nothing else', async () => {
    const directory = await mkdtemp(join(home, 'sweep-'))
    await writeFile(temporaryFor(join(directory, 'config.json')), 'half')
    await writeFile(join(directory, '.hidden'), 'kept')
    expect(await sweepTemporaries(directory)).to.equal(1)
    expect(await readdir(directory)).to.deep.equal(['.hidden'])
  })

  it('reads back JSON, tells a missing file from a damaged one, and refuses one that is too large', async () => {
    const path = join(home, 'a.json')
    expect(await readJson(path)).to.equal(undefined)
    await writeJson(path, { schema: 1 }, 0o600)
    expect(await readJson(path)).to.deep.equal({ schema: 1 })
    expect(await rejection(readJson(path, 3))).to.have.property('code', 'CONFIG_INVALID')
    await writeFile(path, '{"schema":')
    expect(await rejection(readJson(path))).to.have.property('code', 'CONFIG_INVALID')
    await chmod(path, 0o600)
  })
})
