// npm under Node 20 leaves out Hardhat's compiled EDR module (its package asks for Node >= 22) without a word.
// This runs a second, script-less install on the node@24 that the first one brought, which adds it (docs/decisions/0001).
// It does nothing when the module is there, so `npx holdfast` does not pay for it.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'

const present = () => {
  try {
    return readdirSync('node_modules/@nomicfoundation').some((name) => name.startsWith('edr-'))
  } catch {
    return false
  }
}
if (!present()) {
  const run = spawnSync('npm', ['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund'], {
    stdio: 'inherit',
  })
  process.exitCode = run.status ?? 1
}
