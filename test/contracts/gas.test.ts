import { readFile, writeFile } from 'node:fs/promises'
import { expect } from 'chai'
import { CEILINGS, docketBytes, type GasTable, measureGas, NOTE_ENTRIES } from '../../bench/gas.ts'

const SNAPSHOT = new URL('gas.snapshot.json', import.meta.url)
/**
 * How far a measurement may lie from the snapshot. None: compiler, chain rules, clock and secrets are all fixed, so a difference
 * is a change of the contracts. Write it down with `HOLDFAST_WRITE_SNAPSHOT=1 mocha test/contracts/gas.test.ts`.
 */
const TOLERANCE = 0

describe('contracts: gas', () => {
  let gas: GasTable
  before(async function () {
    this.timeout(120_000)
    gas = await measureGas()
    if (process.env['HOLDFAST_WRITE_SNAPSHOT'] === '1') {
      await writeFile(SNAPSHOT, `${JSON.stringify(gas, undefined, 2)}\n`)
    }
  })

  for (const call of ['postAlone', 'postOf100', 'sweepAlone', 'sweepOf100'] as const) {
    it(`${call} costs at most ${CEILINGS[call]} for a note of one entry`, () => {
      expect(gas[call]).to.be.above(0).and.at.most(CEILINGS[call])
    })
  }

  it(`a docket costs at most ${CEILINGS.docketCycle} whatever the number of blobs, and ${CEILINGS.noteByte} for each note byte over 68`, () => {
    for (const [entries, cost] of Object.entries(gas.docketCycle)) {
      const noteBytes = Number(entries) > NOTE_ENTRIES ? 0 : docketBytes(Number(entries))
      const ceiling = CEILINGS.docketCycle + CEILINGS.noteByte * Math.max(0, noteBytes - docketBytes(1))
      expect(cost, `docket of ${entries}`).to.be.at.most(ceiling)
    }
  })

  it('a docket of a hundred thousand costs what one of a thousand costs', () => {
    // the hash and the signature have other zero bytes: a zero byte of calldata is 12 gas cheaper
    expect(gas.docketCycle['100000']).to.be.closeTo(gas.docketCycle['1000'] as number, 100)
  })

  it('is that of the committed snapshot', async () => {
    const snapshot = JSON.parse(await readFile(SNAPSHOT, 'utf8')) as GasTable
    expect(Object.keys(gas).sort()).to.deep.equal(Object.keys(snapshot).sort())
    for (const [call, expected] of Object.entries(snapshot)) {
      const got = gas[call as keyof GasTable]
      if (typeof expected !== 'number' || typeof got !== 'number') expect(got, call).to.deep.equal(expected)
      else expect(Math.abs(got - expected) / expected, `${call}: ${expected} -> ${got}`).to.be.at.most(TOLERANCE)
    }
  })
})
