/** The rules of the tree (README, "Folders"), as pure functions over what the files say about themselves. */
import { posix } from 'node:path'
import type { Mention, SourceFacts } from './source-facts.ts'

/** Folders by level. A file may import its own folder and every level below; siblings on a level do not know each other. */
export const LEVELS: readonly (readonly string[])[] = [
  ['base'],
  ['blob', 'pricing'],
  ['chain', 'net', 'store'],
  ['pool'],
  ['uploader', 'steward', 'community'],
  ['controller', 'grid', 'sponsors'],
  ['web'],
  ['cli'],
]

/** Heavy or dangerous packages, and the only folders that may know them. */
const DOORS: readonly { readonly packages: RegExp; readonly folders: readonly string[] }[] = [
  { packages: /^(ethers|@foundry-rs\/.*)$/, folders: ['chain'] },
  {
    packages: /^(libp2p|@libp2p\/.*|@chainsafe\/libp2p-.*|@multiformats\/.*|fastify|@fastify\/.*)$/,
    folders: ['net'],
  },
  // chain/ speaks JSON-RPC, net/ everything else
  { packages: /^node:(net|http|https|http2|tls|dgram)$/, folders: ['net', 'chain'] },
  { packages: /^(level|classic-level|abstract-level)$/, folders: ['store'] },
  // cli/ looks for files and removes them; what may write one is a rule of its own below
  { packages: /^(node:)?fs(\/promises)?$/, folders: ['store', 'cli'] },
  { packages: /^(commander|pino)$/, folders: ['cli'] },
  { packages: /^@(noble|scure)\/.*$/, folders: ['base', 'blob'] },
  { packages: /^cborg$/, folders: ['base'] },
  { packages: /^(node:)?child_process$/, folders: ['chain', 'cli'] },
]

/** Where files that stay may come into being; everything else goes through these. */
const WRITERS: readonly string[] = [
  'store/durable-write.ts',
  'store/blob-files.ts',
  'store/blob-sink.ts',
  'store/target-file.ts',
  'store/source-file.ts',
]

/** A file that breaks rules on purpose. An entry nobody needs any more fails the test. */
export interface Exception {
  readonly path: string
  /** Everything of that file and rule: the reason covers it. */
  readonly rules: readonly Rule[]
  readonly reason: string
}

export type Rule = 'level' | 'cycle' | 'door' | 'ambient' | 'write' | 'barrel' | 'name'

export interface Violation {
  readonly path: string
  readonly line: number
  readonly rule: Rule
  readonly what: string
  readonly why: string
}

const folderOf = (path: string) => path.split('/', 1)[0] as string
const levelOf = (folder: string) => LEVELS.findIndex((folders) => folders.includes(folder))

/** The file a relative specifier names, from the root; undefined for packages. */
export function resolveImport(from: string, specifier: string): string | undefined {
  return specifier.startsWith('.') ? posix.join(posix.dirname(from), specifier) : undefined
}

/** Every breach in the product's folders, in order of path and line. */
export function findViolations(files: readonly SourceFacts[]): readonly Violation[] {
  const each = files.flatMap((file) => [
    ...checkLevels(file),
    ...checkDoors(file),
    ...checkAmbient(file),
    ...checkWrites(file),
    ...checkForm(file),
  ])
  return [...each, ...findCycles(files)].sort((a, b) =>
    a.path === b.path ? a.line - b.line : a.path < b.path ? -1 : 1,
  )
}

/** One line for people. */
export function formatViolation({ path, line, rule, what, why }: Violation): string {
  return `${path}:${line}: ${what} (${rule}: ${why})`
}

function checkLevels(file: SourceFacts): readonly Violation[] {
  const folder = folderOf(file.path)
  const level = levelOf(folder)
  return [...file.imports, ...file.workers].flatMap((mention) => {
    const target = resolveImport(file.path, mention.what)
    if (target === undefined) return []
    const other = folderOf(target)
    if (other === folder || target === 'package.json') return []
    const otherLevel = levelOf(other)
    const why =
      otherLevel === -1
        ? `${other}/ is no part of the product`
        : otherLevel === level
          ? `${folder}/ and ${other}/ stand on one level and do not know each other`
          : `${folder}/ is on level ${level}, ${other}/ on level ${otherLevel}: imports go down`
    return otherLevel !== -1 && otherLevel < level ? [] : [breach(file, mention, 'level', why)]
  })
}

function checkDoors(file: SourceFacts): readonly Violation[] {
  const folder = folderOf(file.path)
  return file.imports.flatMap((mention) => {
    if (mention.what.startsWith('.')) return []
    const name = packageOf(mention.what)
    const door = DOORS.find(({ packages }) => packages.test(mention.what) || packages.test(name))
    return !door || door.folders.includes(folder)
      ? []
      : [breach(file, mention, 'door', `only ${door.folders.map((one) => `${one}/`).join(', ')} may know ${name}`)]
  })
}

function checkAmbient(file: SourceFacts): readonly Violation[] {
  if (folderOf(file.path) === 'cli') return []
  return file.uses
    .filter(({ what }) => !what.startsWith('fs.'))
    .map((mention) =>
      breach(file, mention, 'ambient', 'clock, chance and environment come in as arguments; only cli/ owns them'),
    )
}

function checkWrites(file: SourceFacts): readonly Violation[] {
  if (WRITERS.includes(file.path)) return []
  return file.uses
    .filter(({ what }) => what.startsWith('fs.'))
    .map((mention) => breach(file, mention, 'write', 'lasting files come from durableWrite or a sink in store/'))
}

function checkForm(file: SourceFacts): readonly Violation[] {
  const found: Violation[] = []
  const say = (rule: Rule, what: string, why: string) => found.push(breach(file, { what, line: 1 }, rule, why))
  const parts = file.path.split('/')
  const name = (parts.at(-1) as string).replace(/(\.as)?\.[tj]s$/, '')
  if (file.isBarrel) say('barrel', 'only re-exports', 'package.json#exports is the public face')
  if (name === 'index') say('name', 'index', 'say what it holds')
  for (const part of [...parts.slice(0, -1), name]) {
    if (/^(utils?|helpers?|common|misc|shared)$/.test(part)) say('name', part, 'name the idea')
    if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(part)) say('name', part, 'kebab-case')
  }
  return found
}

/** One violation a cycle: the shortest way back to its first file. Imports of types count. */
export function findCycles(files: readonly SourceFacts[]): readonly Violation[] {
  const known = new Map(files.map((file) => [file.path, file]))
  const next = (path: string) =>
    (known.get(path)?.imports ?? [])
      .map(({ what }) => resolveImport(path, what))
      .filter((target): target is string => target !== undefined && known.has(target))
  const reported = new Set<string>()
  return files.flatMap((file) => {
    const way = wayBack(file.path, next)
    if (way === undefined || way.some((path) => reported.has(path))) return []
    for (const path of way) reported.add(path)
    const mention = file.imports.find(({ what }) => resolveImport(file.path, what) === (way[1] ?? file.path)) as Mention
    return [breach(file, mention, 'cycle', [...way, file.path].join(' → '))]
  })
}

/** Files from `start` along imports until one imports `start` again; undefined when none does. Breadth first. */
function wayBack(start: string, next: (path: string) => readonly string[]): readonly string[] | undefined {
  const ways: (readonly string[])[] = [[start]]
  const seen = new Set<string>()
  for (let way = ways.shift(); way !== undefined; way = ways.shift()) {
    for (const target of next(way.at(-1) as string)) {
      if (target === start) return way
      if (seen.has(target)) continue
      seen.add(target)
      ways.push([...way, target])
    }
  }
  return undefined
}

function breach({ path }: SourceFacts, { what, line }: Mention, rule: Rule, why: string): Violation {
  return { path, line, rule, what, why }
}

function packageOf(specifier: string): string {
  const [scope = '', name = ''] = specifier.split('/')
  return scope.startsWith('@') ? `${scope}/${name}` : scope
}
