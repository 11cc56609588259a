/**
 * Bisection: which blobs of a missed docket a steward still has, asked over ever smaller parts of it. The rows are spent, so their nonces may
 * be shown; whoever answers a part has read every byte of it. protocol.md §8; docs/spec/schedule.md, A miss.
 */

/** What came of it. Items that are in neither list were not decided before it ended. */
export interface Bisected<Item> {
  readonly held: Item[]
  readonly lost: Item[]
}

/**
 * Halves what was not answered until single items are left. A part whose sibling was answered is known to be at fault and is not asked as a
 * whole, but nothing is lost without a question about it alone: from log₂ m to twice
 * as many questions for each of few lost ones, 2m − 1 at most, and no byte is read more often than there are levels.
 * @param answers true: the right answer; false: another one, or "not held". Throws when nothing was learnt
 * @param outcome filled as it goes, so that what was learnt before a failure stays
 */
export async function bisect<Item>(
  items: readonly Item[],
  answers: (part: readonly Item[]) => Promise<boolean>,
  outcome: Bisected<Item> = { held: [], lost: [] },
): Promise<Bisected<Item>> {
  /** @returns true when the whole part was answered. `isAtFault`: some of it is known to be missing */
  async function halve(part: readonly Item[], isAtFault: boolean): Promise<boolean> {
    if (part.length === 0) return true
    if ((!isAtFault || part.length === 1) && (await answers(part))) {
      for (const item of part) outcome.held.push(item)
      return true
    }
    if (part.length === 1) {
      outcome.lost.push(part[0] as Item)
      return false
    }
    const middle = Math.ceil(part.length / 2)
    const isFirstWhole = await halve(part.slice(0, middle), false)
    await halve(part.slice(middle), isFirstWhole)
    return false
  }
  await halve(items, false)
  return outcome
}
