import { mkdir } from 'node:fs/promises'
import { Writable } from 'node:stream'
import { expect } from 'chai'
import { asHoldfastError, HoldfastError } from '../../base/errors.ts'
import { createOutput } from '../../cli/output.ts'
import { reportError } from '../../cli/report-error.ts'

function capture(style: { json?: boolean; verbosity?: number; quiet?: boolean } = {}) {
  const texts = { stdout: '', stderr: '' }
  const stream = (name: 'stdout' | 'stderr') =>
    new Writable({
      write: (chunk, _, done) => {
        texts[name] += String(chunk)
        done()
      },
    })
  const out = createOutput(
    { json: false, quiet: false, verbosity: 0, color: false, ...style },
    stream('stdout'),
    stream('stderr'),
  )
  return { out, texts }
}

describe('cli/report-error', () => {
  const locked = () =>
    new HoldfastError(
      'STORE_LOCKED',
      { path: '/d', owner: ' by process 7', where: 'data/steward' },
      { cause: new Error('LEVEL_LOCKED') },
    )

  it('takes a failed file call for what it is, also one that a daemon wrapped', async () => {
    const failed = await mkdir('/dev/null/below').catch((cause: unknown) => cause)
    for (const cause of [failed, asHoldfastError(failed)]) {
      const { out, texts } = capture()
      expect(reportError(out, cause)).to.equal(13)
      expect(texts.stderr).to.match(
        /^error\[STORE_UNUSABLE\]: \/dev\/null\/below cannot be used: a part of the path is not/,
      )
    }
    expect(reportError(capture().out, new Error('a bug'))).to.equal(1)
  })

  it('says what, where, why, how to go on, and gives the exit code', () => {
    const { out, texts } = capture()
    expect(reportError(out, locked())).to.equal(11)
    const [first, where, why, fix] = texts.stderr.split('\n')
    expect(first).to.match(/^error\[STORE_LOCKED\]: \/d is in use by process 7 +exit 11$/)
    expect(where).to.equal('  where  data/steward')
    expect(why).to.match(/^ {2}why {4}two processes/)
    expect(fix).to.match(/^ {2}fix {4}holdfast status.*-v prints the cause$/)
    expect(texts.stdout).to.equal('')
  })

  it('shows the chain of causes with -v only', () => {
    const { out, texts } = capture({ verbosity: 1 })
    reportError(out, locked())
    expect(texts.stderr).to.include('cause  Error: LEVEL_LOCKED')
    const plain = capture()
    reportError(plain.out, locked())
    expect(plain.texts.stderr).to.not.include('LEVEL_LOCKED')
  })

  it('ends JSON output with one line of type error and prints nothing else', () => {
    const { out, texts } = capture({ json: true })
    reportError(out, new HoldfastError('FUNDS_LOW', { unit: 'HOLD', have: '0.08', need: '0.42' }))
    const line = JSON.parse(texts.stdout)
    expect(line).to.include({ schema: 1, type: 'error', code: 'FUNDS_LOW', exit: 6, retry: 'after-fix' })
    expect(line.data).to.deep.equal({ unit: 'HOLD', have: '0.08', need: '0.42' })
    expect(texts.stderr).to.equal('')
  })

  it('reports what nobody foresaw as INTERNAL, exit 1', () => {
    const { out, texts } = capture()
    expect(reportError(out, new TypeError('x is not a function'))).to.equal(1)
    expect(texts.stderr).to.include('error[INTERNAL]').and.include('x is not a function')
  })
})
