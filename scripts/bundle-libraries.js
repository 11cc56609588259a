// Makes one file of each heavy library that daemons load at every start (docs/decisions/0009). `npm ci` runs it after everything is there; by hand:
// node scripts/bundle-libraries.js. Plain JavaScript: it also runs under the machine's own, older Node.
import { mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { BUNDLES, bundlesOf, INSTALLED } from '../cli/bundles.js'

/** As our code imports them. One bundle run for all: what two of them share stays one module, and keeps its state once. */
export const BUNDLED = [
  '@chainsafe/libp2p-noise',
  '@chainsafe/libp2p-yamux',
  '@libp2p/crypto/keys',
  '@libp2p/tcp',
  '@libp2p/tls',
  '@multiformats/multiaddr',
  'ethers/abi',
  'ethers/transaction',
  'libp2p',
]

/** CommonJS modules inside of them ask for Node's own modules by `require`. */
const BANNER = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);"

/** Makes the bundles of the installation at `root`, unless they are there. @returns whether it made them */
export async function bundleLibraries(root) {
  const madeFrom = statSync(join(root, INSTALLED)).mtimeMs
  if (String(Object.keys(bundlesOf(root))) === String(BUNDLED)) return false
  const { build } = await import('esbuild')
  const directory = join(root, BUNDLES)
  rmSync(directory, { recursive: true, force: true })
  mkdirSync(directory, { recursive: true })
  const names = Object.fromEntries(BUNDLED.map((specifier) => [specifier, specifier.replaceAll(/[@/]/g, '_')]))
  await build({
    entryPoints: Object.fromEntries(BUNDLED.map((specifier) => [names[specifier], specifier])),
    absWorkingDir: root,
    outdir: directory,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node22',
    banner: { js: BANNER },
    logLevel: 'warning',
  })
  const files = Object.fromEntries(BUNDLED.map((specifier) => [specifier, `${names[specifier]}.js`]))
  // the index last: bundles that were cut short are not used
  writeFileSync(join(directory, 'index.json.tmp'), JSON.stringify({ schema: 1, madeFrom, files }))
  renameSync(join(directory, 'index.json.tmp'), join(directory, 'index.json'))
  return true
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  await bundleLibraries(fileURLToPath(new URL('..', import.meta.url)))
