/**
 * SybilRing: many identities on one network, one disk and one process, all bidding less than everybody else, all offering to watch the others.
 *
 *   node test/cast/sybil-ring.ts steward start --home D --json
 */
import { join } from 'node:path'
import { fromHex, toHex } from '../../base/bytes.ts'
import { type Address, addressOf, publicKeyOf } from '../../base/curve.ts'
import type { Log } from '../../base/ports.ts'
import { GiB, wei } from '../../base/units.ts'
import { DEV_SECRETS } from '../../chain/devnet.ts'
import { encodeRegister } from '../../chain/registry.ts'
import type { Context } from '../../cli/context.ts'
import { type Doors, findAdverts, openDoors } from '../../cli/doors.ts'
import { newSecret } from '../../cli/keys.ts'
import { createMemoryJournal } from '../../cli/memory-journal.ts'
import { sendAll } from '../../cli/send-all.ts'
import type { Invited } from '../../controller/auctioneer.ts'
import { type NetNode, openNode } from '../../net/node.ts'
import { createGate } from '../../pool/handshake.ts'
import { addressesOf, endpointOf, type MemberView, ROLE } from '../../pool/registry-view.ts'
import { COST_MODEL } from '../../pricing/bidder.ts'
import { hostOf, networkOf } from '../../pricing/clusters.ts'
import { referencePrice } from '../../pricing/reference.ts'
import { createAnswering } from '../../steward/answering.ts'
import { STEWARD_CONFIG } from '../../steward/config.ts'
import type { StewardChain } from '../../steward/ports.ts'
import { createSteward } from '../../steward/steward.ts'
import { openBlobFiles } from '../../store/blob-files.ts'
import { runProgramOf } from './run-daemon.ts'

export const RING = 50
/** Where all of it is, when it is processes. */
const HOST = '127.201.66'
const NETWORK = `${HOST}/24`
/** What each of them is given for fees. Wei of the chain's coin. */
const COIN = 10n ** 17n
/** Wei per GiB-month, far below everybody's. */
const PRICE = wei(1_000n)

/** Whether a member stands on the ring's network. */
export function isOfRing(member: Pick<MemberView, 'secureAddr' | 'insecureAddr'>): boolean {
  const hosts = addressesOf(member as MemberView).map(hostOf)
  return hosts.some((host) => host !== undefined && networkOf(host) === NETWORK)
}

/** Identities of the ring, in one /24, and honest stewards, each in a network of its own. */
export function ringAndHonest(
  ring: number,
  honest: number,
  since: number,
): { readonly invited: readonly Invited[]; readonly isRing: (id: Address) => boolean } {
  const idOf = (kind: number, n: number): Address => `0x${kind}${n.toString(16).padStart(39, '0')}`
  const members = Array.from({ length: ring }, (_, n) => ({
    id: idOf(5, n),
    addresses: [`/ip4/203.0.113.${n + 1}/tcp/7490`],
    since,
  }))
  const others = Array.from({ length: honest }, (_, n) => ({
    id: idOf(1, n),
    addresses: [`/ip4/198.51.${n}.1/tcp/7490`],
    since,
  }))
  const ids = new Set(members.map(({ id }) => id))
  return { invited: [...members, ...others], isRing: (id) => ids.has(id) }
}

/** Registers all of them and serves as all of them, until told to stop. */
async function runRing(context: Context): Promise<number> {
  const { clock, rng, home, out, signal } = context
  const log: Log = {
    debug() {},
    info() {},
    warn() {},
    error: (event, data) => out.record({ type: 'error', event, ...data }),
  }
  await using scope = new AsyncDisposableStack()
  const doors = await openDoors(context, log, scope)
  const disk = await openBlobFiles(join(home.cache, 'ring'), { log, reserveBytes: 0, keepPart: () => false })
  const answering = createAnswering({ files: disk, domain: doors.marketDomain, threads: 0 })
  scope.defer(() => answering.close())
  const chain = chainOf(doors)
  const nodes: { readonly secret: Uint8Array; readonly node: NetNode }[] = []
  for (let n = 1; n <= RING; n++) {
    const secret = newSecret(rng)
    const gate = createGate({
      identity: { secret },
      roles: ROLE.repository | ROLE.monitor,
      registry: doors.registry,
      domain: doors.poolDomain,
      clock,
      rng,
      log,
    })
    const node = await openNode({ secret, listen: [`/ip4/${HOST}.${n}/tcp/0`], gate, clock, log })
    scope.defer(() => node.stop())
    const steward = await createSteward(
      {
        journal: createMemoryJournal(),
        files: disk,
        answer: answering.answer,
        chain,
        outbox: {
          sweep: () => [],
          redeem: () => [],
          kick: () => undefined,
          unfinished: () => 0,
          onRefused: () => undefined,
        },
        indexes: { announce: () => undefined },
        domain: doors.marketDomain,
        secret,
        clock,
        rng,
        log,
        reference: () => referencePrice(Math.max(0, doors.chain.time() - doors.since)),
      },
      { ...STEWARD_CONFIG, quota: GiB, reserve: 0, cost: { ...COST_MODEL, fixed: PRICE } },
    )
    await steward.attach(node)
    nodes.push({ secret, node })
  }
  const registrar = doors.registry.address
  const gifts = nodes.map(({ secret }) => ({ to: addressOf(secret), value: COIN, what: 'coin for the ring' }))
  await sendAll(doors.chain, [{ secret: fromHex(DEV_SECRETS[0]), calls: gifts }], clock)
  const registrations = nodes.map(({ secret, node }) => {
    const data = encodeRegister(publicKeyOf(secret, false).subarray(1), endpointOf(node.addresses()), '')
    return { secret, calls: [{ to: registrar, data, what: 'register one of the ring' }] }
  })
  await sendAll(doors.chain, registrations, clock)
  out.record({ type: 'ready', ids: nodes.map(({ secret }) => addressOf(secret)) })
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
  return 0
}

/** It takes part in auctions and keeps what it wins; it does not follow the bounties, for its disk is gone before the first one. */
function chainOf(doors: Doors): StewardChain {
  const paid = new Map<string, Promise<{ readonly value: bigint } | undefined>>() // one look for all fifty
  return {
    async *follow() {},
    poke: () => undefined,
    now: () => doors.chain.time(),
    balanceOf: async () => 0n, // it takes no vouchers
    advertPaid: (hash, uploader) => {
      const name = toHex(hash)
      const known = paid.get(name) ?? findAdverts(doors, hash, uploader).then(([first]) => first)
      paid.set(name, known)
      known.then(
        (found) => found ?? paid.delete(name),
        () => paid.delete(name),
      )
      return known
    },
  }
}

if (import.meta.main) await runProgramOf('steward start', runRing)
