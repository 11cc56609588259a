import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import type { Clock } from '../../base/ports.ts'
import { unixTime } from '../../base/units.ts'
import { openDataDir } from '../../store/data-dir.ts'
import { rejection } from './rejection.ts'

const clock: Clock = { now: () => unixTime(1_800_000_000), monotonic: () => 0, sleep: () => Promise.resolve() }
const rng = { bytes: (length: number) => new Uint8Array(length).fill(7) }
const steward = { role: 'steward', id: '0x01', clock }

describe('store/data-dir', () => {
  let home: string
  before(async () => {
    home = await mkdtemp(join(tmpdir(), 'holdfast-dir-'))
  })
  after(() => rm(home, { recursive: true, force: true }))

  it('is refused without its marker, and then nothing is created: an empty mount point stays empty', async () => {
    const path = await mkdtemp(join(home, 'empty-'))
    const error = await rejection(openDataDir(path, steward))
    expect(error).to.have.property('code', 'STORE_FOREIGN')
    expect(error).to.have.property('exit', 13)
    expect(await readdir(path)).to.deep.equal([])
  })

  it('is made once, opened again by its owner, refused to another, and locked while open', async () => {
    const path = join(home, 'one')
    const made = await openDataDir(path, { ...steward, create: { rng } })
    expect(made.volume.volume).to.equal('07'.repeat(16))
    const locked = await rejection(openDataDir(path, steward))
    expect(locked).to.have.property('code', 'STORE_LOCKED')
    expect(locked)
      .to.have.property('message')
      .that.includes(`process ${process.pid} on ${hostname()} since 2027-01-15T08:00:00Z`)
    await made.close()
    const again = await openDataDir(path, steward)
    expect(again.volume).to.deep.equal(made.volume)
    await again.close()
    expect(await rejection(openDataDir(path, { ...steward, id: '0x02' }))).to.have.property('code', 'STORE_FOREIGN')
    expect(await rejection(openDataDir(path, { ...steward, role: 'index' }))).to.have.property('code', 'STORE_FOREIGN')
  })

  it('says STORE_UNUSABLE for a damaged marker and for a directory that cannot be made', async () => {
    const path = await mkdtemp(join(home, 'damaged-'))
    await writeFile(join(path, 'volume.json'), '{"schema":1')
    expect(await rejection(openDataDir(path, steward))).to.have.property('code', 'STORE_UNUSABLE')
    await writeFile(join(path, 'volume.json'), '{"schema":2}')
    expect(await rejection(openDataDir(path, steward))).to.have.property('code', 'STORE_VERSION')
    expect(await readFile(join(path, 'volume.json'), 'utf8')).to.equal('{"schema":2}')
    await writeFile(join(home, 'file'), '')
    const below = await rejection(openDataDir(join(home, 'file', 'x'), { ...steward, create: { rng } }))
    expect(below).to.have.property('code', 'STORE_UNUSABLE')
    expect(below).to.have.property('exit', 13)
  })
})
