// npm under Node 20 leaves out Hardhat's compiled EDR module (its package asks for Node >= 22) without a word.
// This runs a second, script-less install on the node@24 that the first one brought, which adds it (docs/decisions/0001).
// Then the program is bundled with its libraries, so that daemons start in less than half the time (docs/decisions/0009).
// Each is done once: `npx holdfast` does not pay for it.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { bundleProgram } from './bundle-program.js'

/** Without development dependencies there are neither tests nor a bundle. */
const isInstalled = (name) => existsSync(`node_modules/${name}`)
const hasEngine = () =>
  isInstalled('@nomicfoundation') &&
  readdirSync('node_modules/@nomicfoundation').some((name) => name.startsWith('edr-'))
if (!hasEngine()) {
  const run = spawnSync('npm', ['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund'], {
    stdio: 'inherit',
  })
  process.exitCode = run.status ?? 1
}
if (isInstalled('esbuild')) await bundleProgram(fileURLToPath(new URL('..', import.meta.url)))
