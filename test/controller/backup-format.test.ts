import { gzipSync } from 'node:zlib'
import { expect } from 'chai'
import fc from 'fast-check'
import { concat, u32, utf8 } from '../../base/bytes.ts'
import { encodeCbor } from '../../base/codec.ts'
import { HoldfastError } from '../../base/errors.ts'
import { type BackupEntry, decodeBackup, encodeBackup } from '../../controller/backup-format.ts'
import { BACKED_UP, isBackedUp, KEYS } from '../../controller/records.ts'
import { effort } from '../effort.ts'

const head = { version: 3, at: 1_800_000_000, previous: new Uint8Array(32).fill(5), cursor: utf8('{}') }

async function refusal(bytes: Uint8Array): Promise<string> {
  const error = await decodeBackup(bytes).then(
    () => undefined,
    (cause: unknown) => cause,
  )
  if (!(error instanceof HoldfastError)) throw new Error(`expected a HoldfastError, got ${String(error)}`)
  return error.code
}

describe('controller/backup-format', () => {
  it('gives back every record, and which are gone', async () => {
    const anEntry = fc.tuple(
      fc
        .constantFrom(...BACKED_UP)
        .chain((prefix) =>
          fc.stringMatching(/^[0-9a-f]{0,40}$/).map((id) => (prefix.endsWith('/') ? prefix + id : prefix)),
        ),
      fc.option(fc.uint8Array({ maxLength: 300 }), { nil: undefined }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(anEntry, { maxLength: 20 }), async (records) => {
        const decoded = await decodeBackup(await encodeBackup(head, records as BackupEntry[]))
        expect(decoded).to.deep.equal({ ...head, records })
      }),
      { numRuns: effort(30, 300, 3000) },
    )
  })

  it('refuses whatever is not a whole backup, with one code', async () => {
    const whole = await encodeBackup(head, [[KEYS.put('ab'), utf8('x'.repeat(1000))]])
    for (let length = 0; length < whole.length; length += 5)
      expect(await refusal(whole.subarray(0, length))).to.equal('BACKUP_INVALID')
    expect(await refusal(utf8('holdfast/backup/2'))).to.equal('BACKUP_INVALID')
  })

  it('unpacks no more than its head says, and nothing that is not the ledger’s', async () => {
    const made = (size: number, body: Uint8Array) => {
      const fields = encodeCbor({ v: 1, version: 1, at: 1, size })
      return concat(utf8('holdfast/backup/1'), u32(fields.length), fields, gzipSync(body))
    }
    expect(await refusal(made(10, new Uint8Array(50_000_000)))).to.equal('BACKUP_INVALID')
    expect(await refusal(made(2 ** 40, new Uint8Array()))).to.equal('BACKUP_INVALID')
    const foreign = concat(Uint8Array.of(0, 6), utf8('outbox'), u32(0))
    expect(await refusal(made(foreign.length, foreign))).to.equal('BACKUP_INVALID')
  })

  it('knows of every kind of record whether it belongs into a backup', () => {
    // This machine's own: how far it read, what it has on its way, and backups themselves.
    const local = [
      'cursor',
      'changed',
      'backup',
      'backupDraft',
      'backupContent',
      'backupJournal',
      'recovered',
      'backupHeld',
      'bonds',
    ]
    for (const [name, key] of Object.entries(KEYS)) {
      const text = typeof key === 'string' ? key : key('00')
      expect(isBackedUp(text), name).to.equal(!local.includes(name))
    }
  })
})
