/** Skips that say why: the reason is printed at the end of the run, beside the count (test/reporter.ts). */
import type { Context } from 'mocha'

const reasons = new WeakMap<object, string>()

/** Skip the running test, naming what it needs: "python3-zfec is not installed". Does not return. */
export function skipBecause(context: Context, reason: string): never {
  const test = context.test ?? context.currentTest
  if (test) reasons.set(test, reason)
  context.skip()
}

/** The reason given, if any. */
export function skipReason(test: object): string | undefined {
  return reasons.get(test)
}
