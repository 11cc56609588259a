/**
 * The memory in which blobs are made, answered and sent from: a fixed number of pieces, shared with the preparing threads, used again and
 * again. It is what keeps a put flat: whoever wants to make a blob waits for a piece, and nothing waits for the garbage collector.
 */

/** Fair: whoever asked first is served first. */
export interface BlobMemory {
  /** Pieces there are. */
  readonly pieces: number
  /** Waits until `count` pieces (at most `pieces`) are free, and takes them, each cut to `length` bytes. */
  acquire(count: number, length: number, signal: AbortSignal): Promise<Uint8Array[]>
  /** Gives a piece back; a view that `acquire` or `renew` returned. */
  release(piece: Uint8Array): void
  /** A fresh piece for one whose bytes a broken stream may still refer to. */
  renew(piece: Uint8Array): Uint8Array
}

export interface BlobMemoryOptions {
  /** In all, at least one piece. Bytes. */
  readonly bytes: number
  /** Of the longest blob. Bytes. */
  readonly longest: number
}

export function createBlobMemory({ bytes, longest }: BlobMemoryOptions): BlobMemory {
  const pieces = Math.max(1, Math.floor(bytes / Math.max(1, longest)))
  const free: SharedArrayBuffer[] = []
  let unmade = pieces
  const queue: { readonly count: number; grant(): void }[] = []
  const serve = () => {
    for (let first = queue[0]; first !== undefined && first.count <= free.length + unmade; first = queue[0]) {
      queue.shift()
      first.grant()
    }
  }
  const take = (length: number) => {
    let buffer = free.pop()
    if (buffer === undefined) {
      buffer = new SharedArrayBuffer(longest)
      unmade--
    }
    return new Uint8Array(buffer, 0, length)
  }
  return {
    pieces,
    acquire: (count, length, signal) =>
      new Promise((resolve, reject) => {
        signal.throwIfAborted()
        const abandon = () => {
          queue.splice(queue.indexOf(waiter), 1)
          reject(signal.reason)
          serve()
        }
        const waiter = {
          count: Math.min(count, pieces),
          grant: () => {
            signal.removeEventListener('abort', abandon)
            resolve(Array.from({ length: Math.min(count, pieces) }, () => take(length)))
          },
        }
        signal.addEventListener('abort', abandon, { once: true })
        queue.push(waiter)
        serve()
      }),
    release: (piece) => {
      free.push(piece.buffer as SharedArrayBuffer)
      serve()
    },
    renew: (piece) => new Uint8Array(new SharedArrayBuffer(longest), 0, piece.length),
  }
}
