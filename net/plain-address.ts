/** Multiaddrs of the plain endpoint: host and TCP port, nothing else. */
import { networkInterfaces } from 'node:os'
import { HoldfastError } from '../base/errors.ts'

/** Where a plain endpoint listens, or can be reached. */
export interface PlainAddress {
  readonly kind: 'ip4' | 'ip6' | 'dns' | 'dns4' | 'dns6'
  readonly host: string
  readonly port: number
}

/** @throws `INPUT_FORMAT` for anything but `/ip4/…/tcp/…` and its like */
export function parsePlainAddress(text: string): PlainAddress {
  const [, kind, host = '', digits = ''] =
    /^\/(ip4|ip6|dns|dns4|dns6)\/([^/\s]{1,253})\/tcp\/(\d{1,5})$/.exec(text) ?? []
  const port = Number(digits)
  if (kind === undefined || !(port <= 65_535))
    throw new HoldfastError('INPUT_FORMAT', {
      name: 'plain endpoint',
      expected: '/ip4/HOST/tcp/PORT',
      got: text.slice(0, 80),
    })
  return { kind: kind as PlainAddress['kind'], host, port }
}

/** The text of an address. */
export function formatPlainAddress({ kind, host, port }: PlainAddress): string {
  return `/${kind}/${host}/tcp/${port}`
}

/** The addresses behind one that means all of the machine's; others as they are. */
export function reachableAddresses(address: PlainAddress): readonly PlainAddress[] {
  if (address.host !== '0.0.0.0' && address.host !== '::') return [address]
  const family = address.kind === 'ip6' ? 'IPv6' : 'IPv4'
  return Object.values(networkInterfaces())
    .flat()
    .filter((one) => one !== undefined && one.family === family)
    .map((one) => ({ ...address, host: (one as { readonly address: string }).address }))
}
