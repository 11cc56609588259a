/** Waits until a steward has nothing left to do at the head of its chain. */
import { expect } from 'chai'
import { eventually } from '../net/nodes.ts'
import type { Rig } from './rig.ts'

export async function settled(rig: Rig): Promise<void> {
  let busy: string | undefined
  await eventually(async () => {
    const { head } = rig.chain
    const answer = await rig.steward.tick(head)
    busy = answer.busy
    return answer.idle && head === rig.chain.head
  }).catch(() => expect.fail(`busy: ${busy}`))
}
