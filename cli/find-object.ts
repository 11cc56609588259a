/** Which object a person means: an id, a unique prefix of 8 digits or more, a name, or a capability. */
import { toHex } from '../base/bytes.ts'
import { HoldfastError } from '../base/errors.ts'
import { locatorOf, parseCap } from '../blob/cap.ts'

/** What the ledger lists. */
interface Listed {
  readonly id: string
  readonly name?: string
  /** When its owner let it go. */
  readonly removed?: string
}

const SHORTEST_PREFIX = 8
/** Of an ambiguous prefix, shown. */
const MOST_CANDIDATES = 5

/** True for what looks like a capability, right or wrong. */
export function isCapText(text: string): boolean {
  return /^\s*hf1/i.test(text)
}

/**
 * The one object that `text` names.
 * @throws `INPUT_CAP`, `OBJECT_UNKNOWN`, `OBJECT_AMBIGUOUS`, `INPUT_FORMAT` for a prefix that is too short
 */
export function findObject<Item extends Listed>(text: string, objects: readonly Item[]): Item {
  const wanted = isCapText(text) ? toHex(locatorOf(parseCap(text))) : text
  const shown = isCapText(text) ? wanted : text
  const byId = objects.filter(({ id }) => id === wanted.toLowerCase())
  const byPrefix = new RegExp(`^[0-9a-f]{${SHORTEST_PREFIX},}$`, 'i').test(wanted)
    ? objects.filter(({ id }) => id.startsWith(wanted.toLowerCase()))
    : []
  const byName = objects.filter(({ name }) => name === wanted)
  const kept = byName.filter(({ removed }) => removed === undefined)
  const found = [byId, byPrefix, kept, byName].find((list) => list.length > 0) ?? []
  if (found.length > 1)
    throw new HoldfastError('OBJECT_AMBIGUOUS', {
      id: shown,
      count: found.length,
      which: candidates(found),
      ids: found.map(({ id }) => id).join(' '),
    })
  const [only] = found
  if (only !== undefined) return only
  if (/^[0-9a-f]+$/i.test(wanted) && objects.some(({ id }) => id.startsWith(wanted.toLowerCase())))
    throw new HoldfastError('INPUT_FORMAT', {
      name: 'id',
      expected: `at least ${SHORTEST_PREFIX} digits of it`,
      got: `${wanted.length} (${wanted})`,
    })
  throw new HoldfastError('OBJECT_UNKNOWN', { id: shown })
}

/** Each with as many digits as tell it from the others. */
function candidates(found: readonly Listed[]): string {
  const shared = (a: string, b: string) => [...a].findIndex((digit, at) => digit !== b[at])
  const named = found.slice(0, MOST_CANDIDATES).map(({ id, name }) => {
    const others = found.filter((other) => other.id !== id)
    const digits = Math.max(SHORTEST_PREFIX, ...others.map((other) => shared(id, other.id) + 1))
    return `${id.slice(0, digits)}${name === undefined ? '' : ` ${name}`}`
  })
  return `${named.join(', ')}${found.length > MOST_CANDIDATES ? ' …' : ''}`
}
