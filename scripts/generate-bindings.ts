/**
 * Writes chain/bindings/{hold-token,market,mine,registrar,stake-pool}.ts from the compiled contracts, so that nobody needs a compiler to deploy
 * or to call them. Run with `npm run gen`; test/contracts/bindings.test.ts compares the committed files with a fresh run.
 */
import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { codeHash, type ImmutableRange } from '../chain/bindings/code-hash.ts'

/** One generated file: its path from the repository's root, and its text. */
export interface GeneratedFile {
  readonly path: string
  readonly text: string
}

const CONTRACTS = [
  { name: 'HoldToken', path: 'chain/bindings/hold-token.ts' },
  { name: 'Market', path: 'chain/bindings/market.ts' },
  { name: 'Mine', path: 'chain/bindings/mine.ts' },
  { name: 'Registrar', path: 'chain/bindings/registrar.ts' },
  { name: 'StakePool', path: 'chain/bindings/stake-pool.ts' },
] as const

/** What the compiler says about one contract, as far as it is used here. */
interface Artifact {
  readonly abi: readonly unknown[]
  readonly bytecode: string
  readonly deployedBytecode: string
  readonly immutableReferences?: Readonly<Record<string, readonly ImmutableRange[] | undefined>>
}

/** Text of a bindings file. Pure: the same artifact gives the same bytes. */
export function formatBindings(name: string, artifact: Artifact): string {
  const ranges = Object.values(artifact.immutableReferences ?? {})
    .flatMap((found) => found ?? [])
    .map(({ start, length }) => ({ start, length }))
    .sort((a, b) => a.start - b.start)
  const fragments = artifact.abi.map((fragment) => `  ${JSON.stringify(fragment)},`).join('\n')
  return `// Generated from contracts/${name}.sol by scripts/generate-bindings.ts. Change the contract, then run \`npm run gen\`.

/** ABI of ${name}. */
export const ABI = [
${fragments}
] as const

/** Code that creates ${name}; the encoded constructor arguments follow it. */
export const BYTECODE = '${artifact.bytecode}'

/** Where values known only at creation stand in the deployed code. Bytes. */
export const IMMUTABLE_RANGES = ${JSON.stringify(ranges)} as const

/** keccak256 of the deployed code with those ranges zeroed: what \`codeHash(deployed, IMMUTABLE_RANGES)\` must give. */
export const CODE_HASH = '${codeHash(artifact.deployedBytecode, ranges)}'
`
}

/** Compile what changed and make all bindings. @returns the files, unwritten */
export async function generateBindings(): Promise<readonly GeneratedFile[]> {
  const { default: hre } = await import('hardhat')
  await hre.tasks.getTask('build').run({ quiet: true, noTests: true })
  return await Promise.all(
    CONTRACTS.map(async ({ name, path }) => ({
      path,
      text: formatBindings(name, (await hre.artifacts.readArtifact(name)) as Artifact),
    })),
  )
}

if (import.meta.main) {
  for (const { path, text } of await generateBindings()) {
    await writeFile(fileURLToPath(new URL(`../${path}`, import.meta.url)), text)
    console.log(path)
  }
}
