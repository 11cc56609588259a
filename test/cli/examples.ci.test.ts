/** The examples run as they stand. */
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { useSandbox } from '../processes.ts'

const EXAMPLES = fileURLToPath(new URL('../../examples', import.meta.url))

describe('examples', function () {
  this.timeout(300_000)
  const sandbox = useSandbox()
  for (const name of readdirSync(EXAMPLES).filter((each) => each.endsWith('.sh')))
    it(`${name} runs to its end`, async () => {
      const { code, stdout, stderr } = await sandbox()
        .start([`${EXAMPLES}/${name}`], { program: '/bin/sh' })
        .ended(280_000)
      expect(code, `${stdout}\n${stderr}`).to.equal(0)
      expect(sandbox().pids()).to.deep.equal([])
    })
})
