import { expect } from 'chai'
import { clusterCap, clustersOf, hostOf, networkOf } from '../../pricing/clusters.ts'

const at = (id: string, ...hosts: string[]) => ({
  id,
  addresses: hosts.map((host) => `/${host.includes(':') ? 'ip6' : 'ip4'}/${host}/tcp/4001`),
})

describe('pricing/clusters', () => {
  it('puts neighbours of a /24 into one cluster', () => {
    const { of } = clustersOf([at('a', '10.0.1.5'), at('b', '10.0.1.200'), at('c', '10.0.2.5')])
    expect(of.get('a')).to.equal(of.get('b'))
    expect(of.get('c')).to.not.equal(of.get('a'))
  })

  it('reads every spelling of an IPv6 network, to the 48th bit', () => {
    expect(networkOf(hostOf('/ip6/2001:db8:7::1/tcp/1') as string)).to.equal('2001:db8:7/48')
    expect(networkOf(hostOf('/ip6/2001:0DB8:0007:ffff:0:0:0:2/tcp/1') as string)).to.equal('2001:db8:7/48')
    expect(hostOf('/ip6/::1/tcp/1')).to.equal('0:0:0:0:0:0:0:1')
    expect(hostOf('/ip6/1::2::3/tcp/1')).to.equal(undefined)
    expect(hostOf('/ip4/nonsense/tcp/1')).to.equal(undefined)
  })

  it('joins stewards that share any network, also through a third', () => {
    const { of } = clustersOf([
      at('a', '10.0.1.1'),
      at('b', '10.0.9.1'),
      at('c', '10.0.1.2', '10.0.9.2'),
      at('d', '10.0.3.1'),
    ])
    expect(new Set(['a', 'b', 'c'].map((id) => of.get(id))).size).to.equal(1)
    expect(of.get('d')).to.not.equal(of.get('a'))
  })

  it('means something on loopback networks of their own, and says when it cannot', () => {
    expect(clustersOf([at('a', '127.0.1.1'), at('b', '127.0.2.1')]).isMeaningful).to.equal(true)
    expect(clustersOf([at('a', '127.0.0.1'), at('b', '127.0.0.1', '::1')]).isMeaningful).to.equal(false)
    expect(clustersOf([at('a', '127.0.0.1'), at('b', '192.168.0.7')]).isMeaningful).to.equal(true)
  })

  it('lets a steward without a usable address stand alone', () => {
    const { of } = clustersOf([
      { id: 'a', addresses: [] },
      { id: 'b', addresses: ['/unix/x'] },
    ])
    expect(of.get('a')).to.not.equal(of.get('b'))
  })

  it('caps a cluster at half of what may be lost, and never at nothing', () => {
    expect(clusterCap(3, 10)).to.equal(3)
    expect(clusterCap(3, 4)).to.equal(1)
    expect(clusterCap(1, 1)).to.equal(1)
  })

  it('takes stewards of one purse for one, and a purse that paid for more than a third for a faucet', () => {
    const paidBy = (id: string, fundingRoot: string) => ({ id, addresses: [`/ip4/10.0.${id}.1/tcp/1`], fundingRoot })
    const roots = ['a', 'a', 'b', 'c', 'd', 'e']
    const { of } = clustersOf(roots.map((root, i) => paidBy(String(i), root)))
    expect(of.get('0')).to.equal(of.get('1'))
    expect(new Set(of.values()).size).to.equal(5)
    const faucet = clustersOf(['a', 'a', 'a', 'b'].map((root, i) => paidBy(String(i), root)))
    expect(new Set(faucet.of.values()).size).to.equal(4)
  })
})
