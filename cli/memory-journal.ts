/** A journal in memory: for the index daemon, which keeps nothing, and whose only acts (renewing its key) may be decided anew after a restart. */
import type { Journal } from '../base/ports.ts'

export function createMemoryJournal(): Journal {
  const records = new Map<string, Uint8Array>()
  return {
    get: async (key) => records.get(key),
    async *list(prefix, { limit = Number.POSITIVE_INFINITY, after = '' } = {}) {
      let left = limit
      for (const key of [...records.keys()].sort()) {
        const value = records.get(key)
        if (value === undefined || !key.startsWith(prefix) || key <= after) continue
        if (left-- <= 0) return
        yield [key, value] as const
      }
    },
    commit: async (changes) => {
      for (const { key, value } of changes) {
        if (value === undefined) records.delete(key)
        else records.set(key, value)
      }
    },
  }
}
