import { expect } from 'chai'
import { HoldfastError } from '../../base/errors.ts'
import { DAY } from '../../base/units.ts'
import { parseConfig } from '../../cli/config-file.ts'
import { resolveSettings } from '../../cli/settings.ts'
import {
  environmentNameOf,
  nearestKey,
  parseCode,
  parsePriceCap,
  SETTING_KEYS,
  SETTINGS,
} from '../../cli/settings-table.ts'

const codeOf = (run: () => unknown) => {
  try {
    run()
  } catch (cause) {
    return (cause as HoldfastError).code
  }
  return undefined
}

describe('cli/settings', () => {
  it('takes a flag before the environment, that before config.json, and a default last', () => {
    const file = parseConfig({ version: 1, put: { for: '60d' } }, 'config.json')
    const of = (flags: object, environment: Record<string, string>, from: object) =>
      resolveSettings(flags, environment, from).value('put.for')
    expect(of({ 'put.for': '30d' }, { HOLDFAST_PUT_FOR: '45d' }, file)).to.equal(30 * DAY)
    expect(of({}, { HOLDFAST_PUT_FOR: '45d' }, file)).to.equal(45 * DAY)
    expect(of({}, {}, file)).to.equal(60 * DAY)
    expect(of({}, {}, {})).to.equal(90 * DAY)
  })

  it('says where a value came from', () => {
    const settings = resolveSettings({}, { HOLDFAST_RPC: 'http://127.0.0.1:1' }, {})
    expect(settings.origin('chain.rpc')).to.deep.equal({ text: 'http://127.0.0.1:1', from: 'environment' })
    expect(settings.origin('put.budget')).to.deep.equal({ text: undefined, from: 'default' })
    expect(settings.find('put.budget')).to.equal(undefined)
  })

  it('gives every key one name in the environment, and each flag to one key only', () => {
    const names = SETTING_KEYS.map(environmentNameOf)
    expect(new Set(names).size).to.equal(names.length)
    const flags = SETTING_KEYS.flatMap((key) => ('flag' in SETTINGS[key] ? [SETTINGS[key].flag] : []))
    expect(new Set(flags).size).to.equal(flags.length)
    expect(environmentNameOf('put.max-price')).to.equal('HOLDFAST_PUT_MAX_PRICE')
  })

  it('has defaults that parse', () => {
    const settings = resolveSettings({}, {}, {})
    for (const key of SETTING_KEYS) settings.find(key)
  })

  it('refuses an unknown key and names the nearest one', () => {
    expect(() => parseConfig({ version: 1, put: { 'max-prise': '3' } }, 'c')).to.throw(
      HoldfastError,
      /put\.max-prise is not known; the nearest key is put\.max-price/,
    )
    expect(nearestKey('stewart.quota')).to.equal('steward.quota')
    expect(nearestKey('completely-different')).to.equal(undefined)
  })

  it('tells all faults of config.json at once', () => {
    const faults = { version: 1, put: { for: 'tomorrow', code: '11/10' }, chainn: {} }
    expect(() => parseConfig(faults, 'c')).to.throw(
      HoldfastError,
      /put\.for.*put\.code.*chainn|chainn.*put\.for.*put\.code|put\.code.*put\.for.*chainn/,
    )
  })

  it('reads lists as arrays or with commas', () => {
    const both = [
      { rpc: ['http://127.0.0.1:1', 'http://127.0.0.1:2'] },
      { rpc: 'http://127.0.0.1:1,http://127.0.0.1:2' },
    ]
    for (const chain of both)
      expect(resolveSettings({}, {}, parseConfig({ version: 1, chain }, 'c')).value('chain.rpc')).to.have.length(2)
  })

  it('keeps a code within 1 ≤ k ≤ n ≤ 256', () => {
    expect(parseCode('3/10')).to.deep.equal({ k: 3, n: 10 })
    for (const text of ['0/3', '4/3', '3/257']) expect(codeOf(() => parseCode(text))).to.equal('INPUT_RANGE')
    for (const text of ['3', '3/', '-1/3', '3/10x']) expect(codeOf(() => parseCode(text))).to.equal('INPUT_FORMAT')
  })

  it('takes a price cap as a multiple or as an amount, never as a float', () => {
    expect(parsePriceCap('2.5x')).to.deep.equal({ times: 2.5 })
    expect(parsePriceCap('0.000000000000000001 HOLD')).to.deep.equal({ wei: 1n })
    expect(codeOf(() => parsePriceCap('1e3'))).to.equal('INPUT_FORMAT')
  })

  it('binds the local API to loopback only', () => {
    const at = (text: string) => resolveSettings({ 'api.listen': text }, {}, {}).value('api.listen')
    expect(at('127.0.0.1:7480')).to.deep.equal({ host: '127.0.0.1', port: 7480 })
    for (const text of ['0.0.0.0:7480', '192.168.1.2:80', '127.0.0.1', '127.0.0.1:70000'])
      expect(() => at(text)).to.throw(HoldfastError)
  })
})
