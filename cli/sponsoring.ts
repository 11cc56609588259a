/** A steward that sponsors: clients without id store through it, on the account of the controller of its home. */
import type { Journal, Log } from '../base/ports.ts'
import { remotePutBook } from '../controller/remote-book.ts'
import { SPONSOR_PROTOCOL } from '../net/messages/sponsor.ts'
import type { NetNode } from '../net/node.ts'
import { openSponsor } from '../sponsors/sponsor.ts'
import type { Steward } from '../steward/steward.ts'
import { createSendBlob } from '../uploader/send-blob.ts'
import type { Context } from './context.ts'
import type { Doors } from './doors.ts'
import { followController } from './put-book-access.ts'

/** Streams of one client at the same time. */
const STREAMS = 8
/** One put gets at most one part in so many of the quota. */
const PART = 4

interface Parts {
  readonly steward: Steward
  readonly doors: Doors
  readonly net: NetNode
  readonly journal: Journal
  readonly log: Log
}

/** Serves clients within a quota, in bytes. @returns what to close */
export async function serveClients(
  context: Context,
  quota: number,
  { steward, doors, net, journal, log }: Parts,
): Promise<{ close(): void }> {
  let following: ReturnType<typeof followController> | undefined
  const follow = () => {
    // the controller may start after us
    following ??= followController(context).catch((cause: unknown) => {
      following = undefined
      throw cause
    })
    return following
  }
  const book = remotePutBook({ post: async (path, body, call) => (await follow()).post(path, body, call) })
  const sponsor = await openSponsor({
    book,
    send: createSendBlob(net),
    registry: doors.registry,
    journal,
    domain: doors.marketDomain,
    quota,
    perPut: Math.floor(quota / PART),
    ...(context.settings.value('sponsor.pay') === 'right' ? { order: (wanted) => steward.orderRights(wanted) } : {}),
    now: () => doors.chain.time(),
    log,
  })
  await net.handle(SPONSOR_PROTOCOL, (wire) => sponsor.serve(wire), { maxStreams: STREAMS })
  log.info('sponsor.open', { quota })
  return {
    close: () => {
      following?.then(
        (client) => client.close(),
        () => undefined, // never opened
      )
    },
  }
}
