/** The thread behind prepare-pool.ts. It keeps nothing: what it reads and writes lies in memory shared with the main thread. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { parentPort } from 'node:worker_threads'
import { answerRows } from '../blob/challenge.ts'
import { buildBlobs } from './prepare.ts'
import type { PreparerReply, PreparerRequest } from './prepare-pool.ts'

/**
 * A minor collection. Node's ciphers allocate an array a call, and the collector counts objects, not the bytes behind them: left alone,
 * each thread keeps about 60 MiB of dead blocks (measured), which is an eighth of what a put may use.
 */
setFlagsFromString('--expose-gc')
const minorGc = runInNewContext('gc') as (options: { type: 'minor' }) => void
const collect = () => minorGc({ type: 'minor' })

parentPort?.on('message', ({ id, build, answer }: PreparerRequest) => {
  let reply: PreparerReply
  try {
    if (build !== undefined) reply = { id, result: buildBlobs(build, collect) }
    else if (answer !== undefined)
      reply = { id, result: answerRows(answer.domain, answer.blobId, answer.blob, answer.nonces) }
    else reply = { id, failed: 'an empty request' }
  } catch (cause) {
    reply = { id, failed: cause instanceof Error ? (cause.stack ?? cause.message) : String(cause) }
  }
  parentPort?.postMessage(reply)
})
