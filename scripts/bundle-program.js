// Makes a few files of the program and the libraries that daemons load at every start (docs/decisions/0009). `npm ci` runs it after everything is there;
// by hand, after an edit: npm run bundle. Plain JavaScript: it also runs under the machine's own, older Node.
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { BUNDLE, bundleOf, INSTALLED, stampOf } from '../cli/bundle.js'

/** Packages that find files beside their own, compiled ones among them. */
const WHOLE = ['classic-level', 'pino', '@fastify/ajv-compiler']

/** CommonJS modules inside of it ask for Node's own modules by `require`. */
const BANNER =
  "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);"

/** What our sources look for beside themselves (workers, the launcher, the package's version) is beside the sources. */
const besideSources = (directory) => ({
  name: 'beside-sources',
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, ({ path }) => {
      const place = JSON.stringify(relative(directory, path))
      const contents = readFileSync(path, 'utf8').replaceAll(
        'import.meta.url',
        `new URL(${place}, import.meta.url).href`,
      )
      return { contents, loader: 'ts' }
    })
  },
})

/** Makes the bundle of the checkout at `root`, unless it is there. @returns whether it made it */
export async function bundleProgram(root) {
  if (bundleOf(root) !== undefined) return false
  const { build } = await import('esbuild')
  const directory = join(root, BUNDLE)
  mkdirSync(dirname(directory), { recursive: true })
  const fresh = mkdtempSync(`${directory}-`)
  try {
    const { metafile } = await build({
      entryPoints: [join(root, 'cli/main.ts')],
      absWorkingDir: root,
      outdir: fresh,
      outExtension: { '.js': '.mjs' }, // nobody has to look for what kind of module it is
      bundle: true,
      splitting: true,
      metafile: true,
      format: 'esm',
      platform: 'node',
      target: 'node22',
      external: WHOLE,
      plugins: [besideSources(fresh)],
      banner: { js: BANNER },
      logLevel: 'warning',
    })
    const own = Object.keys(metafile.inputs).filter((file) => !/(^|\/)node_modules\//.test(file))
    const madeFrom = Object.fromEntries([INSTALLED, ...own].map((file) => [file, stampOf(join(root, file))]))
    writeFileSync(join(fresh, 'index.json'), JSON.stringify({ schema: 1, main: 'main.mjs', madeFrom }))
    rmSync(directory, { recursive: true, force: true })
    renameSync(fresh, directory)
  } catch (cause) {
    rmSync(fresh, { recursive: true, force: true })
    throw cause
  }
  return true
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  await bundleProgram(fileURLToPath(new URL('..', import.meta.url)))
