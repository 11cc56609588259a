/**
 * What a test may need of the machine beyond a plain account: file systems of its own, in files and in memory. Each kind is tried once; a test
 * that cannot have it is skipped with the reason. Everything is mounted below a temporary directory and unmounted at the end.
 */
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import type { Context } from 'mocha'
import { skipBecause } from '../skip.ts'

/** A mounted file system. */
export interface Mounted {
  readonly path: string
  /** Unmounts and removes it. Safe to call twice. */
  close(): void
}

/** An ext4 file system in a file: what was not synced lies in the kernel's memory, not in the file. */
export interface DiskImage extends Mounted {
  /**
   * The file as it is now, mounted elsewhere: the disk after a power cut. Whoever writes to the image must stand still (SIGSTOP): a copy
   * during which blocks were written is thrown away and taken again.
   */
  cut(): Mounted
}

type Need = 'loop devices' | 'tmpfs' | 'C compiler'

const open = new Set<Mounted>()
process.on('exit', () => {
  for (const mounted of [...open].reverse()) mounted.close()
})

const TRIALS: Readonly<Record<Need, () => void>> = {
  'loop devices': () => openDiskImage(8).close(),
  tmpfs: () => openMemoryDisk('1m').close(),
  'C compiler': () => void run('cc', '--version'),
}
const REMEDIES: Readonly<Record<Need, string>> = {
  'loop devices': 'needs root',
  tmpfs: 'needs root',
  'C compiler': 'needs cc',
}
const lacks = new Map<Need, boolean>()

/** Skips the running test, as row `row` of docs/reference/faults.md, unless the machine has what it needs. */
export function needs(context: Context, row: string, ...wanted: readonly Need[]): void {
  for (const need of wanted) {
    if (!lacks.has(need)) lacks.set(need, !works(TRIALS[need]))
    if (lacks.get(need)) skipBecause(context, `${row}: ${need} unavailable (${REMEDIES[need]})`)
  }
}

function works(trial: () => void): boolean {
  try {
    trial()
    return true
  } catch {
    return false // that is what was to be found out
  }
}

/** @param size of the file system, MiB; its file is sparse */
export function openDiskImage(size: number): DiskImage {
  const dir = mkdtempSync(join(tmpdir(), 'holdfast-image-'))
  try {
    const file = join(dir, 'disk')
    writeFileSync(file, '')
    truncateSync(file, size << 20)
    run('mkfs.ext4', '-q', '-F', '-E', 'lazy_itable_init=0,lazy_journal_init=0', file)
    const { mounted, device } = mountImage(dir, file)
    let cuts = 0
    const cut = () => {
      const copy = join(dir, `cut-${cuts++}`)
      for (let attempt = 0; attempt < 200; attempt++) {
        const before = writesOf(device)
        copyFileSync(file, copy)
        if (writesOf(device) === before) return mountImage(dir, copy).mounted
      }
      throw new Error('the disk did not stand still for a copy')
    }
    return {
      path: mounted.path,
      cut,
      close: () => {
        mounted.close()
        rmSync(dir, { recursive: true, force: true })
      },
    }
  } catch (cause) {
    rmSync(dir, { recursive: true, force: true })
    throw cause
  }
}

/** @param size of the file system as `mount` takes it: `32m` @param inodes at most so many files */
export function openMemoryDisk(size: string, inodes?: number): Mounted {
  const path = mkdtempSync(join(tmpdir(), 'holdfast-memory-'))
  const options = `size=${size}${inodes === undefined ? '' : `,nr_inodes=${inodes}`}`
  try {
    run('mount', '-t', 'tmpfs', '-o', options, 'tmpfs', path)
  } catch (cause) {
    rmSync(path, { recursive: true, force: true })
    throw cause
  }
  return track(path, () => run('umount', path))
}

function mountImage(dir: string, file: string): { readonly mounted: Mounted; readonly device: string } {
  const device = run('losetup', '--find', '--show', file).trim()
  const path = join(dir, `${basename(file)}-mounted`)
  try {
    mkdirSync(path, { recursive: true })
    run('mount', '-t', 'ext4', device, path)
  } catch (cause) {
    run('losetup', '--detach', device)
    throw cause
  }
  const mounted = track(path, () => {
    run('umount', path)
    run('losetup', '--detach', device)
    rmSync(file, { force: true })
  })
  return { mounted, device }
}

function track(path: string, unmount: () => void): Mounted {
  let isOpen = true
  const mounted: Mounted = {
    path,
    close() {
      if (!isOpen) return
      isOpen = false
      open.delete(mounted)
      unmount()
      rmSync(path, { recursive: true, force: true })
    },
  }
  open.add(mounted)
  return mounted
}

/** Blocks written and under way: fields 5 and 9 of the device's statistics. */
function writesOf(device: string): string {
  const fields = readFileSync(`/sys/block/${basename(device)}/stat`, 'utf8')
    .trim()
    .split(/\s+/)
  return `${fields[4]}/${fields[8] === '0' ? 'idle' : performance.now()}`
}

function run(program: string, ...args: readonly string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}
