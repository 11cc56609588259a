/** Alerts for people: a steward that misses a day's checks is one line, not one for each blob. Scripts get every alert from --json. */
import { plural, shortId } from './words.ts'

/** Lines of one status page, at most; the newest. */
const MOST = 10

/** What a code means, and what its count counts. A code that is not listed is shown as it is. */
const WORDS: Readonly<Record<string, readonly [text: string, noun: string]>> = {
  missed: ['checks missed', 'placement'],
  withheld: ['dockets came to their steward too late', 'placement'],
  'post-failed': ['bounties could not be posted', 'placement'],
  mia: ['given up as missing (MIA)', 'placement'],
  'rows-out': ['no prepared answers left', 'placement'],
  'renewal-late': ['renewal is late', 'placement'],
  'budget-reached': ['not renewed: the budget is reached', 'placement'],
  unbonding: ['a bond is taken back, checked at once', 'placement'],
  notice: ['notice given, its share moves', 'placement'],
  'ended-unpaid': ['ended unpaid', 'placement'],
  lost: ['lost: too few shares are left', 'segment'],
  'repair-waits': ['repair waits', 'object'],
  unpaid: ['not paid for, notice sent', 'placement'],
  'grace-passing': ['not paid for, soon deleted', 'placement'],
  'blob-lost': ['lost, and told so', 'blob'],
  'blob-unreadable': ['cannot be read', 'blob'],
  'bounty-bogus': ['can be won by nobody', 'bounty'],
  'bounty-underpaid': ['paid less than agreed', 'bounty'],
}

/**
 * @param alerts "time code about", and after it the steward where there is one; oldest first
 * @returns "day  steward: what, how many", oldest first
 */
export function alertLines(alerts: readonly string[]): readonly string[] {
  const groups = new Map<string, { readonly head: string; readonly code: string; readonly about: Set<string> }>()
  for (const alert of alerts) {
    const [time = '', code = '', about = '', steward] = alert.split(' ')
    const head = `${time.slice(0, 10)}${steward === undefined ? '' : `  steward ${shortId(steward)}`}`
    const key = `${head} ${code}`
    const group = groups.get(key) ?? { head, code, about: new Set() }
    groups.delete(key) // the newest come last
    groups.set(key, group)
    group.about.add(about)
  }
  const lines = [...groups.values()].map(({ head, code, about }) => {
    const [text, noun] = WORDS[code] ?? [code, 'case']
    return `! ${head}: ${text}, ${plural(about.size, noun).replace(/bountys$/, 'bounties')}`
  })
  const left = lines.length - MOST
  return left > 0 ? [`! ${plural(left, 'earlier line')}: --json has every alert`, ...lines.slice(left)] : lines
}
