/** A port to listen on that stays ours: for addresses that are written down before their program starts, and used again after it ended. */
import { createServer } from 'node:net'
import { HoldfastError } from '../base/errors.ts'

/**
 * Below what systems give to connections and to port 0 (Linux from 32,768, others from 49,152): a port of that range that is free now may be anybody's
 * a moment later, and between two starts of the program it was chosen for.
 */
const FIRST = 16_384
const COUNT = 16_384
const TRIES = 100

/** What this process has given away; its owner may not have bound it yet. By host. */
const given = new Map<string, Set<number>>()

/** @param host an IPv4 address of this machine @throws `INTERNAL` when no port was free in a hundred tries */
export async function freePort(host: string): Promise<number> {
  const taken = given.get(host) ?? new Set()
  given.set(host, taken)
  for (let tries = 0; tries < TRIES; tries++) {
    // The system's own choice is random; it is only folded into our range.
    const port = FIRST + (((await listenOnce(host, 0)) ?? 0) % COUNT)
    if (taken.has(port)) continue
    taken.add(port)
    if ((await listenOnce(host, port)) === port) return port
  }
  throw new HoldfastError('INTERNAL', { what: `no free port was found on ${host}` })
}

/** The port that was bound, and is free again; undefined when it could not be. */
function listenOnce(host: string, port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(undefined))
    server.listen(port, host, () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' ? address?.port : undefined))
    })
  })
}
