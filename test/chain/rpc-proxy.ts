/** An HTTP proxy in front of a chain's endpoint that misbehaves on order: closed, frozen, lying, or taking calls and losing the answers. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

type Answer = { id: unknown; result?: unknown; error?: unknown }
type Call = { id: unknown; method: string; params: unknown[] }

export interface RpcProxy {
  readonly url: string
  /** Called with each answer before it goes back; may change it. */
  rewrite: ((call: Call, answer: Answer) => void) | undefined
  /** True for calls that are passed on and whose answer is then lost. */
  swallow: ((call: Call) => boolean) | undefined
  /** Methods seen, in order. */
  readonly seen: string[]
  close(): Promise<void>
}

export async function startRpcProxy(target: string): Promise<RpcProxy> {
  const open = new Set<ServerResponse>()
  const proxy: RpcProxy = { url: '', rewrite: undefined, swallow: undefined, seen: [], close }
  const server: Server = createServer((request, response) => void serve(request, response))
  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    open.add(response)
    response.once('close', () => open.delete(response))
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part as Buffer)
    const text = Buffer.concat(parts).toString()
    if (text === '') return void response.destroy() // the caller went before it had asked
    const calls = [JSON.parse(text)].flat() as Call[]
    proxy.seen.push(...calls.map(({ method }) => method))
    const answer = await fetch(target, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: text,
    }).catch(() => undefined)
    if (!answer) return void response.destroy()
    if (calls.some((call) => proxy.swallow?.(call))) return // passed on, and never answered
    const body = (await answer.json().catch(() => undefined)) as Answer | Answer[] | undefined
    if (body === undefined) return void response.destroy() // the chain went while it answered
    for (const item of [body].flat()) {
      const call = calls.find(({ id }) => id === item.id)
      if (call) proxy.rewrite?.(call, item)
    }
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(body))
  }
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  Object.assign(proxy, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
  async function close(): Promise<void> {
    for (const response of open) response.destroy()
    server.closeAllConnections()
    await new Promise<void>((done) => server.close(() => done()))
  }
  return proxy
}
