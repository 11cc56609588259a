/** `holdfast version`. */
import type { CommandRun } from '../program.ts'
import { programVersion } from '../program.ts'

export const version: CommandRun = async ({ out }) => {
  const node = process.versions.node
  const number = programVersion()
  out.summary({ command: 'version', fields: { version: number, node }, lines: [`holdfast ${number}   Node ${node}`], result: number })
  return undefined
}
