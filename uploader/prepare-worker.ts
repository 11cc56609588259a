/** The thread behind prepare-pool.ts: makes blobs, keeps them until they are answered, hands them over without copying. */
import { parentPort } from 'node:worker_threads'
import { createInlinePreparer } from './prepare.ts'
import type { PreparerReply, PreparerRequest } from './prepare-pool.ts'

const preparer = createInlinePreparer()

parentPort?.on('message', async (request: PreparerRequest) => {
  if (request.kind === 'drop') return preparer.drop(request.handle)
  const reply = (value: PreparerReply, transfer: readonly ArrayBuffer[] = []) =>
    parentPort?.postMessage(value, transfer)
  try {
    if (request.kind === 'build') return reply({ id: request.id, built: await preparer.build(request.job) })
    const answered = await preparer.answer(request.handle, request.domain, request.nonces)
    // a view of a larger buffer cannot be moved on its own; blobs of this size always own theirs
    const { buffer } = answered.blob
    const moves = buffer instanceof ArrayBuffer && buffer.byteLength === answered.blob.length
    reply({ id: request.id, answered }, moves ? [buffer] : [])
  } catch (cause) {
    reply({ id: request.id, failed: cause instanceof Error ? (cause.stack ?? cause.message) : String(cause) })
  }
})
