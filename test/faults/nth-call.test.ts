/**
 * The n-th call of the file system fails (F07), n = 1, 2, …: what was acknowledged stays, what failed failed with a registered code, and the
 * store opens afterwards. Blob files under a shim of node:fs, the database under one of libc.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { expect } from 'chai'
import { fromHex, toHex } from '../../base/bytes.ts'
import { openBlobFiles } from '../../store/blob-files.ts'
import { openLevelStore } from '../../store/level-store.ts'
import { effort } from '../effort.ts'
import { killChildren, startChild } from '../store/child.ts'
import { silent } from '../store/silent.ts'
import { builtChild } from './built.ts'
import { needs } from './machine.ts'

interface Told {
  readonly n: number
  readonly isReached: boolean
  readonly acknowledged: readonly string[]
  readonly removed: readonly string[]
  readonly failures: readonly string[]
}

describe('faults: the n-th call fails', function () {
  this.timeout(300_000)
  let dir: string
  before(() => {
    dir = mkdtempSync(join(tmpdir(), 'holdfast-nth-'))
  })
  after(async () => {
    await killChildren()
    rmSync(dir, { recursive: true, force: true })
  })

  const most = effort(20, 200, 1_000)
  it(`F07: blob files, n = 1 … ${most} or the last call`, async () => {
    const root = join(dir, 'blobs')
    const child = startChild(new URL('nth-call.child.ts', import.meta.url).href, [root, '1', String(most)])
    await new Promise((resolve) => child.process.once('close', resolve))
    const told = child.lines.map((line) => JSON.parse(line) as Told)
    expect(told, 'one line for each n').to.have.length(most)
    for (const { n, isReached, acknowledged, removed, failures } of told) {
      if (isReached) expect(failures.length, `n = ${n}: the failure is told`).to.be.at.least(1)
      for (const code of failures) expect(code, `n = ${n}`).to.be.oneOf(['STORE_UNUSABLE', 'BLOB_UNKNOWN'])
      const files = await openBlobFiles(join(root, String(n)), { log: silent })
      for (const id of acknowledged)
        if (!removed.includes(id))
          expect(await files.verify(fromHex(id)), `n = ${n}: ${id} is there, whole`).to.equal(true)
      for await (const { id } of files.list())
        expect(await files.verify(id), `n = ${n}: ${toHex(id)} is whole`).to.equal(true)
      expect(await readdir(join(root, String(n), 'incoming')), `n = ${n}`).to.deep.equal([])
      const note = await readFile(join(root, String(n), 'note.json'), 'utf8').catch(() => '{"whole":true}')
      expect(note, `n = ${n}: whole or not there`).to.equal('{"whole":true}')
    }
    const reached = told.filter(({ isReached }) => isReached).length
    console.log(`      ${reached} of the first ${most} calls failed in turn${reached < most ? ': all there are' : ''}`)
  })

  for (const [call, commits] of [
    ['write', effort(10, 40, 60)], // the first few go to Level's own diary, and nothing depends on them
    ['sync', effort(2, 40, 60)],
  ] as const)
    it(`F07: the database, ${call} n = 1 … ${commits}`, async function () {
      needs(this, 'F07', 'C compiler')
      const library = join(dir, 'failing-writes.so')
      const source = fileURLToPath(new URL('failing-writes.c', import.meta.url))
      execFileSync('cc', ['-shared', '-fPIC', '-O1', '-o', library, source, '-ldl'])
      const file = pathToFileURL(await builtChild('test/faults/nth-commit.child.ts')).href
      let reached = 0
      for (let n = 1; n <= commits; n++) {
        const root = join(dir, `${call}-${n}`)
        const env = { LD_PRELOAD: library, FAIL_BELOW: root, FAIL_NTH: String(n), FAIL_CALL: call }
        const child = startChild(file, [root], { env })
        await new Promise((resolve) => child.process.once('close', resolve))
        const end = child.lines.at(-1)
        expect(end, `n = ${n}`).to.be.oneOf(['end', 'failed STORE_UNUSABLE'])
        if (end !== 'end') reached++
        const store = await openLevelStore(root)
        const acknowledged = child.lines.filter((line) => line.startsWith('ok ')).map((line) => Number(line.slice(3)))
        for (const i of acknowledged) {
          expect(await store.get(`b/${i}`), `n = ${n}: commit ${i}`).to.deep.equal(Uint8Array.of(i))
          expect(await store.get(`a/${i}`), `n = ${n}: commit ${i}`).to.have.length(1000)
        }
        for await (const [key] of store.list('a/'))
          expect(await store.get(`b/${key.slice(2)}`), `n = ${n}: no half of ${key}`).to.not.equal(undefined)
        await store.commit([{ key: 'again', value: Uint8Array.of(1) }])
        await store.close()
        rmSync(root, { recursive: true, force: true })
      }
      expect(reached, 'calls that failed').to.be.at.least(1)
      console.log(`      ${reached} of the first ${commits} calls of ${call} failed in turn and were noticed`)
    })
})
