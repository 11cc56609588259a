/**
 * A test's own child program in one piece: with half the start of the sources, a kill costs half. Made in a temporary directory that goes with the
 * test process.
 */
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
/** Packages that find files beside their own. */
const WHOLE = ['classic-level', 'fastify', 'pino']

let made: string | undefined

function place(): string {
  if (made !== undefined) return made
  const dir = mkdtempSync(join(tmpdir(), 'holdfast-built-'))
  process.on('exit', () => rmSync(dir, { recursive: true, force: true, maxRetries: 5 }))
  symlinkSync(join(ROOT, 'node_modules'), join(dir, 'node_modules'))
  made = dir
  return dir
}

/** Path of the built program. `file`: from the repository's root. */
export async function builtChild(file: string): Promise<string> {
  const dir = place()
  await build({
    absWorkingDir: ROOT,
    entryPoints: [file],
    outdir: dir,
    outbase: ROOT,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    external: WHOLE,
    outExtension: { '.js': '.mjs' },
    banner: {
      js: "import { createRequire as makeRequire } from 'node:module'; const require = makeRequire(import.meta.url);",
    },
    logLevel: 'silent',
  })
  return join(dir, file.replace(/ts$/, 'mjs'))
}
