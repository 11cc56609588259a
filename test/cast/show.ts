/** Holds what a test measured against the table of the cast. */
import { expect } from 'chai'
import { type Bound, MEMBERS, type Member, type MemberName } from './members.ts'

/**
 * What a test measured, in the units of the table. `peer`: what an honest one had in the same time. Left out: this test does not see it.
 */
export interface Measured {
  readonly gain?: number
  readonly peer?: number
  readonly loss?: number
}

/** Holds what was measured against the table. @throws AssertionError that names the member */
export function show(name: MemberName, { gain, peer, loss }: Measured): void {
  const member: Member | undefined = MEMBERS.find((one) => one.name === name)
  if (member === undefined) throw new Error(`${name} is not in the table of the cast`)
  if (loss !== undefined) within(`${name}: what its victim loses, ${member.loss.of}`, loss, member.loss)
  if (gain === undefined || peer === undefined) return
  within(`${name}: what it ends with, ${member.gain.of}`, gain, member.gain)
  expect(peer, `${name}: what an honest peer has`).to.be.at.least(member.gain.peer)
  if (member.shortfall === undefined) expect(gain, `${name} ends poorer than an honest peer`).to.be.below(peer)
}

function within(what: string, value: number, { least = Number.NEGATIVE_INFINITY, most }: Bound): void {
  expect(value, what).to.be.within(least, most)
}
