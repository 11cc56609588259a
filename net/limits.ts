/** Bounds of a node and their defaults. docs/spec/wire.md, section 1. */
import { WIRE_LIMITS, type WireLimits } from './wire.ts'

/** Bounds of a node. docs/spec/wire.md, section 1. */
export interface NetLimits {
  /** Connections in all. */
  readonly connections: number
  /** Connections of one peer key. */
  readonly connectionsPerPeer: number
  /** Accepted connections that are not encrypted yet. */
  readonly pendingConnections: number
  /** New connections a second from one host. */
  readonly connectionsPerSecond: number
  /** Inbound streams of one peer key, all protocols and connections together. */
  readonly streamsPerPeer: number
  /** From an inbound connection to its passed handshake. Milliseconds. */
  readonly gateMs: number
  /** To reach one address, or to open a stream. Milliseconds. */
  readonly dialMs: number
  /** A connection without streams for so long is closed. Milliseconds. */
  readonly unusedMs: number
  readonly wire: WireLimits
}

export const NET_LIMITS: NetLimits = {
  connections: 512,
  connectionsPerPeer: 8,
  pendingConnections: 1024,
  connectionsPerSecond: 100,
  streamsPerPeer: 64,
  gateMs: 5_000,
  dialMs: 10_000,
  unusedMs: 600_000,
  wire: WIRE_LIMITS,
}
