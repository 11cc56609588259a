/** The thread behind prepare-pool.ts. It keeps nothing: what it reads and writes lies in memory shared with the main thread. */
import { parentPort } from 'node:worker_threads'
import { answerRows } from '../blob/challenge.ts'
import { buildBlobs } from './prepare.ts'
import type { PreparerReply, PreparerRequest } from './prepare-pool.ts'

parentPort?.on('message', ({ id, build, answer }: PreparerRequest) => {
  let reply: PreparerReply
  try {
    if (build !== undefined) reply = { id, result: buildBlobs(build) }
    else if (answer !== undefined)
      reply = { id, result: answerRows(answer.domain, answer.blobId, answer.blob, answer.nonces) }
    else reply = { id, failed: 'an empty request' }
  } catch (cause) {
    reply = { id, failed: cause instanceof Error ? (cause.stack ?? cause.message) : String(cause) }
  }
  parentPort?.postMessage(reply)
})
