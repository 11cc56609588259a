/** The ledger's side of a put: the controller that runs, or, when none does, one in this process for as long as the command takes. */
import { hasCode } from '../base/errors.ts'
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
    const followed = await followController(context)
    return { book: remotePutBook(followed), isAttended: true, [Symbol.asyncDispose]: async () => followed.close() }
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

/** The controller's API, also after it was restarted: then it listens elsewhere and has another token. @throws as `openControllerApi` */
export async function followController(context: Context) {
  let client = await openControllerApi(context)
  const post = async (path: string, body: unknown, call?: { readonly timeoutMs?: number }) => {
    const used = client
    const send = () => client.post(path, body, { ...call, signal: context.signal })
    try {
      return await send()
    } catch (cause) {
      if (!hasCode(cause, 'API_UNREACHABLE', 'API_TOKEN')) throw cause
      if (client === used) {
        client = await openControllerApi(context)
        used.close()
      }
      return await send()
    }
  }
  return { post, close: () => client.close() }
}
