/** A JSON line as scripts read it: undefined left out, bigints as decimal strings. Amounts never become floats. */

/** One line without its newline. */
export function toJson(value: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(value, (_, item) => (typeof item === 'bigint' ? item.toString() : item))
}
