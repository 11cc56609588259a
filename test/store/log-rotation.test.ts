import { closeSync, existsSync, openSync, readFileSync, writeSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { createRotation } from '../../store/log-rotation.ts'

describe('store/log-rotation', () => {
  let directory: string
  let path: string
  let descriptor: number
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'holdfast-rotation-'))
    path = join(directory, 'x.log')
    descriptor = openSync(path, 'a')
  })
  afterEach(async () => {
    closeSync(descriptor)
    await rm(directory, { recursive: true, force: true })
  })
  /** Writes lines of ten bytes, "line 0001". */
  const write = (rotate: ((bytes: number) => void) | undefined, from: number, to: number) => {
    for (let number = from; number < to; number++) {
      const line = `line ${String(number).padStart(4, '0')}\n`
      writeSync(descriptor, line)
      rotate?.(line.length)
    }
  }
  const read = (name: string) => readFileSync(join(directory, name), 'utf8').split('\n').slice(0, -1)

  it('puts a large file aside, loses no line, and keeps so many', () => {
    const rotate = createRotation(path, descriptor, { size: 100, files: 3 })
    write(rotate, 0, 45)
    expect(read('x.log')).to.have.length(5)
    const all = ['x.log.2', 'x.log.1', 'x.log'].flatMap(read)
    expect(all).to.have.length(25)
    expect([all[0], all.at(-1)]).to.deep.equal(['line 0020', 'line 0044'])
    expect(existsSync(`${path}.3`)).to.equal(false)
  })

  it('counts what was there before', () => {
    write(undefined, 0, 9)
    write(createRotation(path, descriptor, { size: 100, files: 3 }), 9, 11)
    expect(read('x.log')).to.deep.equal(['line 0010'])
    expect(read('x.log.1')).to.have.length(10)
  })

  it('leaves alone what is not this daemon’s file', () => {
    expect(createRotation(join(directory, 'other.log'), descriptor)).to.equal(undefined)
    const other = openSync(join(directory, 'other.log'), 'a')
    try {
      expect(createRotation(path, other)).to.equal(undefined)
    } finally {
      closeSync(other)
    }
  })

  it('says that it could not, and tries again after as much more', async () => {
    const rotate = createRotation(path, descriptor, { size: 100, files: 3 })
    await mkdir(`${path}.1`)
    await mkdir(`${path}.2`)
    await mkdir(join(`${path}.2`, 'full'))
    expect(() => write(rotate, 0, 10)).to.throw()
    write(rotate, 10, 19)
    expect(read('x.log')).to.have.length(19)
    expect(() => write(rotate, 19, 20)).to.throw()
  })
})
