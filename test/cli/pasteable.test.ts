import { execFileSync } from 'node:child_process'
import { resolve } from 'node:path'
import { expect } from 'chai'
import { pasteable, quoted } from '../../cli/pasteable.ts'

describe('cli/pasteable', () => {
  it('names the home that was given, as a whole path, and none that was not', () => {
    expect(pasteable({}, 'get 7c1f9a02')).to.equal('holdfast get 7c1f9a02')
    expect(pasteable({ home: '/srv/market' }, 'get 7c1f9a02')).to.equal('holdfast get 7c1f9a02 --home /srv/market')
    expect(pasteable({ home: 'market' }, 'down')).to.equal(`holdfast down --home ${quoted(resolve('market'))}`)
  })

  it('gives a shell one word, whatever the path', () => {
    for (const path of ['/a b', "/it's", '/$HOME', '/"x"', '/a;b&c', '/ä', '/-q'])
      expect(execFileSync('sh', ['-c', `printf %s ${quoted(path)}`], { encoding: 'utf8' })).to.equal(path)
  })
})
