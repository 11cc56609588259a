/**
 * StolenDelegateKey: whoever took a delegate's key bans everybody it can reach, again and again, takes agents and strips them of their roles,
 * and tries what only the master may, until the master lowers the key.
 *
 *   node test/cast/stolen-delegate-key.ts '{"rpc":…}'    (Robbery)
 */
import { toHex, utf8 } from '../../base/bytes.ts'
import type { Address } from '../../base/curve.ts'
import { asHoldfastError, hasCode } from '../../base/errors.ts'
import { sha256 } from '../../base/hash.ts'
import { unixTime } from '../../base/units.ts'
import {
  encodeAssignManager,
  encodeAssignMonitors,
  encodeDrop,
  encodeMulticall,
  encodeRenew,
  encodeSetLevel,
  encodeSetPolicy,
  encodeSetRoles,
  encodeSetStanding,
  openRegistry,
} from '../../chain/registry.ts'
import { connectChain, type Hex } from '../../chain/rpc.ts'
import { readActorKey } from '../../cli/keys.ts'
import { readSecretFile } from '../../cli/passphrase.ts'
import { costOf } from '../../cli/pool-act.ts'
import { sendAll } from '../../cli/send-all.ts'
import { systemClock } from '../../cli/system.ts'
import { ROLE } from '../../pool/registry-view.ts'
import { silent } from '../chain/ports.ts'
import type { PoolStage } from '../pool/manager-stage.ts'

/** Bans these. The contract takes it from a delegate in good standing only. */
export function banAll(stage: PoolStage, thief: Address, victims: readonly Address[]): number {
  let done = 0
  for (const id of victims) {
    const member = stage.registry.member(thief)
    if (member?.level !== 'delegate' || !stage.registry.inGoodStanding(thief)) continue
    stage.registry.set(id, { standing: 'banned' })
    const evidenceHash = toHex(sha256(utf8(`nothing about ${id}`)))
    stage.acts.push({ id, by: thief, standing: 'banned', evidenceHash, time: unixTime(stage.now) })
    done++
  }
  return done
}

/** What the thief is after. */
export interface Robbery {
  readonly rpc: string
  readonly registrar: Address
  readonly master: Address
  readonly keystore: string
  readonly passphraseFile: string
  /** Banned whenever they are not. */
  readonly victims: readonly Address[]
  /** Agents that it takes for its own, with roles and watchers. */
  readonly prey: readonly Address[]
}

/** A made-up reason and made-up evidence: the contract asks for some. */
const REASON = 64
const nothing = (id: Address) => sha256(utf8(`nothing about ${id}`))
/** Between two rounds. Milliseconds. */
const PAUSE_MS = 50

/** Goes on as long as any act is taken. Says `act` of each that was, `refused` of each that was not. */
async function rob(robbery: Robbery, say: (line: object) => void): Promise<void> {
  const { rpc, registrar, master, victims, prey } = robbery
  const { secret, id } = await readActorKey(robbery.keystore, await readSecretFile(robbery.passphraseFile))
  const chain = await connectChain([rpc], { clock: systemClock, log: silent, pollMs: PAUSE_MS })
  const registry = await openRegistry(chain, registrar, { from: 0, log: silent })
  /** False when it was refused. */
  async function act(what: string, data: Hex): Promise<boolean> {
    try {
      await costOf(chain, id, { registrar, calls: [data], what })
      await sendAll(chain, [{ secret, calls: [{ to: registrar, data, what }] }], systemClock)
      say({ type: 'act', what })
      return true
    } catch (cause) {
      const { code, message } = asHoldfastError(cause)
      say({ type: 'refused', what, code, why: message })
      return !hasCode(cause, 'POOL_NO_POWER')
    }
  }
  const [someone] = victims as [Address]
  const ban = (victim: Address) => act(`ban ${victim}`, encodeSetStanding(victim, 'banned', REASON, nothing(victim)))
  for (const victim of victims) await ban(victim)
  for (const agent of prey) {
    const calls = [encodeAssignManager(agent, id), encodeSetRoles(agent, 0), encodeAssignMonitors(agent, [])]
    await act(`strip ${agent}`, encodeMulticall(calls))
  }
  await act('make itself master', encodeSetLevel(id, 'master'))
  await act('lower another delegate', encodeSetLevel(someone, 'agent'))
  await act('give itself the roles of an agent', encodeSetRoles(id, ROLE.repository))
  await act('change its own standing', encodeSetStanding(id, 'compliant', REASON, nothing(id)))
  await act('ban the master', encodeSetStanding(master, 'banned', REASON, nothing(master)))
  await act('change the policy', encodeSetPolicy({ ...registry.policy(), feeShare: 500 }))
  await act('renew another’s key', encodeRenew(someone))
  await act('drop another’s key', encodeDrop(someone))
  say({ type: 'ready', id })
  const ofNobody = encodeSetStanding(someone, 'banned', REASON, nothing(someone))
  const isObeyed = () =>
    costOf(chain, id, { registrar, calls: [ofNobody], what: 'a look whether the key still counts' }).then(
      () => true,
      () => false,
    )
  while (await isObeyed()) {
    for (const victim of victims) if (registry.inGoodStanding(victim)) await ban(victim)
    await systemClock.sleep(PAUSE_MS)
  }
  await ban(someone)
  registry.close()
  chain.close()
}

if (import.meta.main)
  await rob(JSON.parse(process.argv[2] as string) as Robbery, (line) =>
    console.log(JSON.stringify({ schema: 1, ...line })),
  )
