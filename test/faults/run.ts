/** `npm run faults -- --seed N --only F43 [--tier quick|ci|slow]`: the tests of one row, or of all, with the choices of an earlier run. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { parseTier } from '../effort.ts'
import { ROWS } from './rows.ts'

const { values } = parseArgs({
  options: { seed: { type: 'string' }, only: { type: 'string' }, tier: { type: 'string', default: 'ci' } },
})
const rows = ROWS.filter(({ id }) => values.only === undefined || id === values.only)
if (rows.length === 0) {
  console.error(`there is no row ${values.only}; known are ${ROWS.map(({ id }) => id).join(', ')}`)
  process.exit(2)
}
const tests = rows.flatMap((row) => row.tests).filter(({ file }) => file.endsWith('.ts'))
const files = [...new Set(tests.map(({ file }) => file))]
const escaped = tests.map(({ title }) => title.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
// the last test of a whole-market file asks for the invariants
const pattern = [...new Set([...escaped, 'keeps I1 to I11'])].join('|')
const mocha = fileURLToPath(new URL('../../node_modules/mocha/bin/mocha.js', import.meta.url))
const child = spawn(process.execPath, [mocha, '--grep', pattern, ...files], {
  cwd: fileURLToPath(new URL('../..', import.meta.url)),
  stdio: 'inherit',
  env: {
    ...process.env,
    HOLDFAST_TIER: parseTier(values.tier),
    ...(values.seed === undefined ? {} : { HOLDFAST_SEED: values.seed }),
  },
})
child.once('exit', (code) => {
  process.exitCode = code ?? 1
})
