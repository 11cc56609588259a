/** Small phrases of output: shortened ids, nines, moments seen from now, tables. */

import { formatHold } from '../base/units.ts'

/** The first 8 digits of an id, with 0x where it has it. For people only. */
export function shortId(id: string): string {
  return id.startsWith('0x') ? id.slice(0, 10) : id.slice(0, 8)
}

/** 0.99999 as "5 nines"; below one nine in percent. */
export function formatNines(nines: number, confidence: number): string {
  if (nines >= 1) return nines === 1 ? '1 nine' : `${nines} nines`
  return `${Math.floor(confidence * 100)} %`
}

/** An ISO moment as seen from chain time `now`: "in 6 d", "2 d ago". */
export function formatFromNow(iso: string | undefined, now: number): string {
  if (iso === undefined) return '–'
  const difference = Math.round(Date.parse(iso) / 1000 - now)
  const size = Math.abs(difference)
  const text =
    size >= 86_400
      ? `${Math.round(size / 86_400)} d`
      : size >= 3600
        ? `${Math.round(size / 3600)} h`
        : size >= 60
          ? `${Math.round(size / 60)} min`
          : `${size} s`
  return difference >= 0 ? `in ${text}` : `${text} ago`
}

/** "2027-02-18" of an ISO moment. */
export function formatDay(iso: string | undefined): string {
  return iso?.slice(0, 10) ?? '–'
}

/** Columns padded to their widest cell. `right` names the columns that are aligned right. */
export function formatTable(rows: readonly (readonly string[])[], right: readonly number[] = []): readonly string[] {
  const widths: number[] = []
  for (const row of rows) for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, cell.length)
  return rows.map((row) =>
    row
      .map((cell, at) => (right.includes(at) ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0)))
      .join('  ')
      .trimEnd(),
  )
}

/**
 * An amount for people: four digits that count, at least two decimals. Exact ones are for --json.
 * @param round 'up' for what somebody will have to pay
 */
export function shortHold(wei: bigint, round: 'up' | 'down' = 'down'): string {
  const digits = wei.toString().replace('-', '').length
  const step = 10n ** BigInt(Math.max(0, Math.min(16, digits - 4)))
  return formatHold(((round === 'up' && wei > 0n ? wei + step - 1n : wei) / step) * step)
}

/** "1 steward", "3 stewards". */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

/** Blobs by state: "2 suspect, 1 mia". */
export function formatStates(states: Readonly<Record<string, number>>): string {
  return Object.entries(states)
    .map(([state, count]) => `${count} ${state}`)
    .join(', ')
}

/** Comma-separated lines below a head, for spreadsheets. Ids, numbers and times alone: a field has no comma and no quote in it. */
export function formatCsv(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  return `${[head, ...rows].map((row) => row.join(',')).join('\n')}\n`
}
