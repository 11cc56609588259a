/**
 * SilentKeyChange: another key under an id, and no event says so. As a registrar's view that somebody altered on its way; and as a process that
 * listens in the place of a steward, says that it is that steward, and has a key of its own.
 *
 *   node test/cast/silent-key-change.ts steward start --home D --id A --json
 */
import { toHex, utf8 } from '../../base/bytes.ts'
import { type Address, parseAddress, publicKeyOf, signDigest, ZERO_ADDRESS } from '../../base/curve.ts'
import { HoldfastError } from '../../base/errors.ts'
import type { Log } from '../../base/ports.ts'
import { helloDigest, poolIdOf } from '../../base/typed-data.ts'
import { readActorSettings } from '../../cli/actor-settings.ts'
import type { Context, Options } from '../../cli/context.ts'
import { openDoors } from '../../cli/doors.ts'
import { newSecret } from '../../cli/keys.ts'
import { BID_PROTOCOL } from '../../net/messages/bid.ts'
import { FETCH_PROTOCOL } from '../../net/messages/fetch.ts'
import { only } from '../../net/messages/fields.ts'
import { decodeHandshake, encodeHandshake, MAX_HANDSHAKE_BYTES } from '../../net/messages/handshake.ts'
import { STORE_PROTOCOL } from '../../net/messages/store.ts'
import { openNode, type Peer } from '../../net/node.ts'
import type { Wire } from '../../net/wire.ts'
import { HANDSHAKE_VERSION } from '../../pool/handshake.ts'
import { ROLE } from '../../pool/registry-view.ts'
import { type RpcProxy, startRpcProxy } from '../chain/rpc-proxy.ts'
import type { FakeRegistry } from '../pool/pool-nodes.ts'
import { runProgramOf } from './run-daemon.ts'

export function swapKey(registry: FakeRegistry, id: Address, secret: Uint8Array): void {
  registry.set(id, { publicKey: publicKeyOf(secret, false).slice(1) })
}

export function moveAddress(registry: FakeRegistry, id: Address, secureAddr: string): void {
  registry.set(id, { secureAddr })
}

/** An endpoint whose logs have, everywhere, other bytes in the place of some: a public key, an address. Each pair is of one length. */
export async function startAlteredLogs(
  target: string,
  pairs: readonly (readonly [before: Uint8Array | string, after: Uint8Array | string])[],
): Promise<RpcProxy> {
  const hexOf = (value: Uint8Array | string) => toHex(typeof value === 'string' ? utf8(value) : value)
  const proxy = await startRpcProxy(target)
  proxy.rewrite = (call, answer) => {
    if (call.method !== 'eth_getLogs' || answer.result === undefined) return
    const text = pairs.reduce((all, [a, b]) => all.replaceAll(hexOf(a), hexOf(b)), JSON.stringify(answer.result))
    answer.result = JSON.parse(text)
  }
  return proxy
}

/** In the place of steward `--id`. Says `met` of who listened to its hello, and `served` of who asked it for anything. */
async function standIn(context: Context, options: Options): Promise<number> {
  const { clock, rng, out, signal, home } = context
  const from = parseAddress(String(options['id']), '--id')
  const log: Log = { debug() {}, info() {}, warn() {}, error() {} }
  await using scope = new AsyncDisposableStack()
  const { poolDomain } = await openDoors(context, log, scope)
  const { listen } = await readActorSettings(home.steward(from).settings)
  const secret = newSecret(rng)

  async function sayHello(wire: Wire): Promise<Peer> {
    const hi = only(decodeHandshake(await wire.receive(MAX_HANDSHAKE_BYTES)), 'hi')
    const hello = {
      connectionId: hi.connectionId,
      nonce: rng.bytes(32),
      time: clock.now(),
      from,
      to: hi.from ?? ZERO_ADDRESS,
      pool: poolIdOf(poolDomain),
      roles: ROLE.repository,
      version: HANDSHAKE_VERSION,
    }
    const signature = signDigest(secret, helloDigest(poolDomain, hello))
    await wire.send(encodeHandshake({ kind: 'hello', ...hello, signature }))
    out.record({ type: 'met' })
    if (hi.from !== undefined) only(decodeHandshake(await wire.receive(MAX_HANDSHAKE_BYTES)), 'welcome')
    return { id: hi.from, channel: hi.from ?? ZERO_ADDRESS, roles: 0 }
  }
  const serve = (protocol: string) => async (wire: Wire) => {
    await wire.receive(1 << 20) // nobody who dials speaks before it has seen whose key that is
    out.record({ type: 'served', protocol })
    throw new HoldfastError('PEER_REFUSED', { peer: from, what: 'it wanted to see who asks' })
  }

  const gate = {
    outbound: () => Promise.reject(new Error('it dials nobody')),
    inbound: (wire: Wire) => sayHello(wire),
  }
  const node = await openNode({ secret, listen, gate, clock, log })
  scope.defer(() => node.stop())
  for (const protocol of [FETCH_PROTOCOL, STORE_PROTOCOL, BID_PROTOCOL])
    await node.handle(protocol, serve(protocol), { maxStreams: 8 })
  out.record({ type: 'ready', key: node.actor })
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
  return 0
}

if (import.meta.main) await runProgramOf('steward start', standIn)
