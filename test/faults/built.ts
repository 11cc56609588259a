/**
 * The program in one piece, as a release would be built: with half the start of the sources, a kill cycle costs half. Made once for a test
 * process, in a temporary directory that goes with it.
 */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
/** Packages that find files beside their own. */
const WHOLE = ['classic-level', 'fastify', 'pino']
/** Files that are started by name, beside the program. */
const BESIDE = ['uploader/prepare-worker.ts', 'steward/answer-worker.ts', 'chain/devnet-keeper.ts']

let made: { readonly dir: string; readonly ready: Promise<void> } | undefined

function place(): { readonly dir: string; readonly ready: Promise<void> } {
  if (made) return made
  const dir = mkdtempSync(join(tmpdir(), 'holdfast-built-'))
  process.on('exit', () => rmSync(dir, { recursive: true, force: true, maxRetries: 5 }))
  mkdirSync(join(dir, 'cli'))
  symlinkSync(join(ROOT, 'node_modules'), join(dir, 'node_modules'))
  writeFileSync(join(dir, 'package.json'), '{"type":"module"}')
  made = { dir, ready: bundle(dir, ['cli/main.ts', ...BESIDE]).then(() => writeEntries(dir)) }
  return made
}

/** Everything lies in `cli/`, so that what a part looks for beside itself is there. */
function writeEntries(dir: string): void {
  const cache = JSON.stringify(join(dir, 'compiled'))
  const launch = `import * as module from 'node:module'\nmodule.enableCompileCache?.(${cache})\nawait import('./main.mjs')\n`
  writeFileSync(join(dir, 'cli/launch.js'), launch)
  for (const file of BESIDE)
    writeFileSync(join(dir, 'cli', basename(file)), `import '../${file.replace(/ts$/, 'mjs')}'\n`)
}

async function bundle(dir: string, entryPoints: readonly string[]): Promise<void> {
  await build({
    absWorkingDir: ROOT,
    entryPoints: [...entryPoints],
    outdir: dir,
    outbase: ROOT,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    external: WHOLE,
    outExtension: { '.js': '.mjs' },
    chunkNames: 'cli/part-[hash]',
    banner: {
      js: "import { createRequire as makeRequire } from 'node:module'; const require = makeRequire(import.meta.url);",
    },
    logLevel: 'silent',
  })
}

/** Path of the built launcher: `node PATH put …`. */
export async function builtProgram(): Promise<string> {
  const { dir, ready } = place()
  await ready
  return join(dir, 'cli/launch.js')
}

/** A test's own child program, built in the same way. `file`: from the repository's root. */
export async function builtChild(file: string): Promise<string> {
  const { dir, ready } = place()
  await ready
  await bundle(dir, [file])
  return join(dir, file.replace(/ts$/, 'mjs'))
}
