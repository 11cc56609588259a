/** The index daemon, put together: a node with the index role, records in memory, its own membership. It keeps nothing on disk but its key. */
import type { Log } from '../base/ports.ts'
import { createOutbox } from '../chain/outbox.ts'
import type { Route } from '../net/http-server.ts'
import { INDEX_PROTOCOL } from '../net/messages/index-records.ts'
import { openNode } from '../net/node.ts'
import { createBlobIndex } from '../pool/blob-index.ts'
import { createGate } from '../pool/handshake.ts'
import { ROLE } from '../pool/registry-view.ts'
import { readActorSettings } from './actor-settings.ts'
import type { Context } from './context.ts'
import type { Daemon } from './daemon.ts'
import { openDoors } from './doors.ts'
import type { DaemonPaths } from './home.ts'
import { readActorKey } from './keys.ts'
import { openMembership } from './member-keeper.ts'
import { createMemoryJournal } from './memory-journal.ts'

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
  const { clock, rng, settings } = context
  const { secret, id } = await readActorKey(paths.keystore, passphrase)
  const { listen } = await readActorSettings(paths.settings)
  const doors = await openDoors(context, log, scope)
  const { chain, registry, poolDomain } = doors
  const journal = createMemoryJournal()
  const outbox = createOutbox({
    journal,
    chain,
    secret,
    clock,
    log,
    limits: { dayBudget: settings.value('chain.fee-budget') },
  })
  await outbox.start()
  scope.defer(() => outbox.stop())
  const gate = createGate({ identity: { secret }, roles: ROLE.index, registry, domain: poolDomain, clock, rng, log })
  const net = await openNode({
    secret,
    listen: settings.origin('net.listen').from === 'flag' ? settings.value('net.listen') : listen,
    gate,
    clock,
    log,
  })
  scope.defer(() => net.stop())
  const index = createBlobIndex({ clock, log })
  await index.start()
  scope.defer(() => index.stop())
  await net.handle(INDEX_PROTOCOL, (wire, peer) => index.serve(wire, peer), { maxStreams: STREAMS })
  const { keeper, withTick } = await openMembership({ secret, doors, net, outbox, journal, log, scope })
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
