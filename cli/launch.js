#!/usr/bin/env node
// The entry of `npx holdfast`. Plain JavaScript, so that an old Node can run it far enough to hand over to the one that came with `npm ci`.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import * as module from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import { bundleOf } from './bundle.js'

const here = (path) => fileURLToPath(new URL(path, import.meta.url))
const own = here('../node_modules/.bin/node')
const [major, minor] = process.versions.node.split('.').map(Number)
if (major > 22 || (major === 22 && minor >= 13)) {
  // The nursery stays small: one that grows to 64 MiB keeps that much, and the buffers its dead objects hold, for as long as the process lives.
  setFlagsFromString('--semi-space-growth-factor=1')
  module.enableCompileCache?.(here('../node_modules/.cache/holdfast'))
  const bundle = bundleOf(here('..'))
  await import(bundle === undefined ? './main.ts' : pathToFileURL(bundle).href)
} else if (existsSync(own) && process.env.HOLDFAST_RELAUNCHED === undefined) {
  const env = { ...process.env, HOLDFAST_RELAUNCHED: '1' }
  const child = spawn(own, [here('./launch.js'), ...process.argv.slice(2)], { stdio: 'inherit', env })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('exit', (code) => process.exit(code ?? 130))
} else {
  console.error(
    `holdfast needs Node 22.13 or newer and runs on ${process.versions.node}. Run npm ci in its directory; it brings one along.`,
  )
  process.exitCode = 1
}
