import { execFile } from 'node:child_process'
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'

const CONFIG = fileURLToPath(new URL('../../.solhint.json', import.meta.url))
const SOLHINT = createRequire(import.meta.url).resolve('solhint/solhint.js')

/** Breaks every rule that is an error in .solhint.json, most of them once. */
const BAD = `// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.10;
import "./All.sol";
import {console} from "hardhat/console.sol";
import {Unused} from "./Unused.sol";
contract bad {
    uint constant lower = 1;
    event happened(address account);
    mapping(address account => uint256) public balances;
    function Drain(address payable to) external {
        require(tx.origin == msg.sender, 'no');
        to.call("");
        to.send(1);
        to.transfer(balances[to]);
        balances[to] = 0;
        uint256 Shout = 3;
        console.log("x");
    }
    function anyone() { suicide(msg.sender); }
    function old() external returns (bytes32) { return sha3("x"); }
}
contract Second {}
`

/** @returns what solhint says about the source; rejects when it did not run */
async function lint(source: string): Promise<readonly { ruleId?: string }[]> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-lint-'))
  try {
    await copyFile(CONFIG, join(folder, '.solhint.json'))
    await writeFile(join(folder, 'Source.sol'), source)
    const told = await new Promise<string>((resolve) => {
      const args = [SOLHINT, '--disc', '--formatter', 'json', 'Source.sol']
      execFile(process.execPath, args, { cwd: folder, timeout: 30_000 }, (_failed, stdout) => resolve(stdout))
    })
    return JSON.parse(told.slice(told.indexOf('['), told.lastIndexOf(']') + 1))
  } finally {
    await rm(folder, { recursive: true })
  }
}

describe('contracts: the linter', () => {
  it('really fires for every rule that is an error', async () => {
    const { rules } = JSON.parse(await readFile(CONFIG, 'utf8')) as { rules: Record<string, string | [string]> }
    const errors = Object.entries(rules).flatMap(([rule, level]) => ([level].flat()[0] === 'error' ? [rule] : []))
    const fired = new Set((await lint(BAD)).map(({ ruleId }) => ruleId))
    expect(errors.filter((rule) => !fired.has(rule))).to.deep.equal([])
    expect(errors).to.have.length.above(15)
  })
})
