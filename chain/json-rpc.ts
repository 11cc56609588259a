/**
 * One JSON-RPC endpoint over HTTP: calls in, answers out, each with a deadline and a cap. Node's own client with kept-alive connections
 * costs a third of `fetch` per call, and every daemon asks for the head many times a second on a dev chain.
 */
import * as http from 'node:http'
import * as https from 'node:https'
import { HoldfastError } from '../base/errors.ts'
import { MiB } from '../base/units.ts'

/** Longest wait for an answer. ms. */
export const RPC_DEADLINE = 10_000
/** Largest answer taken. Bytes. A full page of logs stays far below. */
const MAX_ANSWER = 64 * MiB

/** One call. */
export interface RpcCall {
  readonly method: string
  readonly params: readonly unknown[]
}

/** What came back for one call: a result, or the endpoint's refusal. */
export type RpcAnswer =
  | { readonly result: unknown; readonly refusal?: undefined }
  | { readonly refusal: RpcRefusal; readonly result?: undefined }

/** An endpoint that was reached, understood and said no. The chain's word (a revert), or the node's (a nonce, a fee, a limit). */
export class RpcRefusal extends Error {
  override readonly name = 'RpcRefusal'
  /** JSON-RPC error code. */
  readonly rpcCode: number
  /** Revert data, hex with 0x, when there is any. */
  readonly data: string | undefined

  constructor(method: string, code: number, message: string, data: string | undefined) {
    super(`${method}: ${message}`)
    this.rpcCode = code
    this.data = data
  }
}

/** A connection to one endpoint. */
export interface Endpoint {
  /** Without user, password, path and query: those may hold keys. */
  readonly name: string
  /**
   * Sends all calls in one request and returns the answers in their order. The endpoint may execute them in any order.
   * @throws `CHAIN_UNREACHABLE` when no answer came in time, `CHAIN_ANSWER` when it was none
   */
  send(calls: readonly RpcCall[], signal?: AbortSignal): Promise<readonly RpcAnswer[]>
  close(): void
}

/** Prepares an endpoint; nothing is sent yet. @throws `INPUT_FORMAT` unless an http or https URL. */
export function openEndpoint(url: string, deadlineMs = RPC_DEADLINE): Endpoint {
  const target = parseUrl(url)
  const isSecure = target.protocol === 'https:'
  const agent = isSecure
    ? new https.Agent({ keepAlive: true, maxSockets: 8 })
    : new http.Agent({ keepAlive: true, maxSockets: 8 })
  const name = target.origin
  let nextId = 1

  return {
    name,
    async send(calls, signal) {
      if (calls.length === 0) return []
      const first = nextId
      nextId += calls.length
      const body = calls.map(({ method, params }, i) => ({ jsonrpc: '2.0', id: first + i, method, params }))
      const text = JSON.stringify(body.length === 1 ? body[0] : body)
      const answer = await exchange({ target, agent, isSecure, text, deadlineMs, signal, name })
      return matchAnswers(name, calls, first, answer)
    },
    close() {
      agent.destroy()
    },
  }
}

interface Exchange {
  readonly target: URL
  readonly agent: http.Agent
  readonly isSecure: boolean
  readonly text: string
  readonly deadlineMs: number
  readonly signal: AbortSignal | undefined
  readonly name: string
}

async function exchange(plan: Exchange): Promise<unknown> {
  let text: string
  try {
    text = await post(plan).catch((cause) => {
      // A kept-alive connection may have been closed by the other side just now. Every call of ours may be sent twice.
      if ((cause as { isStale?: boolean }).isStale) return post(plan)
      throw cause
    })
  } catch (cause) {
    if (plan.signal?.aborted) throw plan.signal.reason
    if (cause instanceof HoldfastError) throw cause
    throw new HoldfastError('CHAIN_UNREACHABLE', { rpc: plan.name }, { cause })
  }
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new HoldfastError('CHAIN_ANSWER', { what: `${plan.name} sent no JSON` }, { cause })
  }
}

function post({ target, agent, isSecure, text, deadlineMs, signal, name }: Exchange): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }
    const request = (isSecure ? https : http).request(target, { method: 'POST', agent, headers, signal })
    const timer = setTimeout(() => request.destroy(new Error(`no answer within ${deadlineMs} ms`)), deadlineMs)
    const fail = (cause: Error) => {
      clearTimeout(timer)
      const isStale = request.reusedSocket && (cause as { code?: string }).code === 'ECONNRESET'
      reject(isStale ? Object.assign(cause, { isStale }) : cause)
    }
    request.once('error', fail)
    request.once('response', (response) => {
      const parts: Buffer[] = []
      let size = 0
      response.on('data', (part: Buffer) => {
        size += part.length
        if (size > MAX_ANSWER)
          request.destroy(new HoldfastError('CHAIN_ANSWER', { what: `${name} sent more than ${MAX_ANSWER} bytes` }))
        else parts.push(part)
      })
      response.once('error', fail)
      response.once('end', () => {
        clearTimeout(timer)
        const body = Buffer.concat(parts).toString('utf8')
        // Some endpoints carry a refusal in a 4xx; a body that is JSON is listened to.
        if (response.statusCode === 200 || body.startsWith('{') || body.startsWith('[')) resolve(body)
        else reject(new Error(`HTTP ${response.statusCode}`))
      })
    })
    request.end(text)
  })
}

function matchAnswers(name: string, calls: readonly RpcCall[], first: number, answer: unknown): readonly RpcAnswer[] {
  const list: readonly unknown[] = Array.isArray(answer) ? answer : [answer]
  const byId = new Map<unknown, Record<string, unknown>>()
  for (const item of list)
    if (typeof item === 'object' && item !== null)
      byId.set((item as { id?: unknown }).id, item as Record<string, unknown>)
  return calls.map(({ method }, i) => {
    // A refusal of the whole batch (rate limit, batch too large) comes as one object without an id.
    const item = byId.get(first + i) ?? byId.get(null)
    if (item === undefined) throw new HoldfastError('CHAIN_ANSWER', { what: `${name} left ${method} unanswered` })
    if (item.error !== undefined && item.error !== null) return { refusal: refusalOf(method, item.error) }
    if (!('result' in item))
      throw new HoldfastError('CHAIN_ANSWER', { what: `${name} answered ${method} with neither result nor error` })
    return { result: item.result }
  })
}

function refusalOf(method: string, error: unknown): RpcRefusal {
  const { code, message, data } = (error ?? {}) as { code?: unknown; message?: unknown; data?: unknown }
  // Nodes put revert data at error.data, or one level deeper.
  const inner = typeof data === 'object' && data !== null ? (data as { data?: unknown }).data : data
  const hex = typeof inner === 'string' && /^0x[0-9a-fA-F]*$/.test(inner) ? inner : undefined
  return new RpcRefusal(method, typeof code === 'number' ? code : 0, String(message ?? 'refused').slice(0, 500), hex)
}

function parseUrl(url: string): URL {
  const target = URL.canParse(url) ? new URL(url) : undefined
  if (target?.protocol !== 'http:' && target?.protocol !== 'https:')
    throw new HoldfastError('INPUT_FORMAT', { name: 'rpc', expected: 'an http or https URL', got: url.slice(0, 80) })
  return target
}
