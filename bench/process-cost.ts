/** CPU time and memory of other processes, from /proc. Linux only, as the benches that use it. */
import { readFileSync } from 'node:fs'

/** Clock ticks a second: 100 on every Linux that Node runs on (sysconf(_SC_CLK_TCK)). */
const TICKS = 100

/** User and system time of all children of this process that have ended, theirs included. Seconds. */
export function childCpuSeconds(): number {
  const fields = statOf(process.pid)
  return (Number(fields[13]) + Number(fields[14])) / TICKS
}

/** User and system time of a living process and of its children that have ended. Seconds; 0 when it is gone. */
export function cpuSecondsOf(pid: number): number {
  try {
    const fields = statOf(pid)
    return (Number(fields[11]) + Number(fields[12]) + Number(fields[13]) + Number(fields[14])) / TICKS
  } catch {
    return 0
  }
}

/** Fields of /proc/PID/stat from the third on: the second may contain spaces. */
function statOf(pid: number): readonly string[] {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
  return text.slice(text.lastIndexOf(')') + 2).split(' ')
}
