/**
 * Fault points for tests: HOLDFAST_FAULT=site:n:kill|stop|error acts on the n-th visit of a named site. Honoured only on the dev chain and
 * with HOLDFAST_TESTING=1 (reliability.md §5).
 */
import { HoldfastError } from '../base/errors.ts'
import type { Journal, Log } from '../base/ports.ts'
import { DEV_CHAIN_ID } from '../chain/rpc.ts'
import type { Context } from './context.ts'

/** Called at a named site between two durable steps. */
export type FaultPoint = (site: string) => void

/** Undefined unless a fault is asked for and allowed. */
export function createFaultPoint(
  { environment }: Pick<Context, 'environment'>,
  chainId: number,
  log: Log,
): FaultPoint | undefined {
  const wanted = environment['HOLDFAST_FAULT']
  if (wanted === undefined || environment['HOLDFAST_TESTING'] !== '1' || chainId !== DEV_CHAIN_ID) return undefined
  const match = /^([\w.-]+):(\d+):(kill|stop|error)$/.exec(wanted)
  if (match === null)
    throw new HoldfastError('CONFIG_INVALID', {
      what: `HOLDFAST_FAULT: expected site:n:kill|stop|error, got ${wanted.slice(0, 80)}`,
    })
  const [, site, visit, act] = match
  let visits = 0
  return (here) => {
    if (here !== site || ++visits !== Number(visit)) return
    log.warn('fault', { site: here, visit: visits, act })
    if (act === 'error') throw new HoldfastError('INTERNAL', { what: `fault injected at ${here}` })
    process.kill(process.pid, act === 'kill' ? 'SIGKILL' : 'SIGSTOP')
  }
}

/** The journal with a fault point before each commit, `<name>.commit`, and one after it, `<name>.committed`. */
export function withFaultPoints<Store extends Journal>(
  store: Store,
  name: string,
  fault: FaultPoint | undefined,
): Store {
  if (fault === undefined) return store
  return {
    ...store,
    async commit(changes) {
      fault(`${name}.commit`)
      await store.commit(changes)
      fault(`${name}.committed`)
    },
  }
}
