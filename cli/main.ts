/** The program. No library but the parser is loaded for --help; each command is loaded when it is called. */
import { finish } from './finish.ts'
import { runProgram } from './run-program.ts'

await finish(await runProgram(process.argv.slice(2)))
