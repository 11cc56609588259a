/** A client without id stores through a sponsor, which cannot read it and is not needed afterwards. Real processes. */
import { spawnSync } from 'node:child_process'
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { parseCap } from '../../blob/cap.ts'
import { killHard, openSandbox, type Sandbox } from '../processes.ts'
import { hashFile, type Ready } from './market.ts'

const PLAIN = 'the quick brown fox jumps over the sponsor\u2019s lazy dog; '

/** Every file below a directory, as bytes. */
async function* filesBelow(directory: string): AsyncIterable<{ readonly path: string; readonly bytes: Buffer }> {
  for (const entry of await readdir(directory, { withFileTypes: true, recursive: true }))
    if (entry.isFile()) {
      const path = join(entry.parentPath, entry.name)
      yield { path, bytes: await readFile(path) }
    }
}

describe('market: a sponsored client', function () {
  this.timeout(400_000)
  let sandbox: Sandbox
  let ready: Ready
  before(async () => {
    sandbox = await openSandbox({ HOLDFAST_CONTROLLER_BACKUP: 'off', HOLDFAST_SPONSOR_QUOTA: '64M' })
    const up = ['up', '--stewards', '6', '--detach', '--home', sandbox.home, '--json']
    ready = (await sandbox.ok(up, { timeoutMs: 120_000 })).last as Ready
  })
  after(() => sandbox?.close())

  async function aHome(name: string): Promise<string> {
    const home = sandbox.path(name)
    await mkdir(home)
    await cp(join(sandbox.home, 'deployment.json'), join(home, 'deployment.json'))
    return home
  }

  it('stores with no keys, survives its sponsor, and leaves nothing readable with it', async () => {
    const file = sandbox.path('letter.txt')
    await writeFile(file, PLAIN.repeat(4_000))
    const sha256 = await hashFile(file)
    const client = await aHome('client')
    const [sponsor] = ready.stewards
    const put = ['put', file, '--sponsor', sponsor?.id as string, '--code', '2/4', '--home', client, '--json']
    const { last } = await sandbox.ok(put, { timeoutMs: 120_000 })
    const cap = last['cap'] as string
    expect(last).to.include({ command: 'put', blobs: 8 })
    expect(await readdir(client), 'nothing of it stays with the client').to.deep.equal(['deployment.json'])

    const listed = await sandbox.ok(['ls', '--home', sandbox.home, '--json'])
    expect(listed.lines.filter(({ id }) => id === last['id'])).to.have.length(1)
    expect(JSON.stringify(listed.lines)).to.not.include('letter.txt')

    // the sponsor's controller and steward are gone: nobody is left who could have helped
    await killHard(sponsor?.pid as number)
    await killHard(ready.controller.pid)
    const out = sandbox.path('letter-again')
    const reader = await aHome('reader')
    await sandbox.ok(['get', cap, '-o', out, '--home', reader, '--json'], { timeoutMs: 120_000 })
    expect(await hashFile(out)).to.equal(sha256)

    const secret = Buffer.from(parseCap(cap))
    const needles = [PLAIN.slice(0, 40), cap, secret.toString('hex'), secret.toString('base64'), 'letter.txt', sha256]
    for await (const { path, bytes } of filesBelow(sandbox.home)) {
      for (const needle of needles) expect(bytes.includes(needle), `${needle} in ${path}`).to.equal(false)
      expect(bytes.includes(secret), `the cap in ${path}`).to.equal(false)
    }
    expect(spawnSync('grep', ['-rlF', PLAIN.slice(0, 40), sandbox.home]).stdout.toString()).to.equal('')
  })

  it('tells a client that asks for more than a put may have', async () => {
    const file = sandbox.path('large')
    await writeFile(file, Buffer.alloc(12 * 2 ** 20, 7))
    const client = await aHome('greedy')
    const put = ['put', file, '--sponsor', ready.stewards[1]?.id as string, '--code', '2/4', '--home', client, '--json']
    await sandbox.ok(['controller', 'start', '--detach', '--home', sandbox.home], { timeoutMs: 60_000 })
    const failed = await sandbox.run(put, { timeoutMs: 120_000 })
    expect(failed.code).to.equal(5)
    expect(failed.last).to.include({ type: 'error', code: 'PEER_BUSY' })
  })
})
