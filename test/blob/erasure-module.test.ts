import { readFile } from 'node:fs/promises'
import { expect } from 'chai'
import { selectKernelKind } from '../../blob/erasure-kernel.ts'
import { generateKernelModule } from '../../scripts/build-kernel.ts'

describe('blob/erasure-module', () => {
  it('is what the compiler makes of the kernel\u2019s source, byte for byte', async function () {
    this.timeout(60_000) // two runs of the compiler
    const committed = await readFile(new URL('../../blob/erasure-module.ts', import.meta.url), 'utf8')
    expect(await generateKernelModule()).to.equal(committed)
  })
  it('runs with relaxed SIMD on this runtime', () => {
    expect(selectKernelKind()).to.equal('relaxed')
  })
})
