import { readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import hardhatIgnition from '@nomicfoundation/hardhat-ignition'
import { defineConfig } from 'hardhat/config'

const require = createRequire(import.meta.url)

/**
 * How hard the Solidity fuzzers try. `quick` is `npm test`, `ci` gives the eight invariants of the market
 * together 8 x 44 x 500 = 176,000 calls, the six parts of the registrar's 132,000 and the two of the stake pool 44,000,
 * `slow` is the scheduled long run. Chosen by the variable HOLDFAST_FUZZ.
 */
const EFFORTS = {
  quick: { fuzzRuns: 256, invariantRuns: 64, invariantDepth: 64 },
  ci: { fuzzRuns: 5_000, invariantRuns: 44, invariantDepth: 500 },
  slow: { fuzzRuns: 100_000, invariantRuns: 40_000, invariantDepth: 500 },
}

function chooseEffort(name: string): (typeof EFFORTS)[keyof typeof EFFORTS] {
  if (!Object.hasOwn(EFFORTS, name)) {
    throw new Error(`HOLDFAST_FUZZ: expected one of ${Object.keys(EFFORTS).join(', ')}, got ${name}`)
  }
  return EFFORTS[name as keyof typeof EFFORTS]
}

const effort = chooseEffort(process.env.HOLDFAST_FUZZ ?? 'quick')

const solc = {
  version: '0.8.37',
  path: require.resolve('solc/soljson.js'), // from npm: nothing is downloaded
  settings: {
    optimizer: { enabled: true, runs: 1_000_000 },
    viaIR: true,
    evmVersion: 'cancun',
    // No hash of the source text in the code: a program recognises a contract by its code, and a changed comment must not
    // make it refuse the one that is deployed.
    metadata: { bytecodeHash: 'none' as const },
  },
}

/**
 * Tests are compiled without the slow optimizer (in half the time). What they test is created from the artifacts of the
 * contracts, which are always compiled as above.
 */
const testSolc = { ...solc, settings: { ...solc.settings, viaIR: false, optimizer: { enabled: false } } }
const testFiles = readdirSync(new URL('test/contracts', import.meta.url), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.sol'))
  .map((name) => [`test/contracts/${name}`, testSolc] as const)

const compilers = { compilers: [solc], overrides: Object.fromEntries(testFiles) }

export default defineConfig({
  plugins: [hardhatIgnition],
  paths: { tests: { solidity: 'test/contracts' } },
  solidity: { profiles: { default: compilers, production: compilers } },
  test: {
    solidity: {
      fsPermissions: { readDirectory: ['test/vectors'] },
      fuzz: { runs: effort.fuzzRuns },
      invariant: { runs: effort.invariantRuns, depth: effort.invariantDepth, failOnRevert: true },
    },
  },
  networks: {
    devnet: { type: 'http', url: 'http://127.0.0.1:8545' },
    // For measurements: rules and clock are fixed, so that the same code costs the same gas on every day.
    gas: {
      type: 'edr-simulated',
      chainType: 'l1',
      chainId: 31_337,
      hardfork: 'prague',
      initialDate: '2027-01-15T08:00:00Z',
    },
  },
})
