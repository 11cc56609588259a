/** The ledger's side of a put: the controller that runs, or, when none does, one in this process for as long as the command takes. */
import type { Log } from '../base/ports.ts'
import { remotePutBook } from '../controller/remote-book.ts'
import type { PutBook } from '../uploader/put-book.ts'
import type { Context, Options } from './context.ts'
import { isControllerRunning, openControllerApi } from './local-api.ts'
import { obtainPassphrase } from './passphrase.ts'

export interface OpenBook extends AsyncDisposable {
  readonly book: PutBook
  /** False: nobody will post bounties once this command has ended. */
  readonly isAttended: boolean
}

/** @throws `CONFIG_NOT_INITIALISED`, `STORE_LOCKED`, and what opening a controller throws */
export async function openPutBook(context: Context, options: Options, log: Log): Promise<OpenBook> {
  if (await isControllerRunning(context)) {
    const client = await openControllerApi(context)
    // The client knows the prefix of the API itself.
    const book = remotePutBook({
      post: (path, body, call) =>
        client.post(path.replace(/^\/api\/v1/, ''), body, { ...call, signal: context.signal }),
    })
    return { book, isAttended: true, [Symbol.asyncDispose]: async () => client.close() }
  }
  const passphrase = await obtainPassphrase(context, options, "the controller's keystore")
  const { openControllerHere } = await import('./compose-controller.ts')
  const scope = new AsyncDisposableStack()
  try {
    const { book } = await openControllerHere(context, passphrase, log, scope)
    return { book, isAttended: false, [Symbol.asyncDispose]: () => scope.disposeAsync() }
  } catch (cause) {
    await scope.disposeAsync()
    throw cause
  }
}
