/**
 * Who probably falls together: stewards of one network (/24 of IPv4, /48 of IPv6), or paid for by one purse, are one cluster. market.md,
 * step 3. Pure; reads the multiaddrs stewards registered, and funding roots where somebody traced them.
 */

/** Hosts that every machine has: they say nothing about where a steward is. */
const LOOPBACK = new Set(['127.0.0.1', 'localhost', '0:0:0:0:0:0:0:1'])

/** The host of `/ip4/…`, `/ip6/…` or `/dns…/…`, in one spelling; undefined for anything else. */
export function hostOf(multiaddr: string): string | undefined {
  const [, protocol, host] = multiaddr.split('/')
  if (!host) return undefined
  if (protocol === 'ip4') return /^\d{1,3}(\.\d{1,3}){3}$/.test(host) ? host : undefined
  if (protocol === 'ip6') return expandIp6(host)
  return protocol?.startsWith('dns') ? host.toLowerCase() : undefined
}

/** The network a host is in: `a.b.c/24`, `x:y:z/48`, or the name itself. */
export function networkOf(host: string): string {
  if (/^[\d.]+$/.test(host)) return `${host.split('.').slice(0, 3).join('.')}/24`
  if (host.includes(':')) return `${host.split(':').slice(0, 3).join(':')}/48`
  return host
}

export interface Clusters {
  /** Cluster of each steward, by its first network in order. */
  readonly of: ReadonlyMap<string, string>
  /** False where everyone is on the one loopback address: the spread rule cannot say anything and is off. */
  readonly isMeaningful: boolean
}

/** What is known of where a steward stands. */
export interface Located {
  readonly id: string
  readonly addresses: readonly string[]
  /** The account its first coins came from, followed back to one that many do not share; absent: nobody traced it. */
  readonly fundingRoot?: string
}

/**
 * Stewards that share a network or a funding root, directly or through others, are one cluster. Without any usable address a steward stands
 * alone. A root that paid for more than a third of them is a faucet or an exchange and says nothing about owners.
 */
export function clustersOf(stewards: readonly Located[]): Clusters {
  const parent = new Map<string, string>()
  const rootOf = (name: string): string => {
    const up = parent.get(name) ?? name
    return up === name ? name : rootOf(up)
  }
  const telling = tellingRoots(stewards)
  let apart = false
  const first = new Map<string, string>()
  for (const { id, addresses, fundingRoot } of stewards) {
    const hosts = addresses.map(hostOf).filter((host) => host !== undefined)
    if (hosts.some((host) => !LOOPBACK.has(host))) apart = true
    const networks = hosts.length > 0 ? hosts.map(networkOf) : [id]
    const root = rootOf(networks[0] as string)
    first.set(id, root)
    const purse = fundingRoot !== undefined && telling.has(fundingRoot) ? [`root ${fundingRoot}`] : []
    if (purse.length > 0) apart = true
    for (const network of [...networks, ...purse]) {
      const [low, high] = [rootOf(network), rootOf(root)].sort() as [string, string]
      parent.set(high, low)
    }
  }
  return {
    of: new Map([...first].map(([id, network]) => [id, rootOf(network)])),
    isMeaningful: apart || stewards.length === 0,
  }
}

/** Lots one cluster may win: ⌊(n − k) / 2⌋, so that two clusters can fall and the object lives; at least one, or nothing could be placed. */
export function clusterCap(k: number, n: number): number {
  return Math.max(1, Math.floor((n - k) / 2))
}

/** Roots of at least two stewards and of at most a third of those whose root is known. */
function tellingRoots(stewards: readonly Located[]): ReadonlySet<string> {
  const counts = new Map<string, number>()
  for (const { fundingRoot } of stewards)
    if (fundingRoot !== undefined) counts.set(fundingRoot, (counts.get(fundingRoot) ?? 0) + 1)
  const known = [...counts.values()].reduce((sum, count) => sum + count, 0)
  return new Set([...counts].filter(([, count]) => count > 1 && 3 * count <= known).map(([root]) => root))
}

function expandIp6(host: string): string | undefined {
  const sides = host.toLowerCase().split('%')[0]?.split('::') ?? []
  if (sides.length > 2 || !/^[0-9a-f:]+$/.test(sides.join(':'))) return undefined
  const [head, tail] = sides.map((side) => side.split(':').filter((part) => part !== ''))
  const gap = sides.length === 2 ? 8 - (head?.length ?? 0) - (tail?.length ?? 0) : 0
  const parts = [...(head ?? []), ...Array<string>(Math.max(0, gap)).fill('0'), ...(tail ?? [])]
  if (parts.length !== 8 || parts.some((part) => part.length > 4)) return undefined
  return parts.map((part) => part.replace(/^0+(?=.)/, '')).join(':')
}
