import { expect } from 'chai'
import { toHex } from '../../base/bytes.ts'
import { HoldfastError } from '../../base/errors.ts'
import type { Clock } from '../../base/ports.ts'
import { unixTime } from '../../base/units.ts'
import { chooseBackup, type FetchLedgerDeps, type FoundPointer, fetchLedger } from '../../cli/recovery.ts'
import { encodeBackup } from '../../controller/backup-format.ts'
import { KEYS } from '../../controller/records.ts'
import { codeOf } from '../steward/rig.ts'

const START = 1_800_000_000
const pointerOf = (version: number): FoundPointer => ({
  version,
  cap: new Uint8Array(32).fill(version),
  at: START + version,
})
const pointers = [3, 2, 1].map(pointerOf)
const [newest, older] = pointers as [FoundPointer, FoundPointer]
const away = () => new HoldfastError('OBJECT_UNAVAILABLE', { segment: 0, have: 1, need: 3 })

/** Time that passes while it is slept, and a fetch that takes twenty seconds to fail. */
async function aMarket(fails: (version: number, seconds: number) => HoldfastError | undefined, agrees = false) {
  let ms = 0
  const clock: Clock = {
    now: () => unixTime(START),
    monotonic: () => ms,
    sleep: async (pause) => {
      ms += pause
    },
  }
  const contents = new Map<string, Uint8Array>()
  for (const { version, cap, at } of pointers) contents.set(toHex(cap), await encodeBackup({ version, at }, []))
  const tried: number[] = []
  const asked: number[] = []
  const deps: FetchLedgerDeps = {
    fetch: async (cap) => {
      tried.push(cap[0] as number)
      const failure = fails(cap[0] as number, ms / 1000)
      if (failure) {
        ms += 20_000
        throw failure
      }
      return contents.get(toHex(cap)) as Uint8Array
    },
    clock,
    signal: new AbortController().signal,
    patienceMs: 600_000,
    onWait: () => {},
    useOlder: async ({ version }) => {
      asked.push(version)
      return agrees
    },
  }
  return { deps, tried, asked, seconds: () => ms / 1000 }
}

const isHeld = ({ changes }: { readonly changes: readonly { readonly key: string }[] }) =>
  changes.some(({ key }) => key === KEYS.backupHeld)

describe('cli/recovery', () => {
  it('waits for the stewards of the newest backup, for minutes', async () => {
    const { deps, tried } = await aMarket((version, seconds) => (version === 3 && seconds < 180 ? away() : undefined))
    const { restored, pointer } = await fetchLedger(deps, pointers, newest)
    expect(pointer.version).to.equal(3)
    expect(new Set(tried)).to.deep.equal(new Set([3]))
    expect(isHeld(restored)).to.equal(false)
  })

  it('takes no older one because the newest is away, and ends', async () => {
    const market = await aMarket((version) => (version === 3 ? away() : undefined), true)
    expect(await codeOf(fetchLedger(market.deps, pointers, newest))).to.equal('BACKUP_UNAVAILABLE')
    expect(market.asked).to.deep.equal([])
    expect(market.seconds()).to.be.within(600, 640)
  })

  it('takes an older one for a newest that is none, when its owner agrees, and says that no backup may be made over it', async () => {
    const broken = (version: number) =>
      version === 3 ? new HoldfastError('BACKUP_INVALID', { what: 'its head' }) : undefined
    const refused = await aMarket(broken)
    expect(await codeOf(fetchLedger(refused.deps, pointers, newest))).to.equal('BACKUP_INVALID')
    const { deps, asked } = await aMarket(broken, true)
    const { restored, pointer } = await fetchLedger(deps, pointers, newest)
    expect([pointer.version, asked]).to.deep.equal([2, [2]])
    expect(isHeld(restored)).to.equal(true)
    expect(restored.version, 'numbers go on from the newest').to.equal(3)
  })

  it('takes the one that was named', async () => {
    expect(chooseBackup(pointers, undefined)).to.equal(newest)
    expect(chooseBackup(pointers, '2')).to.equal(older)
    expect(await codeOf((async () => chooseBackup(pointers, '7'))())).to.equal('INPUT_RANGE')
    const { deps, tried } = await aMarket(() => undefined)
    const { restored } = await fetchLedger(deps, pointers, older)
    expect(tried).to.deep.equal([2])
    expect(isHeld(restored)).to.equal(true)
  })
})
