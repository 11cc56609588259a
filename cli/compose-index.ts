/** The index daemon, put together: a node with the index role, records in memory, its own membership. It keeps nothing on disk but its key. */
import type { Log } from '../base/ports.ts'
import type { Route } from '../net/http-server.ts'
import { INDEX_PROTOCOL } from '../net/messages/index-records.ts'
import { createBlobIndex } from '../pool/blob-index.ts'
import { ROLE } from '../pool/registry-view.ts'
import type { Context } from './context.ts'
import type { Daemon } from './daemon.ts'
import type { DaemonPaths } from './home.ts'
import { openMembership } from './member-keeper.ts'
import { createMemoryJournal } from './memory-journal.ts'
import { openAgent } from './open-agent.ts'

/** Streams of one connection at the same time. */
const STREAMS = 8
/** How long a tick may wait for transactions on their way. Milliseconds. */
const TICK_WAIT_MS = 1_000

export async function composeIndex(
  context: Context,
  paths: DaemonPaths,
  passphrase: string,
  log: Log,
  scope: AsyncDisposableStack,
): Promise<Daemon> {
  const { clock } = context
  const openJournal = () => createMemoryJournal()
  const agent = await openAgent(context, { paths, passphrase, role: ROLE.index, openJournal, log, scope })
  const { id, doors, outbox, net } = agent
  const { chain, registry } = doors
  const index = createBlobIndex({ clock, log, isGood: (member) => registry.inGoodStanding(member) })
  await index.start()
  scope.defer(() => index.stop())
  await net.handle(INDEX_PROTOCOL, (wire, peer) => index.serve(wire, peer), { maxStreams: STREAMS })
  const { keeper, withTick } = await openMembership({ ...agent, log, scope })
  const routes: Route[] = [
    {
      method: 'GET',
      path: '/status',
      summary: 'What is indexed, and how the pool sees this index.',
      handler: () => ({
        role: 'index',
        id,
        ...index.size(),
        standing: keeper.state?.standing,
        addresses: net.addresses(),
        block: chain.latest().number,
      }),
    },
    {
      method: 'POST',
      path: '/tick',
      summary: 'Tells whether anything is left to do at this block.',
      schema: { body: { type: 'object', required: ['block'], properties: { block: { type: 'integer', minimum: 0 } } } },
      handler: async () => {
        const until = clock.monotonic() + TICK_WAIT_MS
        while (outbox.unfinished() > 0 && clock.monotonic() < until) await clock.sleep(10)
        return outbox.unfinished() > 0
          ? { idle: false, busy: `${outbox.unfinished()} transactions on their way` }
          : { idle: true }
      },
    },
  ]
  return {
    routes: withTick(routes),
    unready: () =>
      keeper.state?.isGood === true ? undefined : `it is ${keeper.state?.standing ?? 'unknown'} in its pool`,
    failed: new Promise<never>(() => undefined), // it has no loop that could end
  }
}
