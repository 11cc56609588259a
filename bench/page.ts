/** Tables of simulations inside the texts that explain them: what stands between two marks is made by the bench, the rest by people. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '..')

/** The text with the part between the marks of `name` replaced. Pure. @throws Error when the marks are not there */
export function withTable(text: string, name: string, table: string): string {
  const [begin, end] = [`<!-- begin ${name}: made by npm run bench -->`, `<!-- end ${name} -->`]
  const [from, to] = [text.indexOf(begin), text.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`no marks for ${name}`)
  return `${text.slice(0, from + begin.length)}\n${table.trim()}\n${text.slice(to)}`
}

/** @param path from the repository's root */
export async function writeTable(path: string, name: string, table: string): Promise<void> {
  const file = join(ROOT, path)
  await writeFile(file, withTable(await readFile(file, 'utf8'), name, table))
}

/** A table of cells, the first row being its head. */
export function markdownTable(rows: readonly (readonly string[])[]): string {
  const [head = [], ...body] = rows
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(head), `|${head.map(() => '---|').join('')}`, ...body.map(line)].join('\n')
}
