/** A budget of bytes in flight: what is prepared and not yet sent. It is what keeps the memory of a put flat. */

/** Fair: whoever asked first is served first. */
export interface MemoryBudget {
  /** Resolves when `bytes` are free, and takes them. More than the whole budget is granted when nothing else is in flight. */
  acquire(bytes: number, signal: AbortSignal): Promise<void>
  release(bytes: number): void
}

/** @param limit bytes */
export function createMemoryBudget(limit: number): MemoryBudget {
  let used = 0
  const queue: { readonly bytes: number; grant(): void }[] = []
  const serve = () => {
    for (let first = queue[0]; first !== undefined && (used === 0 || used + first.bytes <= limit); first = queue[0]) {
      queue.shift()
      used += first.bytes
      first.grant()
    }
  }
  return {
    acquire: (bytes, signal) =>
      new Promise((resolve, reject) => {
        signal.throwIfAborted()
        const abandon = () => {
          queue.splice(queue.indexOf(waiter), 1)
          reject(signal.reason)
          serve()
        }
        const waiter = {
          bytes,
          grant: () => {
            signal.removeEventListener('abort', abandon)
            resolve()
          },
        }
        signal.addEventListener('abort', abandon, { once: true })
        queue.push(waiter)
        serve()
      }),
    release: (bytes) => {
      used -= bytes
      serve()
    },
  }
}
