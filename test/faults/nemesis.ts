/**
 * Chance with a seed: everything a fault test chooses comes from here, so that HOLDFAST_SEED=n (`npm run faults -- --seed n`) makes the same
 * choices again. The moments themselves depend on the machine.
 */
export const SEED = Number(process.env.HOLDFAST_SEED ?? (Date.now() ^ process.pid) >>> 0)

export interface Nemesis {
  readonly seed: number
  /** In [0, 1). */
  random(): number
  /** In [from, to). */
  between(from: number, to: number): number
  pick<Item>(items: readonly Item[]): Item
  bytes(length: number): Uint8Array
}

/** Choices of one test; `name` keeps tests of one seed from choosing alike. */
export function createNemesis(name = '', seed = SEED): Nemesis {
  let state = [...name].reduce((sum, letter) => (Math.imul(sum, 31) + letter.charCodeAt(0)) | 0, seed)
  /** mulberry32 */
  const random = () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  return {
    seed,
    random,
    between: (from, to) => from + random() * (to - from),
    pick: <Item>(items: readonly Item[]) => items[Math.floor(random() * items.length)] as Item,
    bytes: (length) => Uint8Array.from({ length }, () => Math.floor(256 * random())),
  }
}
