import { execFileSync } from 'node:child_process'
import { appendFile, mkdtemp, readdir, readFile, rm, symlink, truncate, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { unixTime } from '../../base/units.ts'
import { openSource, spoolSource } from '../../store/source-file.ts'
import { openTarget } from '../../store/target-file.ts'
import { rejection } from './rejection.ts'

const bytes = (text: string) => new TextEncoder().encode(text)

describe('store/source-file and target-file', () => {
  let home: string
  before(async () => {
    home = await mkdtemp(join(tmpdir(), 'holdfast-file-'))
  })
  after(() => rm(home, { recursive: true, force: true }))

  it('reads ranges of a regular file, also through a link', async () => {
    await writeFile(join(home, 'source'), 'hello world')
    await symlink(join(home, 'source'), join(home, 'linked'))
    const source = await openSource(join(home, 'linked'))
    expect(source.size).to.equal(11)
    expect(Buffer.from(await source.read(6, 5)).toString()).to.equal('world')
    const room = new Uint8Array(8)
    expect((await source.read(6, 5, room)).buffer).to.equal(room.buffer)
    expect(Buffer.from(room).toString()).to.equal('world\0\0\0')
    await source.assertUnchanged()
    await source.close()
    await source.close()
  })

  it('refuses a missing file, a directory, a device and a FIFO without waiting', async () => {
    execFileSync('mkfifo', [join(home, 'fifo')])
    for (const path of [join(home, 'none'), join(home, 'source', 'below'), home, '/dev/zero', join(home, 'fifo')])
      expect(await rejection(openSource(path)), path).to.have.property('code', 'INPUT_FILE')
  })

  it('notices that the file grew, shrank or was written over', async () => {
    for (const change of [
      (path: string) => appendFile(path, 'x'),
      (path: string) => truncate(path, 3),
      async (path: string) => {
        await writeFile(path, 'HELLO')
        await utimes(path, 1, 1)
      },
    ]) {
      const path = join(home, 'changing')
      await writeFile(path, 'hello')
      const source = await openSource(path)
      await change(path)
      expect(await rejection(source.assertUnchanged())).to.have.property('code', 'INPUT_CHANGED')
      await source.close()
    }
  })

  it('says so when bytes that were promised are gone', async () => {
    const path = join(home, 'short')
    await writeFile(path, 'hello')
    const source = await openSource(path)
    await truncate(path, 2)
    expect(await rejection(source.read(0, 5))).to.have.property('code', 'INPUT_CHANGED')
    await source.close()
  })

  it('spools a stream, keeps nothing by name, and stops at the cap', async () => {
    const directory = await mkdtemp(join(home, 'spool-'))
    async function* input() {
      yield bytes('hello ')
      yield bytes('world')
    }
    const source = await spoolSource(input(), directory, 100)
    expect(await readdir(directory)).to.deep.equal([])
    expect(Buffer.from(await source.read(0, 11)).toString()).to.equal('hello world')
    await source.assertUnchanged()
    await source.close()
    expect(await rejection(spoolSource(input(), directory, 5))).to.have.property('code', 'INPUT_RANGE')
  })

  it('shows the target only when it is whole, and nothing at all after an abort', async () => {
    const directory = await mkdtemp(join(home, 'target-'))
    const path = join(directory, 'out')
    const target = await openTarget(path, { overwrite: 'never' })
    await target.write(bytes('hello '))
    await target.write(bytes('world'))
    expect((await readdir(directory)).includes('out')).to.equal(false)
    await target.commit()
    expect(await readFile(path, 'utf8')).to.equal('hello world')
    const aborted = await openTarget(join(directory, 'gone'), { overwrite: 'never' })
    await aborted.write(bytes('x'))
    await aborted.abort()
    await aborted.abort()
    expect(await readdir(directory)).to.deep.equal(['out'])
  })

  it('overwrites never, always, or only what is older than the object', async () => {
    const path = join(home, 'taken')
    await writeFile(path, 'old')
    await utimes(path, 1000, 1000)
    expect(await rejection(openTarget(path, { overwrite: 'never' }))).to.have.property('code', 'INPUT_EXISTS')
    expect(await rejection(openTarget(path, { overwrite: 'older', stored: unixTime(999) }))).to.have.property(
      'code',
      'INPUT_EXISTS',
    )
    for (const options of [{ overwrite: 'older', stored: unixTime(1001) }, { overwrite: 'always' }] as const) {
      const target = await openTarget(path, options)
      await target.write(bytes(options.overwrite))
      await target.commit()
      expect(await readFile(path, 'utf8')).to.equal(options.overwrite)
    }
  })

  it('keeps a file that appeared while it was writing', async () => {
    const path = join(home, 'raced')
    const target = await openTarget(path, { overwrite: 'never' })
    await writeFile(path, 'theirs')
    expect(await rejection(target.commit())).to.have.property('code', 'INPUT_EXISTS')
    expect(await readFile(path, 'utf8')).to.equal('theirs')
  })

  it('refuses a directory, a device and a missing directory as target', async () => {
    for (const path of [home, '/dev/null', join(home, 'no', 'such'), join(home, 'source', 'below')])
      expect(await rejection(openTarget(path, { overwrite: 'always' })), path).to.have.property('code', 'INPUT_FILE')
  })
})
