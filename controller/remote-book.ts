/** The PutBook of a controller that runs as its own process, through its local API. One POST a method; bodies are tagged JSON. */
import { fromTagged, toTagged } from '../base/tagged-json.ts'
import { BOOK_METHODS, type PutBook } from '../uploader/put-book.ts'

/** The part of the API client that is used here. */
export interface BookClient {
  /** @throws HoldfastError as the controller threw it, or `API_UNREACHABLE`. */
  post(path: string, body: unknown, options?: { readonly timeoutMs?: number }): Promise<unknown>
}

/** An auction waits for the advert to be final and for bids; everything else is a disk write. Milliseconds. */
const TIMEOUT_MS: Readonly<Partial<Record<keyof PutBook, number>>> = { award: 120_000, replace: 60_000 }

/** Every method of the book as a POST of its arguments. */
export function remotePutBook(client: BookClient): PutBook {
  const call =
    (method: keyof PutBook) =>
    async (...args: readonly unknown[]): Promise<unknown> =>
      fromTagged(
        await client.post(`/put/${method}`, { args: toTagged(args) }, { timeoutMs: TIMEOUT_MS[method] ?? 30_000 }),
      )
  return Object.fromEntries(BOOK_METHODS.map((method) => [method, call(method)])) as unknown as PutBook
}
