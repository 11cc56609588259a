/** Commands and options that the design names and this version has not. Whoever tries one is told so, not that it is unknown. */

const COMMANDS: readonly string[] = 'alerts community completion grid key man renew ui verify'.split(' ')

/** What serves meanwhile; empty: nothing does. */
const OPTIONS: Readonly<Record<string, string>> = {
  '--at-most': '',
  '--bond': '',
  '--bundle': '',
  '--bwlimit': '',
  '--exclude': 'store an archive: tar -c --exclude PATTERN DIR | holdfast put - --name NAME',
  '--fix': '',
  '--follow-symlinks': 'a link is followed to the file it names',
  '--health': 'holdfast ls -l shows suspect shares',
  '--max-egress': '',
  '--range': '',
  '--s3': '',
  '--seed': '',
  '--sort': '',
  '--speed': '',
  '--subset': '',
  '--tag': 'give a --name with a common beginning; holdfast ls PREFIX lists those',
  '--wait': 'put returns when all is placed; the first proof comes within a day',
  '--watch': '',
  '-t': 'put finds its own pace',
}

/** @param message commander's @returns what to say instead; undefined: it really is unknown */
export function explainGap(message: string): string | undefined {
  const [, kind, name = ''] = /unknown (option|command) '([^'=]+)/.exec(message) ?? []
  if (kind === 'command' && COMMANDS.includes(name)) return `holdfast ${name} is not there yet (docs/known-gaps.md)`
  if (kind !== 'option' || !Object.hasOwn(OPTIONS, name)) return undefined
  const instead = OPTIONS[name] === '' ? '' : `; ${OPTIONS[name]}`
  return `${name} is not there yet (docs/known-gaps.md)${instead}`
}
