import { expect } from 'chai'
import { fromHex } from '../../base/bytes.ts'
import type { Address } from '../../base/curve.ts'
import { decodeReward, encodeSolve, expectedHashes, findNonce, readWork, workHash } from '../../chain/mine.ts'
import { HOLD, type LocalMarket, startLocalMarket } from './local-market.ts'

const MINER = `0x${'3a'.repeat(20)}` as Address
const CHALLENGE = new Uint8Array(32).fill(7)

describe('chain/mine', () => {
  describe('a search', () => {
    it('finds a number whose hash is below the target, and the first of them', () => {
      const target = 1n << 250n
      const found = findNonce({ challenge: CHALLENGE, target }, MINER, { from: 0n, tries: 10_000 }) as bigint
      expect(workHash(CHALLENGE, MINER, found) < target).to.equal(true)
      for (let nonce = 0n; nonce < found; nonce++) expect(workHash(CHALLENGE, MINER, nonce) < target).to.equal(false)
    })

    it('goes on where it was left', () => {
      const target = 1n << 250n
      const first = findNonce({ challenge: CHALLENGE, target }, MINER, { from: 0n, tries: 10_000 }) as bigint
      expect(findNonce({ challenge: CHALLENGE, target }, MINER, { from: 0n, tries: Number(first) })).to.equal(undefined)
      expect(findNonce({ challenge: CHALLENGE, target }, MINER, { from: first, tries: 1 })).to.equal(first)
    })

    it('is different work for another miner', () => {
      expect(workHash(CHALLENGE, MINER, 1n)).not.to.equal(workHash(CHALLENGE, `0x${'3b'.repeat(20)}`, 1n))
    })

    it('says how many tries it takes', () => {
      expect(expectedHashes((1n << 224n) - 1n)).to.equal(1n << 32n)
      expect(expectedHashes((1n << 256n) - 1n)).to.equal(1n)
      expect(expectedHashes(0n)).to.equal(1n << 256n)
    })
  })

  describe('on a chain', () => {
    let local: LocalMarket
    let mine: Address
    before(async () => {
      local = await startLocalMarket()
      mine = local.deployment.contracts.mine.address
    })
    after(() => local?.close())

    it('gives what the contract asks, and the contract pays for the answer', async () => {
      const { chain, secret, market } = local
      const work = await readWork(chain, mine)
      expect(work.mined < 4n * 1024n * HOLD && work.mined > 4n * 1023n * HOLD).to.equal(true)
      const nonce = findNonce(work, MINER, { from: 0n, tries: 10 }) as bigint
      await local.send(secret, mine, encodeSolve(MINER, nonce))
      expect(await market.tokenBalance(MINER)).to.equal(work.reward)
      const next = await readWork(chain, mine)
      expect(next.challenge).not.to.deep.equal(work.challenge)
      expect(next.mined).to.equal(work.mined + work.reward)
      expect(next.reward).to.equal((268_435_456n * HOLD - next.mined) >> 18n)

      const newest = (await chain.logs({ address: mine, topics: [] }, 0, await chain.head())).at(-1)
      expect(newest && decodeReward(newest)).to.deep.equal({ miner: MINER, amount: work.reward })
    })

    it('takes no log of another contract for a reward', () => {
      const topics = [`0x${'00'.repeat(32)}`] as const
      expect(decodeReward({ topics: [...topics], data: '0x' })).to.equal(undefined)
      expect(() => workHash(fromHex('00'), MINER, 0n)).to.throw('challenge')
    })
  })
})
