/**
 * TwoFacedManager: gives its agents watchers out of one network, that of its friends, and tells monitors who ask that the honest ones watch:
 * under one number, and signs both.
 *
 *   node test/cast/two-faced-manager.ts pool manager start --home D
 */
import type { Address } from '../../base/curve.ts'
import { HoldfastError } from '../../base/errors.ts'
import type { Registry } from '../../chain/registry.ts'
import type { Member } from '../../chain/registry-members.ts'
import type { ManagerVice } from '../../cli/compose-manager.ts'
import { decodeReportMessage, encodeReportMessage, MAX_REPORT_BYTES } from '../../net/messages/report.ts'
import { type Assignment, signAssignment } from '../../pool/assignment.ts'
import { ROLE } from '../../pool/registry-view.ts'
import { runManager } from './run-manager.ts'
import { isOfRing } from './sybil-ring.ts'

/** What it tells the first and the second one who asks. */
export function twoFaces(
  secret: Uint8Array,
  about: { readonly pool: Uint8Array; readonly agent: Address; readonly serial: number },
  faces: readonly [readonly Address[], readonly Address[]],
): readonly [Assignment, Assignment] {
  const say = (monitors: readonly Address[]) => signAssignment(secret, { ...about, roles: 1, monitors })
  return [say(faces[0]), say(faces[1])]
}

/** The members as its rules are shown them: each friend in a network of its own, and nobody else is a monitor. */
export function friendsOnly(honest: Registry): Registry {
  const shown = (member: Member): Member => {
    if ((member.roles & ROLE.monitor) === 0) return member
    if (!isOfRing(member)) return { ...member, roles: member.roles & ~ROLE.monitor }
    const host = Number.parseInt(member.id.slice(-4), 16)
    return { ...member, secureAddr: `/ip4/10.${host >> 8}.${host & 255}.1/tcp/1` }
  }
  return {
    ...honest,
    member: (id) => {
      const member = honest.member(id)
      return member && shown(member)
    },
    members: () => [...honest.members()].map(shown),
  }
}

export function twoFaced(): ManagerVice {
  let honest: Registry | undefined
  const others = () =>
    [...(honest?.members() ?? [])]
      .filter((one) => (one.roles & ROLE.monitor) !== 0 && !isOfRing(one))
      .map(({ id }) => id)
  return {
    registry: (registry) => {
      honest = registry
      return friendsOnly(registry)
    },
    serve:
      (_serve, { secret, manager }) =>
      async (wire, peer) => {
        const message = decodeReportMessage(await wire.receive(MAX_REPORT_BYTES))
        if (message.kind !== 'ask')
          throw new HoldfastError('PEER_REFUSED', { peer: 'this manager', what: message.kind })
        const { signature: _, manager: __, ...truth } = await manager.say(message.agent)
        const told = (peer.roles & ROLE.monitor) === 0 ? truth : { ...truth, monitors: others() }
        await wire.send(encodeReportMessage({ kind: 'assigned', assignment: signAssignment(secret, told) }))
      },
  }
}

if (import.meta.main) await runManager(twoFaced())
