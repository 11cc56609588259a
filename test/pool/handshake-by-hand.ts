/** The messages of a handshake, made by hand: right, but for what a test changes. */
import { type Address, addressOf, signDigest } from '../../base/curve.ts'
import { helloDigest, poolIdOf, welcomeDigest } from '../../base/typed-data.ts'
import { decodeHandshake, encodeHandshake, type HandshakeMessage } from '../../net/messages/handshake.ts'
import type { Wire } from '../../net/wire.ts'
import { clock, rng } from '../net/nodes.ts'
import { DOMAIN } from './pool-nodes.ts'

export type Hello = Extract<HandshakeMessage, { kind: 'hello' }>
export type Welcome = Extract<HandshakeMessage, { kind: 'welcome' }>

export const say = (wire: Wire, message: HandshakeMessage) => wire.send(encodeHandshake(message))

/** The next message, which the test expects to be of this kind. */
export async function hear<K extends HandshakeMessage['kind']>(
  wire: Wire,
  _kind: K,
): Promise<Extract<HandshakeMessage, { kind: K }>> {
  return decodeHandshake(await wire.receive(1024)) as Extract<HandshakeMessage, { kind: K }>
}

/** A correct Hello, changed, and then signed by `secret`. */
export function aHello(secret: Uint8Array, to: Address, connectionId: Uint8Array, change: Partial<Hello> = {}): Hello {
  const hello = {
    connectionId,
    nonce: rng.bytes(32),
    time: clock.now(),
    from: addressOf(secret),
    to,
    pool: poolIdOf(DOMAIN),
    roles: 0,
    version: 1,
    ...change,
  }
  return { kind: 'hello', ...hello, signature: change.signature ?? signDigest(secret, helloDigest(DOMAIN, hello)) }
}

export function aWelcome(secret: Uint8Array, hello: Hello, change: Partial<Welcome> = {}): Welcome {
  const welcome = {
    hello: helloDigest(DOMAIN, hello),
    time: clock.now(),
    from: addressOf(secret),
    to: hello.from,
    ...change,
  }
  return {
    kind: 'welcome',
    ...welcome,
    signature: change.signature ?? signDigest(secret, welcomeDigest(DOMAIN, welcome)),
  }
}
