/** The libp2p part of a node: which transports, ciphers and muxer, with which bounds. stack.md §3. */
import { tcp } from '@libp2p/tcp'
import { tls } from '@libp2p/tls'
import { createLibp2p, type Libp2p, type Libp2pOptions } from 'libp2p'
import type { NetLimits } from './limits.ts'
import { boundedYamux } from './muxer.ts'

/** A libp2p node that is not started yet and serves nothing of its own. */
export async function createHost(
  privateKey: NonNullable<Libp2pOptions['privateKey']>,
  listen: readonly string[],
  limits: NetLimits,
): Promise<Libp2p> {
  const counts = (channel: string) =>
    host.getConnections().filter((connection) => connection.remotePeer.toString() === channel).length
  const host: Libp2p = await createLibp2p({
    privateKey,
    start: false,
    addresses: { listen: [...listen] },
    transports: [
      tcp({
        backlog: 512,
        inboundSocketInactivityTimeout: limits.unusedMs,
        outboundSocketInactivityTimeout: limits.unusedMs,
      }),
    ],
    connectionEncrypters: [tls(), lateNoise()],
    streamMuxers: [boundedYamux(limits.streamsPerPeer)],
    connectionMonitor: { enabled: false },
    connectionManager: {
      maxConnections: limits.connections,
      maxIncomingPendingConnections: limits.pendingConnections,
      inboundConnectionThreshold: limits.connectionsPerSecond,
      maxParallelDials: 64,
      dialTimeout: limits.dialMs,
      inboundUpgradeTimeout: limits.dialMs,
      inboundStreamProtocolNegotiationTimeout: limits.dialMs,
      outboundStreamProtocolNegotiationTimeout: limits.dialMs,
    },
    connectionGater: { denyInboundEncryptedConnection: (peer) => counts(peer.toString()) >= limits.connectionsPerPeer },
    logger: SILENT,
  })
  return host
}

/** Noise serves peers without TLS; its modules are loaded when the first one comes, as they are a sixth of a client's start. */
function lateNoise(): ReturnType<typeof tls> {
  return (components) => {
    let loaded: Promise<ReturnType<ReturnType<typeof tls>>> | undefined
    const real = () => {
      loaded ??= import('@chainsafe/libp2p-noise').then(({ noise }) =>
        noise()(components as Parameters<ReturnType<typeof noise>>[0]),
      )
      return loaded
    }
    return {
      protocol: '/noise',
      secureInbound: async (connection, options) => (await real()).secureInbound(connection, options),
      secureOutbound: async (connection, options) => (await real()).secureOutbound(connection, options),
    }
  }
}

/** libp2p formats a line per frame for its own log, even when nobody reads it. What matters is logged here. */
const silent = Object.assign(() => undefined, {
  error: () => undefined,
  trace: () => undefined,
  enabled: false,
  newScope: () => silent,
})
const SILENT: { forComponent(): typeof silent } = { forComponent: () => silent }
