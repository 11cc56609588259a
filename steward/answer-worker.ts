/** The thread behind answering.ts: hashes the pieces of blobs as they come and gives back the answers. */
import { parentPort } from 'node:worker_threads'
import { hasCode } from '../base/errors.ts'
import { type Answerer, createAnswerer } from '../blob/challenge.ts'
import type { AnswerReply, AnswerRequest } from './answering.ts'

const open = new Map<number, Answerer>()
const reply = (answer: AnswerReply, moved: readonly ArrayBuffer[] = []) => parentPort?.postMessage(answer, moved)

parentPort?.on('message', (request: AnswerRequest) => {
  const { job } = request
  try {
    if (request.kind === 'open') open.set(job, createAnswerer(request.domain, request.blob, request.nonces))
    else if (request.kind === 'drop') open.delete(job)
    else if (request.kind === 'piece') {
      const { buffer } = request.bytes
      open.get(job)?.update(request.bytes)
      reply({ job, taken: buffer as ArrayBuffer }, [buffer as ArrayBuffer])
    } else {
      const answers = open.get(job)?.finish()
      open.delete(job)
      if (answers) reply({ job, answers })
    }
  } catch (cause) {
    open.delete(job)
    reply(
      hasCode(cause, 'BLOB_CORRUPT')
        ? { job, corrupt: true }
        : { job, failed: cause instanceof Error ? cause.message : String(cause) },
    )
  }
})
