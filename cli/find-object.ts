/** Which object a person means: an id, a unique prefix of 8 digits or more, a name, or a capability. */
import { toHex } from '../base/bytes.ts'
import { HoldfastError } from '../base/errors.ts'
import { locatorOf, parseCap } from '../blob/cap.ts'

/** What the ledger lists. */
interface Listed {
  readonly id: string
  readonly name?: string
}

const SHORTEST_PREFIX = 8

/** True for what looks like a capability, right or wrong. */
export function isCapText(text: string): boolean {
  return /^\s*hf1/i.test(text)
}

/**
 * The one object that `text` names.
 * @throws `INPUT_CAP`, `OBJECT_UNKNOWN`, `OBJECT_AMBIGUOUS`
 */
export function findObject<Item extends Listed>(text: string, objects: readonly Item[]): Item {
  const wanted = isCapText(text) ? toHex(locatorOf(parseCap(text))) : text
  const shown = isCapText(text) ? wanted : text
  const byId = objects.filter(({ id }) => id === wanted.toLowerCase())
  const byPrefix = new RegExp(`^[0-9a-f]{${SHORTEST_PREFIX},}$`, 'i').test(wanted)
    ? objects.filter(({ id }) => id.startsWith(wanted.toLowerCase()))
    : []
  const byName = objects.filter(({ name }) => name === wanted)
  const found = [byId, byPrefix, byName].find((list) => list.length > 0) ?? []
  if (found.length > 1) throw new HoldfastError('OBJECT_AMBIGUOUS', { id: shown, count: found.length })
  if (found[0] === undefined) throw new HoldfastError('OBJECT_UNKNOWN', { id: shown })
  return found[0]
}
