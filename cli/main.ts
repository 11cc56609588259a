/** The program. No library but the parser is loaded for --help; each command is loaded when it is called. */
import { runProgram } from './run-program.ts'

process.exitCode = await runProgram(process.argv.slice(2))
// Sockets kept alive for reuse would hold the process for seconds after its work is done.
process.exit()
