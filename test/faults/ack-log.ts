/**
 * The ledger of acknowledgements: what processes said they had done, kept by the harness, so that a process that is killed cannot un-say it.
 * After each fault test the invariants (invariants/) replay it against disks and chain.
 */

/** A timed-out or killed operation is unknown, never failed: either effect is right, two are not. */
export type Result = 'ok' | 'fail' | 'unknown'

export interface Ack {
  /** What was asked for: `blob`, `object`, `act`. */
  readonly kind: string
  readonly id: string
  readonly result: Result
  /** Whoever said it: the steward of a blob, the command of an object. */
  readonly by: string
  /** Of an object: of its content, hex. */
  readonly sha256?: string
}

export class AckLog {
  private readonly acks: Ack[] = []

  say(ack: Ack): void {
    this.acks.push(ack)
  }

  all(kind: string, result?: Result): readonly Ack[] {
    return this.acks.filter((ack) => ack.kind === kind && (result === undefined || ack.result === result))
  }

  /** Acknowledged, each once. */
  acknowledged(kind: string): readonly Ack[] {
    const found = new Map<string, Ack>()
    for (const ack of this.all(kind, 'ok')) found.set(`${ack.by}/${ack.id}`, ack)
    return [...found.values()]
  }

  /** "24 blobs, 3 objects acknowledged, 2 unknown", for the report. */
  summary(): string {
    const kinds = [...new Set(this.acks.map(({ kind }) => kind))]
    return kinds
      .map((kind) => {
        const count = (result: Result) => this.all(kind, result).length
        return `${kind}: ${count('ok')} acknowledged, ${count('fail')} failed, ${count('unknown')} unknown`
      })
      .join('; ')
  }
}
