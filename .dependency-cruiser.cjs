/**
 * The same rules as test/architecture.test.ts, as a linter: levels, cycles (type imports too) and doors.
 * The table is README's; a folder may import itself and any level below its own.
 */
const LEVELS = [
  ['base'],
  ['blob', 'pricing'],
  ['chain', 'net', 'store'],
  ['pool'],
  ['uploader', 'steward', 'community'],
  ['controller', 'grid'],
  ['web'],
  ['cli'],
]

/** Heavy packages and the only folders that may know them. */
const DOORS = [
  { name: 'ethers', packages: '^node_modules/(ethers|@foundry-rs)/', folders: 'chain' },
  {
    name: 'libp2p',
    packages: '^node_modules/(libp2p|@libp2p/[^/]+|@chainsafe/libp2p-[^/]+|@multiformats/[^/]+|fastify)/',
    folders: 'net',
  },
  { name: 'level', packages: '^node_modules/(level|classic-level|abstract-level)/', folders: 'store' },
  { name: 'terminal', packages: '^node_modules/(commander|pino)/', folders: 'cli' },
  { name: 'curves', packages: '^node_modules/@(noble|scure)/', folders: 'base|blob' },
  { name: 'cbor', packages: '^node_modules/cborg/', folders: 'base' },
]

const layers = LEVELS.flatMap((folders, level) =>
  folders.map((folder) => ({
    name: `level-${level}-${folder}`,
    comment: 'imports go down: a folder knows itself and the levels below its own',
    severity: 'error',
    from: { path: `^${folder}/` },
    to: {
      path: `^(${LEVELS.flat().join('|')}|test|bench|scripts)/`,
      pathNot: `^(${[folder, ...LEVELS.slice(0, level).flat()].join('|')})/`,
    },
  })),
)

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', comment: 'type imports count', from: {}, to: { circular: true } },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'no-orphan-packages',
      severity: 'error',
      comment: 'must stand in package.json',
      from: {},
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'product-uses-no-development-packages',
      severity: 'error',
      from: {},
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'], pathNot: '^node_modules/@types/' },
    },
    ...layers,
    ...DOORS.map(({ name, packages, folders }) => ({
      name: `door-${name}`,
      comment: `only ${folders}/ knows this package`,
      severity: 'error',
      from: { pathNot: `^(${folders})/` },
      to: { path: packages },
    })),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '\\.as\\.ts$' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
}
