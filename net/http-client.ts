/** Client of a daemon's local API: keep-alive, a deadline on every call, the daemon's errors as errors of ours. Light: no library. */
import { Agent, type IncomingMessage, request } from 'node:http'
import { HoldfastError } from '../base/errors.ts'
import { MiB } from '../base/units.ts'
import { ERROR_HEADER, encodeJson, errorOfBody } from './http-json.ts'

export interface ApiClientOptions {
  /** `http://127.0.0.1:PORT` */
  readonly url: string
  readonly token: string
  /** Whose API it is, for messages: "controller". */
  readonly role?: string
  /** Deadline of a call unless it names its own. Milliseconds. */
  readonly timeoutMs?: number
}

export interface CallOptions {
  readonly signal?: AbortSignal
  /** Milliseconds. */
  readonly timeoutMs?: number
}

export interface ApiClient {
  /** `path` below `/api/v1`, `/status?x=1`. The parsed answer; undefined for 204. */
  get(path: string, options?: CallOptions): Promise<unknown>
  post(path: string, body?: unknown, options?: CallOptions): Promise<unknown>
  put(path: string, body?: unknown, options?: CallOptions): Promise<unknown>
  delete(path: string, options?: CallOptions): Promise<unknown>
  /** `/readyz`: undefined when ready, else why not. @throws `API_UNREACHABLE` */
  unready(options?: CallOptions): Promise<string | undefined>
  close(): void
}

/** Largest answer read. Bytes. */
const MAX_ANSWER = 256 * MiB
const TIMEOUT_MS = 30_000

/** Connects lazily; `close` frees the idle connections. @throws from calls: the daemon's own error, `API_UNREACHABLE`, `TIMED_OUT`, `INTERRUPTED`. */
export function apiClient(options: ApiClientOptions): ApiClient {
  const agent = new Agent({ keepAlive: true, maxSockets: 16 })
  const role = options.role ?? 'daemon'

  async function call(
    method: string,
    path: string,
    body: unknown,
    call: CallOptions,
  ): Promise<{ status: number; value: unknown }> {
    const payload = body === undefined ? undefined : Buffer.from(encodeJson(body))
    for (let attempt = 0; ; attempt++) {
      try {
        return await once(method, path, payload, call)
      } catch (cause) {
        // The daemon may close an idle connection in the moment it is used again; then nothing of the request was read.
        if (!(cause instanceof ReusedConnection) || attempt > 2)
          throw cause instanceof ReusedConnection ? unreachable(cause.cause) : cause
      }
    }
  }

  function unreachable(cause: unknown): HoldfastError {
    return new HoldfastError('API_UNREACHABLE', { role, url: options.url }, { cause })
  }

  function once(
    method: string,
    path: string,
    payload: Buffer | undefined,
    call: CallOptions,
  ): Promise<{ status: number; value: unknown }> {
    const limit = call.timeoutMs ?? options.timeoutMs ?? TIMEOUT_MS
    return new Promise((resolve, reject) => {
      const headers: Record<string, string | number> = {
        authorization: `Bearer ${options.token}`,
        accept: 'application/json',
      }
      if (payload !== undefined)
        Object.assign(headers, { 'content-type': 'application/json', 'content-length': payload.length })
      const outgoing = request(new URL(path, options.url), { method, agent, headers })
      const done = (settle: () => void) => {
        clearTimeout(timer)
        call.signal?.removeEventListener('abort', onAbort)
        settle()
      }
      const fail = (error: Error) =>
        done(() => {
          outgoing.destroy()
          reject(error)
        })
      const onAbort = () =>
        fail(
          call.signal?.reason instanceof HoldfastError
            ? call.signal.reason
            : new HoldfastError('INTERRUPTED', {}, { cause: call.signal?.reason }),
        )
      const timer = setTimeout(
        () => fail(new HoldfastError('TIMED_OUT', { what: `${role} ${method} ${path}`, limit: `${limit} ms` })),
        limit,
      )
      outgoing.on('error', (cause: Error & { code?: string }) => {
        const isStale = outgoing.reusedSocket && (cause.code === 'ECONNRESET' || cause.code === 'EPIPE')
        done(() => reject(isStale ? new ReusedConnection(cause) : unreachable(cause)))
      })
      outgoing.on('response', (response) => {
        read(response).then(
          (value) => done(() => resolve({ status: response.statusCode ?? 0, value })),
          (cause) => fail(cause instanceof HoldfastError ? cause : unreachable(cause)),
        )
      })
      call.signal?.addEventListener('abort', onAbort)
      if (call.signal?.aborted === true) onAbort()
      else outgoing.end(payload)
    })
  }

  const api = async (method: string, path: string, body: unknown, options: CallOptions = {}) =>
    (await call(method, `/api/v1${path}`, body, options)).value

  return {
    get: (path, options) => api('GET', path, undefined, options),
    post: (path, body, options) => api('POST', path, body, options),
    put: (path, body, options) => api('PUT', path, body, options),
    delete: (path, options) => api('DELETE', path, undefined, options),
    unready: async (options = {}) => {
      const { status, value } = await call('GET', '/readyz', undefined, options)
      return status === 200 ? undefined : String((value as { why?: unknown } | undefined)?.why ?? `status ${status}`)
    },
    close: () => agent.destroy(),
  }
}

/** A kept connection turned out to be closed. */
class ReusedConnection extends Error {
  constructor(cause: Error) {
    super('stale connection', { cause })
  }
}

async function read(response: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = []
  let size = 0
  for await (const part of response as AsyncIterable<Buffer>) {
    size += part.length
    if (size > MAX_ANSWER) throw new HoldfastError('NET_OVERSIZE', { limit: MAX_ANSWER, got: size })
    parts.push(part)
  }
  const text = Buffer.concat(parts).toString('utf8')
  const value: unknown = text === '' ? undefined : JSON.parse(text)
  if (response.headers[ERROR_HEADER] !== undefined)
    throw errorOfBody(value) ?? new HoldfastError('INTERNAL', { what: `status ${response.statusCode}` })
  return value
}
