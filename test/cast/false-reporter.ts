/**
 * FalseReporter: a monitor that sees what it wants to see: whoever is accused does not serve. One in five of them is a ring: they report honest
 * stewards to each other, call the panel, and vote as one.
 */
import type { MonitorDeps } from '../../pool/monitor-ports.ts'

/** What it says it saw, whatever there is. */
export const lying = (_honest: MonitorDeps): Partial<MonitorDeps> => ({
  probe: async () => ({ kind: 'failed', ms: 1, code: 'PEER_REFUSED' }),
})
