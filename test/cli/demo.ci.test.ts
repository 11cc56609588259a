/** The demo, as anybody runs it: all it claims holds, and it leaves nothing behind. */
import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { expect } from 'chai'
import { useSandbox } from '../processes.ts'

describe('cli/demo', function () {
  this.timeout(400_000)
  const sandbox = useSandbox()

  it('shows that every claim holds over a year, and tidies up', async () => {
    const file = sandbox().path('holiday.jpg')
    await writeFile(file, randomBytes(300_000))
    const before = readdirSync(sandbox().dir)
    const { code, lines, last, stderr } = await sandbox().run(['demo', file, '--json'], { timeoutMs: 380_000 })
    expect(code, `${JSON.stringify(last)}\n${stderr}`).to.equal(0)
    const acts = lines.filter(({ type }) => type === 'act')
    expect(acts.map(({ name }) => name)).to.deep.equal([
      'chain',
      'pool',
      'store',
      'forget',
      '100 days',
      'losses',
      'repair',
      'recovery',
      'a year',
      'disaster',
      'fetch',
      'books',
    ])
    const claims = acts.flatMap(({ claims }) => claims as readonly { text: string; holds: boolean }[])
    expect(claims.filter(({ holds }) => !holds)).to.deep.equal([])
    expect(claims.length).to.be.at.least(23)
    expect(last).to.include({ type: 'summary', command: 'demo', claims: claims.length })
    expect(sandbox().pids()).to.deep.equal([])
    expect(existsSync(file), 'the file itself is left alone').to.equal(true)
    expect(readdirSync(sandbox().dir)).to.deep.equal(before)
  })

  it('refuses what it cannot store before it starts anything', async () => {
    for (const path of [sandbox().dir, sandbox().path('missing'), '/dev/null']) {
      const { code, last } = await sandbox().run(['demo', path, '--json'])
      expect(code).to.equal(2)
      expect(last).to.include({ type: 'error', code: 'INPUT_FILE' })
      expect(sandbox().pids()).to.deep.equal([])
    }
  })
})
