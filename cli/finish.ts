/** The end of the program: nothing that was said is lost. */
import type { Writable } from 'node:stream'

/** Resolves when a stream has handed over all that was written to it, or nobody reads it any more. */
function drained(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    stream.once('error', () => resolve()) // the reader is gone, and with it whoever would miss a line
    stream.write('', () => resolve())
  })
}

/**
 * Ends the process. It does not wait for open handles: sockets kept alive for reuse would hold it for seconds after its work is done. It
 * does wait for its output: to a parent that reads slowly, a pipe takes no more than its buffer at once.
 */
export async function finish(code: number): Promise<never> {
  await Promise.all([drained(process.stdout), drained(process.stderr)])
  process.exit(code)
}
