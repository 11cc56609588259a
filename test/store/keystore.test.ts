import { randomBytes } from 'node:crypto'
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { DEV_COST, readKeystore, writeKeystore } from '../../store/keystore.ts'
import { rejection } from './rejection.ts'

const rng = { bytes: (length: number) => new Uint8Array(randomBytes(length)) }

describe('store/keystore', () => {
  let path: string
  const payload = { chainKey: new Uint8Array(32).fill(9), objects: [1, 2] }
  before(async () => {
    path = join(await mkdtemp(join(tmpdir(), 'holdfast-key-')), 'keystore.json')
    await writeKeystore(path, 'correct horse', payload, { rng, cost: DEV_COST })
  })
  after(() => rm(join(path, '..'), { recursive: true, force: true }))

  it('gives the payload back for the passphrase, and only for it', async () => {
    expect(await readKeystore(path, 'correct horse')).to.deep.equal(payload)
    const error = await rejection(readKeystore(path, 'correct house'))
    expect(error).to.have.property('code', 'KEY_PASSPHRASE')
    expect(error).to.have.property('exit', 12)
  })

  it('is private to its owner, and refused when it is not', async () => {
    expect((await stat(path)).mode & 0o777).to.equal(0o600)
    expect(await readFile(path, 'utf8')).not.to.include('09090909')
    await chmod(path, 0o640)
    expect(await rejection(readKeystore(path, 'correct horse'))).to.have.property('code', 'KEY_MODE')
    await chmod(path, 0o600)
  })

  it('tells a missing file, a damaged one and one that asks for absurd work', async () => {
    expect(await rejection(readKeystore(`${path}.none`, 'x'))).to.have.property('code', 'CONFIG_NOT_INITIALISED')
    const whole = JSON.parse(await readFile(path, 'utf8'))
    const cases: readonly [string, string][] = [
      [JSON.stringify(whole).slice(0, 100), 'KEY_DAMAGED'],
      [JSON.stringify({ ...whole, schema: 2 }), 'KEY_DAMAGED'],
      [JSON.stringify({ ...whole, kdf: { ...whole.kdf, n: 2 ** 30 } }), 'KEY_DAMAGED'],
      [JSON.stringify({ ...whole, data: '' }), 'KEY_DAMAGED'],
      // The header is authenticated: a changed cost or nonce opens nothing.
      [JSON.stringify({ ...whole, kdf: { ...whole.kdf, n: whole.kdf.n / 2 } }), 'KEY_PASSPHRASE'],
      [JSON.stringify({ ...whole, cipher: { ...whole.cipher, nonce: '00'.repeat(12) } }), 'KEY_PASSPHRASE'],
    ]
    for (const [text, code] of cases) {
      await writeFile(path, text, { mode: 0o600 })
      expect(await rejection(readKeystore(path, 'correct horse')), text.slice(0, 60)).to.have.property('code', code)
    }
  })
})
