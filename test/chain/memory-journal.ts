/** A journal in memory that keeps its content over "restarts" within a test. */
import type { Change, Journal } from '../../base/ports.ts'

export interface MemoryJournal extends Journal {
  readonly content: Map<string, Uint8Array>
  /** Batches committed so far. */
  commits: number
}

export function memoryJournal(): MemoryJournal {
  const content = new Map<string, Uint8Array>()
  const journal: MemoryJournal = {
    content,
    commits: 0,
    get: async (key) => content.get(key),
    async *list(prefix, options = {}) {
      let left = options.limit ?? Number.POSITIVE_INFINITY
      for (const key of [...content.keys()].sort()) {
        const value = content.get(key)
        if (!key.startsWith(prefix) || value === undefined || (options.after !== undefined && key <= options.after))
          continue
        if (left-- <= 0) return
        yield [key, value] as const
      }
    },
    async commit(changes: readonly Change[]) {
      journal.commits++
      for (const { key, value } of changes) {
        if (value === undefined) content.delete(key)
        else content.set(key, value)
      }
    },
  }
  return journal
}
