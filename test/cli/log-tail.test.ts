import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { isAtLeast, openLogTail, parseLogLine } from '../../cli/log-tail.ts'

const ID = `0x${'ab'.repeat(20)}`

describe('cli/log-tail', () => {
  let directory: string
  let path: string
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'holdfast-log-'))
    path = join(directory, 'x.log')
  })
  afterEach(() => rm(directory, { recursive: true, force: true }))

  it('gives whole lines as they come, each once, also when one is written in parts', async () => {
    await writeFile(path, 'one\n\ntwo\nth')
    const tail = openLogTail(path)
    expect(await tail.read()).to.deep.equal(['one', 'two'])
    expect(await tail.read()).to.deep.equal([])
    const accent = Buffer.from('rée\n') // the é is cut in two
    await appendFile(path, accent.subarray(0, 2))
    expect(await tail.read()).to.deep.equal([])
    await appendFile(path, accent.subarray(2))
    expect(await tail.read()).to.deep.equal(['thrée'])
  })

  it('begins again when the file was cut to nothing', async () => {
    await writeFile(path, 'a long line that is gone\n')
    const tail = openLogTail(path)
    await tail.read()
    await writeFile(path, 'new\n')
    expect(await tail.read()).to.deep.equal(['new'])
  })

  it('reads the last four MiB of a large file, from the first whole line on', async () => {
    const line = `${'x'.repeat(1023)}\n`
    await writeFile(path, line.repeat(5 * 1024 + 1))
    const lines = await openLogTail(path).read()
    expect(lines.length).to.be.within(4095, 4096)
    expect(new Set(lines)).to.deep.equal(new Set([line.trimEnd()]))
  })

  it('says whose a line is and how much it weighs, also when no daemon wrote it', () => {
    const text = JSON.stringify({
      level: 'warn',
      time: '2027-01-01T00:00:00.000Z',
      role: 'steward',
      id: ID,
      msg: 'm',
      n: 1,
    })
    expect(parseLogLine(text, `steward-${ID}`, '')).to.deep.equal({
      time: '2027-01-01T00:00:00.000Z',
      level: 'warn',
      role: 'steward',
      id: ID,
      msg: 'm',
      data: { n: 1 },
    })
    const before = '2027-01-01T00:00:00.000Z'
    const crash = { time: before, level: 'error', role: 'controller', data: {} } as const
    expect(parseLogLine('Segmentation fault', 'controller', before)).to.deep.equal({
      ...crash,
      msg: 'Segmentation fault',
    })
    expect(parseLogLine('null', 'controller', before)).to.deep.equal({ ...crash, msg: 'null' })
    const last = parseLogLine('{"schema":1,"type":"error","code":"STORE_FULL","what":"no room"}', 'controller', before)
    expect(last).to.include({ level: 'error', msg: 'no room', time: before })
    expect(
      ['debug', 'info', 'warn', 'error'].map((level) => isAtLeast({ ...crash, msg: '', level: 'warn' }, level)),
    ).to.deep.equal([true, true, true, false])
  })
})
