import { expect } from 'chai'
import { toHex } from '../../base/bytes.ts'
import { recoverSigner } from '../../base/curve.ts'
import type { Ledger } from '../../controller/ledger.ts'
import { Lending } from '../../controller/lending.ts'
import { only } from '../../net/messages/fields.ts'
import {
  type DepositEntry,
  decodeRight,
  depositDigest,
  encodeRight,
  MAX_RIGHT_BYTES,
  RIGHT_PROTOCOL,
} from '../../net/messages/right.ts'
import { ROLE } from '../../pool/registry-view.ts'
import { memoryJournal } from '../chain/memory-journal.ts'
import { clock, eventually, stopNodes } from '../net/nodes.ts'
import { anUploader, hold } from '../pool/inventory-builder.ts'
import { aMember, FakeRegistry, type PoolNode } from '../pool/pool-nodes.ts'

const REF = 'ab'.repeat(32)

describe('controller/lending', () => {
  let registry: FakeRegistry
  let verifiers: PoolNode[]
  let client: PoolNode
  let taken: Map<string, DepositEntry[]>
  let isDown: boolean

  beforeEach(async () => {
    registry = new FakeRegistry()
    taken = new Map()
    isDown = false
    verifiers = []
    for (let i = 0; i < 3; i++) {
      const member = await aMember(registry, { roles: ROLE.repository })
      verifiers.push(member)
      await member.node.handle(
        RIGHT_PROTOCOL,
        async (wire) => {
          const { entries, signature, verifier } = only(decodeRight(await wire.receive(MAX_RIGHT_BYTES)), 'deposit')
          if (isDown) throw new Error('down')
          expect(verifier).to.equal(member.id)
          expect(recoverSigner(depositDigest(verifier, entries), signature)).to.equal(owner.account)
          taken.set(member.id, [...(taken.get(member.id) ?? []), ...entries])
          await wire.send(encodeRight({ kind: 'taken', count: entries.length }))
        },
        { maxStreams: 4 },
      )
    }
    client = await aMember(registry, { anonymous: true })
  })
  afterEach(stopNodes)

  const owner = anUploader()

  /** A put with one paid placement at each steward, and one that came by right. */
  function aLending(journal = memoryJournal()) {
    const held = verifiers.map(({ secret }) => hold(secret, owner))
    const free = hold(verifiers[0]?.secret as Uint8Array, owner, undefined, { price: 0n })
    const receipts = new Map([...held, free].map((one) => [toHex(one.digest), one]))
    const placements = [...receipts].map(([id, { placement }]) => ({
      id,
      steward: placement.steward,
      price: placement.price,
      state: 'held',
    }))
    const ledger = {
      puts: new Map([[REF, { ref: REF, stage: 'finished' }]]),
      placementsOf: () => placements,
      receipt: async (id: string) => receipts.get(id),
    } as unknown as Ledger
    const lending = new Lending({
      ledger,
      journal,
      registry,
      net: client.node,
      chainSecret: owner.secret,
      tokenOf: () => owner.token,
      clock,
      log: client.log,
    })
    return { lending, journal, held }
  }

  it('hands each verifier the tokens of what others hold, never of its own, and not of what came by right', async () => {
    const { lending, journal, held } = aLending()
    lending.start()
    await eventually(() => journal.content.has(`lent/${REF}`))
    await lending.stop()
    for (const { id } of verifiers) {
      const entries = taken.get(id) ?? []
      expect(entries.map(({ placement }) => placement.steward).sort()).to.deep.equal(
        held
          .map(({ placement }) => placement.steward)
          .filter((steward) => steward !== id)
          .sort(),
      )
      for (const { token, placement } of entries) {
        expect(toHex(token ?? new Uint8Array())).to.equal(toHex(owner.token))
        expect(placement.price > 0n).to.equal(true)
      }
    }
  })

  it('does it once, and again after a restart only what was not finished', async () => {
    const first = aLending()
    isDown = true
    first.lending.start()
    await eventually(() => client.log.lines.filter(({ event }) => event === 'lending.later').length === 3)
    await first.lending.stop()
    expect(first.journal.content.size).to.equal(0)
    isDown = false
    const second = aLending(first.journal)
    second.lending.start()
    await eventually(() => first.journal.content.size === 1)
    await second.lending.stop()
    const sent = [...taken.values()].flat().length
    expect(sent).to.equal(6)
    const third = aLending(first.journal)
    third.lending.start()
    await third.lending.stop()
    expect([...taken.values()].flat().length).to.equal(sent)
  })
})
