import { expect } from 'chai'
import { fromHex } from '../../base/bytes.ts'
import { addressOf, publicKeyOf } from '../../base/curve.ts'
import { DEV_SECRETS } from '../../chain/devnet.ts'
import { grantEther } from '../../chain/devnet-time.ts'
import { encodeRegister, encodeSetPolicy, openRegistry } from '../../chain/registry.ts'
import { type CheckpointStore, decodeCheckpoint, encodeCheckpoint } from '../../chain/registry-checkpoint.ts'
import { type LocalMarket, startLocalMarket } from './local-market.ts'
import { silent } from './ports.ts'

describe('chain/registry-checkpoint', () => {
  let local: LocalMarket
  const master = fromHex(DEV_SECRETS[1])
  const secrets = [0x31, 0x32, 0x33].map((byte) => new Uint8Array(32).fill(byte))
  before(async () => {
    local = await startLocalMarket()
    for (const secret of secrets) await grantEther(local.chain, addressOf(secret), 10n ** 18n)
  })
  after(() => local?.close())

  const kept: { bytes: Uint8Array | undefined; written: number } & CheckpointStore = {
    bytes: undefined,
    written: 0,
    read: async () => kept.bytes,
    write: async (bytes) => {
      kept.bytes = bytes
      kept.written++
    },
  }
  const registrar = () => local.deployment.contracts.registrar
  const register = (secret: Uint8Array) =>
    local.send(
      secret,
      registrar().address,
      encodeRegister(publicKeyOf(secret, false).slice(1), '/ip4/10.0.0.1/tcp/1', ''),
    )

  /** A start; from which block it asked for events, and what it threw away. */
  async function start(every = 1, store: CheckpointStore | undefined = kept) {
    const asked: number[] = []
    const said: string[] = []
    const chain: typeof local.chain = {
      ...local.chain,
      logs: (filter, from, to) => {
        asked.push(from)
        return local.chain.logs(filter, from, to)
      },
    }
    const hear = (_: string, fields?: object) => said.push(String((fields as { why?: string }).why))
    const registry = await openRegistry(chain, registrar().address, {
      from: registrar().block,
      log: { ...silent, info: hear, warn: hear },
      ...(store === undefined ? {} : { checkpoint: store, checkpointEvery: every }),
    })
    const view = {
      members: new Map([...registry.members()].map((member) => [member.id, member])),
      policy: registry.policy(),
      first: registry.policyAt(registrar().block),
      period: registry.period(),
    }
    registry.close()
    return { view, asked, said }
  }
  const replayed = () => start(1, undefined).then(({ view }) => view)

  it('starts where the last one was, with what that one knew, and reads what came since', async () => {
    await register(secrets[0] as Uint8Array)
    const first = await start()
    expect(first.asked).to.deep.equal([registrar().block])
    expect(kept.written).to.equal(1)
    const at = (await local.chain.head()).number
    await register(secrets[1] as Uint8Array)
    const { policy } = first.view
    await local.send(master, registrar().address, encodeSetPolicy({ ...policy, feeShare: 100 }))
    const second = await start()
    expect(second.asked).to.deep.equal([at + 1])
    expect(second.view).to.deep.equal(await replayed())
    expect(second.view.members.size).to.equal(first.view.members.size + 1)
    expect([second.view.first?.feeShare, second.view.policy.feeShare]).to.deep.equal([0, 100])
    expect((await start()).asked, 'nothing came since').to.deep.equal([])
    expect(second.said).to.deep.equal([])
  })

  it('is written when enough came, and stops nobody when it cannot be', async () => {
    const { written } = kept
    kept.bytes = undefined
    await start(1_000)
    expect(kept.written).to.equal(written)
    const full: CheckpointStore = {
      read: () => Promise.reject(new Error('no such device')),
      write: () => Promise.reject(new Error('disk full')),
    }
    const { view, said } = await start(1, full)
    expect(view).to.deep.equal(await replayed())
    expect(said).to.have.length(2)
  })

  it('damaged, of another pool or another version, is thrown away with a line in the log, and everything replayed', async () => {
    await start()
    const good = kept.bytes as Uint8Array
    const right = await replayed()
    const whose = { chainId: local.chain.chainId, registrar: registrar().address, from: registrar().block }
    const content = decodeCheckpoint(whose, good)
    const flipped = good.slice()
    flipped[flipped.length >> 1] = (flipped[flipped.length >> 1] as number) ^ 1
    const bad: Record<string, Uint8Array> = {
      damaged: flipped,
      'a part': good.subarray(0, good.length - 10),
      empty: new Uint8Array(),
      'another chain': encodeCheckpoint({ ...whose, chainId: 1 }, content),
      'another registrar': encodeCheckpoint({ ...whose, registrar: addressOf(master) }, content),
      'no such block': encodeCheckpoint(whose, { ...content, at: { number: 1_000_000, hash: content.at.hash } }),
      'another block': encodeCheckpoint(whose, {
        ...content,
        at: { number: content.at.number - 1, hash: content.at.hash },
      }),
      'no members': encodeCheckpoint(whose, { ...content, members: [] as never }).subarray(1),
    }
    for (const [what, bytes] of Object.entries(bad)) {
      kept.bytes = bytes
      const { view, asked, said } = await start()
      expect(view, what).to.deep.equal(right)
      expect(asked, what).to.deep.equal([registrar().block])
      expect(said, what).to.have.length(1)
    }
  })

  it('of a block that a reorganisation took back is thrown away: nobody stands in the view who does not on chain', async () => {
    const late = secrets[2] as Uint8Array
    await register(late)
    expect((await start()).view.members.has(addressOf(late))).to.equal(true)
    await local.chain.request('anvil_reorg', [1, []])
    await local.chain.request('evm_mine', [])
    const { view, said } = await start()
    expect(view.members.has(addressOf(late))).to.equal(false)
    expect(view).to.deep.equal(await replayed())
    expect(said).to.have.length(1)
  })
})
