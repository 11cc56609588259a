/** A steward's storing side in a process of its own (test/steward/steward.child.ts, built), and an uploader in ours that sends it blobs. */
import { pathToFileURL } from 'node:url'
import { expect } from 'chai'
import { toHex } from '../../base/bytes.ts'
import { type Address, addressOf } from '../../base/curve.ts'
import { HoldfastError } from '../../base/errors.ts'
import { placementDigest } from '../../base/typed-data.ts'
import { DAY } from '../../base/units.ts'
import { blobIdOf } from '../../blob/whiten.ts'
import type { NetNode } from '../../net/node.ts'
import { REFERENCE_AT_START } from '../../pricing/reference.ts'
import { aNode, rng } from '../net/nodes.ts'
import { auction, sendBlob } from '../steward/client.ts'
import { aBlob, DOMAIN, NOW, Uploader } from '../steward/rig.ts'
import { type Child, type ChildOptions, startChild } from '../store/child.ts'
import type { AckLog } from './ack-log.ts'
import { builtChild } from './built.ts'

/** Until a child says its address, on a machine with other things to do. Milliseconds. */
const START_MS = 30_000

/** A blob that was offered, and what came of it. */
export interface Sent {
  readonly offer: Parameters<typeof sendBlob>[2]
  readonly blob: Uint8Array
  /** Of its placement. */
  readonly name: string
  /** Hex, once the steward has signed. */
  signature?: string
}

/** One steward: the process may die and come back, the identity and the agreements stay. */
export class StewardProcess {
  readonly secret = rng.bytes(32)
  readonly id: Address = addressOf(this.secret)
  readonly uploader = new Uploader()
  readonly signed: Sent[] = []
  /** Starts so far. */
  starts = 0
  child: Child | undefined
  private readonly acks: AckLog
  private advert: ReturnType<Uploader['advert']>
  private readonly lot: number
  private net: NetNode | undefined
  private address = ''
  private hasWon = false

  /** @param lot what it may bid for: bytes in all of its blobs */
  constructor(acks: AckLog, lot = 2 ** 32) {
    this.acks = acks
    this.lot = lot
    this.advert = this.anAdvert()
  }

  private anAdvert() {
    return this.uploader.advert({ lots: [{ count: 10, bytes: this.lot, blobs: 1_000_000 }] })
  }

  /** Bids are good for a while only: another auction. */
  async win(): Promise<void> {
    if (!this.net) throw new HoldfastError('NET_CLOSED', { what: this.id })
    if (this.hasWon) this.advert = this.anAdvert()
    await auction(this.net, this.target, this.uploader, this.advert, 0)
    this.hasWon = true
  }

  /** Starts it over `directory`, with a fresh client. */
  async start(directory: string, options: ChildOptions = {}): Promise<void> {
    const file = await builtChild('test/steward/steward.child.ts')
    const port = /tcp\/(\d+)/.exec(this.address)?.[1] ?? '0'
    this.child = startChild(pathToFileURL(file).href, [directory, toHex(this.secret), port], options)
    this.address = await this.child.line((line) => line.startsWith('/'), START_MS)
    this.starts++
    await this.net?.stop()
    this.net = await aNode({ listen: [] })
    if (!this.hasWon) await this.win()
  }

  async kill(): Promise<void> {
    await this.child?.kill('SIGKILL')
    await this.net?.stop()
    this.net = undefined
  }

  get target() {
    return { id: this.id, addresses: [this.address] }
  }

  /** @param later seconds after NOW, by the steward's chain */
  anOffer(length: number, later = 0): Sent {
    const blob = aBlob(length)
    const start = NOW + later
    const terms = { price: 2n * REFERENCE_AT_START, start, end: start + 90 * DAY, offerUntil: start + DAY }
    const placement = this.uploader.placement(this.id, blob, this.advert, terms)
    const offer = { placement, signature: this.uploader.sign(placement) }
    return { offer, blob, name: toHex(placementDigest(DOMAIN, placement)) }
  }

  /** Offers and sends; what was signed is an acknowledgement. @returns from which byte on the steward wanted it */
  async send(sent: Sent): Promise<number> {
    if (!this.net) throw new HoldfastError('NET_CLOSED', { what: this.id })
    const { signature, offset } = await sendBlob(this.net, this.target, sent.offer, sent.blob)
    if (sent.signature === undefined) {
      sent.signature = toHex(signature)
      this.signed.push(sent)
      this.acks.say({ kind: 'blob', id: toHex(blobIdOf(sent.blob)), result: 'ok', by: this.id })
    }
    expect(toHex(signature), 'the same offer, the same signature').to.equal(sent.signature)
    return offset
  }
}
