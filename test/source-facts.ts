/** What a source file says about itself, read from its syntax tree: whom it imports, what it calls, whether it only re-exports. */
import ts from 'typescript'

/** A place in a file. */
export interface Mention {
  /** The specifier of an import, or what is used: `Date.now`, `fs.rename`. */
  readonly what: string
  readonly line: number
}

export interface SourceFacts {
  /** From the repository's root. */
  readonly path: string
  readonly text: string
  /** Every import, also of types only, re-exports, `import()` and `require()`. */
  readonly imports: readonly Mention[]
  /** Files run in threads of their own: named by `new URL(…, import.meta.url)`. They are programs, and may know who starts them. */
  readonly workers: readonly Mention[]
  /** Clock, chance, environment, and calls that make or change files. */
  readonly uses: readonly Mention[]
  /** True when it does nothing but re-export. */
  readonly isBarrel: boolean
}

const WATCHED = new Set([
  'Date.now',
  'Math.random',
  'process.env',
  'process.argv',
  'process.hrtime',
  'performance.now',
  'crypto.getRandomValues',
  'crypto.randomUUID',
])
/** Exports of node:crypto that draw. */
const DRAWS = new Set([
  'randomBytes',
  'randomFill',
  'randomFillSync',
  'randomInt',
  'randomUUID',
  'getRandomValues',
  'webcrypto',
])
/** Exports of node:fs and node:fs/promises that make, change or rename a file. `open` counts when it opens for writing. */
const WRITES = new Set(
  [
    'appendFile',
    'copyFile',
    'cp',
    'createWriteStream',
    'link',
    'rename',
    'symlink',
    'truncate',
    'write',
    'writeFile',
    'writev',
    'ftruncate',
  ].flatMap((name) => [name, `${name}Sync`]),
)

/** Parse one TypeScript or JavaScript file. Pure. */
export function readFacts(path: string, text: string): SourceFacts {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
  const imports: Mention[] = []
  const workers: Mention[] = []
  const uses: Mention[] = []
  const files = new Map<string, string>() // local name → name in node:fs
  const spaces = new Set<string>() // local names of whole modules of node:fs
  const lineOf = (node: ts.Node) => source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1
  const mention = (list: Mention[], what: string, node: ts.Node) => list.push({ what, line: lineOf(node) })

  const onImport = (node: ts.ImportDeclaration, specifier: string) => {
    const bindings = node.importClause?.namedBindings
    const isFs = /^(node:)?fs(\/promises)?$/.test(specifier)
    if (isFs && node.importClause?.name) spaces.add(node.importClause.name.text)
    if (bindings && ts.isNamespaceImport(bindings) && isFs) spaces.add(bindings.name.text)
    if (!bindings || !ts.isNamedImports(bindings)) return
    for (const { name, propertyName, isTypeOnly } of bindings.elements) {
      const original = (propertyName ?? name).text
      if (isFs && original === 'promises') spaces.add(name.text)
      else if (isFs && !isTypeOnly) files.set(name.text, original)
      if (/^(node:)?crypto$/.test(specifier) && DRAWS.has(original)) mention(uses, `crypto.${original}`, node)
      if (/^(node:)?process$/.test(specifier)) mention(uses, `process.${original}`, node)
    }
  }
  const onCall = (node: ts.CallExpression) => {
    const [first, second] = node.arguments
    if (node.expression.kind === ts.SyntaxKind.ImportKeyword && first && ts.isStringLiteralLike(first))
      mention(imports, first.text, node)
    if (
      ts.isIdentifier(node.expression) &&
      node.expression.text === 'require' &&
      first &&
      ts.isStringLiteralLike(first)
    )
      mention(imports, first.text, node)
    const called = ts.isIdentifier(node.expression)
      ? files.get(node.expression.text)
      : ts.isPropertyAccessExpression(node.expression) && spaces.has(node.expression.expression.getText(source))
        ? node.expression.name.text
        : undefined
    if (called === undefined) return
    const reads = second === undefined || (ts.isStringLiteralLike(second) && second.text === 'r')
    if (WRITES.has(called) || (/^open(Sync)?$/.test(called) && !reads)) mention(uses, `fs.${called}`, node)
  }
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
      mention(imports, node.moduleSpecifier.text, node)
      onImport(node, node.moduleSpecifier.text)
    } else if (ts.isExportDeclaration(node) && node.moduleSpecifier && ts.isStringLiteral(node.moduleSpecifier)) {
      mention(imports, node.moduleSpecifier.text, node)
    } else if (
      ts.isImportTypeNode(node) &&
      ts.isLiteralTypeNode(node.argument) &&
      ts.isStringLiteral(node.argument.literal)
    ) {
      mention(imports, node.argument.literal.text, node)
    } else if (ts.isCallExpression(node)) {
      onCall(node)
    } else if (ts.isNewExpression(node) && ts.isIdentifier(node.expression)) {
      const first = node.arguments?.[0]
      if (node.expression.text === 'Date' && !first) mention(uses, 'new Date()', node)
      if (
        node.expression.text === 'URL' &&
        first &&
        ts.isStringLiteralLike(first) &&
        /^\.{1,2}\/.*\.[tj]s$/.test(first.text)
      )
        mention(workers, first.text, node)
    } else if (ts.isPropertyAccessExpression(node)) {
      const name = node.getText(source).replace(/^globalThis\./, '')
      if (WATCHED.has(name)) mention(uses, name, node)
    } else if (ts.isElementAccessExpression(node) && ts.isStringLiteralLike(node.argumentExpression)) {
      const name = `${node.expression.getText(source)}.${node.argumentExpression.text}`.replace(/^globalThis\./, '')
      if (WATCHED.has(name)) mention(uses, name, node)
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  const { statements } = source
  const isBarrel =
    statements.length > 0 && statements.every((one) => ts.isExportDeclaration(one) && one.moduleSpecifier)
  return { path, text, imports, workers, uses, isBarrel }
}
