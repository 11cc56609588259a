/** A failure as people and scripts see it (interface.md §6): what, where, why, how to go on; causes with -v only. */
import { asHoldfastError, type HoldfastError } from '../base/errors.ts'
import { asStoreError, errnoOf } from '../store/disk-errors.ts'
import { type Output, paint } from './output.ts'

/** Prints the failure and gives the exit code. */
export function reportError(out: Output, cause: unknown): number {
  const error = asFileError(cause)
  out.record({
    type: 'error',
    code: error.code,
    exit: error.exit,
    retry: error.retry,
    what: error.message,
    why: error.why,
    fix: error.fix,
    data: plainData(error),
  })
  if (!out.style.json) for (const line of errorLines(error, out)) out.stderr.write(`${line}\n`)
  if (out.style.verbosity > 0) for (const line of causeLines(error)) out.detail(line)
  return error.exit
}

/** A failed file call that nobody put into words is no bug of ours: it says which file, and what the system said. */
function asFileError(cause: unknown): HoldfastError {
  const error = asHoldfastError(cause)
  const origin = error.code === 'INTERNAL' ? error.cause : undefined
  const { path } = (origin ?? {}) as { readonly path?: unknown }
  return typeof path === 'string' && errnoOf(origin) !== undefined ? asStoreError(path, origin) : error
}

/** The lines of interface.md §6; `where` only when the error's data name a place. */
export function errorLines(
  error: HoldfastError,
  { style, stderr }: Pick<Output, 'style' | 'stderr'>,
): readonly string[] {
  const plain = `error[${error.code}]: ${error.message}`
  const exit = `exit ${error.exit}`
  const width = Math.min(100, stderr.columns ?? 100)
  const gap = ' '.repeat(Math.max(2, width - plain.length - exit.length))
  const { where } = error.data
  return [
    `${paint(style, 'red', `error[${error.code}]`)}: ${error.message}${gap}${paint(style, 'dim', exit)}`,
    ...(where === undefined ? [] : [`  where  ${where}`]),
    `  why    ${error.why}`,
    `  fix    ${error.fix}${style.verbosity > 0 || error.cause === undefined ? '' : paint(style, 'dim', '      -v prints the cause')}`,
  ]
}

/** The chain of causes, outermost first; the stack of what nobody foresaw. */
function causeLines(error: HoldfastError): readonly string[] {
  const lines: string[] = []
  if (error.code === 'INTERNAL' && error.cause instanceof Error && error.cause.stack !== undefined)
    lines.push(...error.cause.stack.split('\n'))
  let cause: unknown = error.cause
  for (let depth = 0; cause !== undefined && depth < 8; depth++) {
    lines.push(`  cause  ${cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause)}`)
    cause = cause instanceof Error ? cause.cause : undefined
  }
  return lines
}

function plainData(error: HoldfastError): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(error.data).filter(([, value]) => value !== undefined))
}
