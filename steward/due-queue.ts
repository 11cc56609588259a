/** Which of many things is due next: a binary heap that forgets outdated entries when they come up. */

interface Entry {
  readonly due: number
  readonly id: string
}

/** Times by id. Setting an id again replaces its time. */
export class DueQueue {
  private readonly times = new Map<string, number>()
  private heap: Entry[] = []

  /** @param due undefined: nothing is due for it any more */
  set(id: string, due: number | undefined): void {
    if (this.times.get(id) === due) return
    if (due === undefined) {
      this.times.delete(id)
      return
    }
    this.times.set(id, due)
    this.push({ due, id })
    if (this.heap.length > 64 && this.heap.length > 3 * this.times.size) this.rebuild()
  }

  /** The earliest time. */
  next(): number | undefined {
    return this.top()?.due
  }

  /** Ids that are due at `now`, earliest first. They stay until they are set anew. */
  dueAt(now: number): string[] {
    const ids: string[] = []
    const taken: Entry[] = []
    for (let top = this.top(); top !== undefined && top.due <= now; top = this.top()) {
      this.pop()
      if (taken.at(-1)?.id === top.id) continue // the same time was set twice
      ids.push(top.id)
      taken.push(top)
    }
    for (const entry of taken) this.push(entry)
    return ids
  }

  private top(): Entry | undefined {
    for (;;) {
      const top = this.heap[0]
      if (top === undefined || this.times.get(top.id) === top.due) return top
      this.pop()
    }
  }

  private rebuild(): void {
    this.heap = []
    for (const [id, due] of this.times) this.push({ due, id })
  }

  private push(entry: Entry): void {
    const { heap } = this
    let at = heap.push(entry) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!isBefore(entry, heap[parent] as Entry)) break
      heap[at] = heap[parent] as Entry
      at = parent
    }
    heap[at] = entry
  }

  private pop(): void {
    const { heap } = this
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Entry, heap[child] as Entry)) child++
      if (!isBefore(heap[child] as Entry, last)) break
      heap[at] = heap[child] as Entry
      at = child
    }
    heap[at] = last
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.due < b.due || (a.due === b.due && a.id < b.id)
}
