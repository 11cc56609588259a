/** `holdfast version`. */
import { readFileSync } from 'node:fs'
import type { CommandRun } from '../context.ts'

export const version: CommandRun = async ({ out }) => {
  const node = process.versions.node
  const { version: number } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  out.summary({
    command: 'version',
    fields: { version: number, node },
    lines: [`holdfast ${number}   Node ${node}`],
    result: number,
  })
  return undefined
}
