/**
 * StaleIndex: an index that takes every announcement and leaves records out of its answers, or invents some: expired ones, and ones that
 * nobody signed.
 */

import { addressOf } from '../../base/curve.ts'
import type { Clock } from '../../base/ports.ts'
import { pathOf } from '../../net/messages/inclusion.ts'
import {
  announce,
  decodeIndex,
  encodeIndex,
  INDEX_PROTOCOL,
  MAX_INDEX_BYTES,
  RECORD_LIFE,
} from '../../net/messages/index-records.ts'
import { type BlobIndex, createBlobIndex, type FoundPage } from '../../pool/blob-index.ts'
import { aLog, rng } from '../net/nodes.ts'
import type { PoolNode } from '../pool/pool-nodes.ts'

/** One page that says of each key that somebody holds it, signed by a key of its own for a holder that is not its, or long ago. */
function invented(keys: readonly Uint8Array[], clock: Clock): FoundPage {
  const secret = rng.bytes(32)
  const entries = keys.slice(0, 16).map((key) => ({ key, blobId: undefined }))
  const about = { holder: addressOf(secret), expires: clock.now() - 2 * RECORD_LIFE }
  const { statement, tree } = announce(secret, about, entries)
  return {
    statements: [{ ...statement, expires: clock.now() + RECORD_LIFE }], // what was signed is another time
    entries: entries.map((entry, position) => ({ ...entry, statement: 0, position, path: pathOf(tree, position) })),
  }
}

/** Makes an index of a node. @returns what it knows, and how often it was asked */
export async function staleIndex(
  member: PoolNode,
  clock: Clock,
  vice: 'omits' | 'invents',
): Promise<{ readonly index: BlobIndex; readonly asked: () => number }> {
  const index = createBlobIndex({ clock, log: aLog() })
  let asked = 0
  await member.node.handle(
    INDEX_PROTOCOL,
    async (wire, peer) => {
      for (;;) {
        const frame = await wire.receiveOrEnd(MAX_INDEX_BYTES)
        if (frame === undefined) return
        const message = decodeIndex(frame)
        if (message.kind === 'announce' && peer.id !== undefined) {
          const count = index.announce(message.statement, message.entries, peer.id)
          await wire.send(encodeIndex({ kind: 'taken', count }))
        } else if (message.kind === 'lookup') {
          asked++
          const page = vice === 'omits' ? { statements: [], entries: [] } : invented(message.keys, clock)
          await wire.send(encodeIndex({ kind: 'found', ...page, more: 0 }))
        }
      }
    },
    { maxStreams: 16 },
  )
  return { index, asked: () => asked }
}
