/** I6: every failure carries a registered code, a why and a fix. A killed command says nothing, which is no failure of words. */
import { expect } from 'chai'
import { ERRORS } from '../../../base/errors.ts'
import { describeRun, type Run } from '../../processes.ts'

export function errorsAreClear(runs: readonly Run[]): string {
  const failed = runs.filter(({ code }) => code !== undefined && code !== 0)
  for (const run of failed) {
    const line = run.lines.at(-1)
    if (line?.type === 'summary') {
      expect(run.code, `I6: a summary ends partial or done\n${describeRun(run)}`).to.equal(3)
      continue
    }
    expect(line?.type, `I6: the last line is an error\n${describeRun(run)}`).to.equal('error')
    expect(String(line?.['code']) in ERRORS, `I6: a registered code\n${describeRun(run)}`).to.equal(true)
    expect(line?.['code'], `I6: a bug is no clear failure\n${describeRun(run)}`).to.not.equal('INTERNAL')
    for (const field of ['what', 'why', 'fix'])
      expect(line?.[field], `I6: ${field}\n${describeRun(run)}`).to.be.a('string').that.is.not.empty
  }
  return `${failed.length} of ${runs.length} commands failed, each with a reason and a remedy`
}
