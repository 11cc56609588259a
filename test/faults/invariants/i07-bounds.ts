/** I7: memory is bounded, and descriptors come back to where they were. */
import { readdir } from 'node:fs/promises'
import { expect } from 'chai'
import { peakMemory } from '../../processes.ts'
import type { Role, World } from '../world.ts'

const MIB = 1 << 20
const LIMITS: Readonly<Record<Role, number>> = { steward: 256 * MIB, controller: 400 * MIB, index: 256 * MIB }
/** Connections to peers come and go; a leak grows with every fault. */
const SPARE_DESCRIPTORS = 40

/** Open descriptors of each daemon, by name; before the faults, to compare with. */
export async function descriptorsOf({ daemons }: World): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>()
  for (const { name, pid } of daemons) counts.set(name, (await readdir(`/proc/${pid}/fd`)).length)
  return counts
}

export async function memoryIsBounded(world: World, before: ReadonlyMap<string, number>): Promise<string> {
  const told: string[] = []
  for (const role of Object.keys(LIMITS) as Role[]) {
    const now = world.daemons.filter((daemon) => daemon.role === role).map(({ pid }) => peakMemory(pid) ?? 0)
    const peak = Math.max(world.peaks.get(role) ?? 0, ...now)
    expect(peak, `I7: peak memory of a ${role}`).to.be.at.most(LIMITS[role])
    told.push(`${role} ${Math.round(peak / MIB)} MiB`)
  }
  for (const [name, count] of await descriptorsOf(world))
    expect(count, `I7: descriptors of ${name}`).to.be.at.most((before.get(name) ?? 0) + SPARE_DESCRIPTORS)
  return `peaks: ${told.join(', ')}`
}
