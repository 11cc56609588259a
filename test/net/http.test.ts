import { request } from 'node:http'
import { connect } from 'node:net'
import { expect } from 'chai'
import { ERRORS, HoldfastError } from '../../base/errors.ts'
import { type ApiClient, apiClient } from '../../net/http-client.ts'
import { type Api, describeApi, openApi, type Route } from '../../net/http-server.ts'
import { aLog } from './nodes.ts'

const TOKEN = 'a'.repeat(43)
const open: { close(): unknown }[] = []
let aborted = 0

const ROUTES: readonly Route[] = [
  {
    method: 'GET',
    path: '/amounts',
    summary: 'Amounts.',
    handler: () => ({ wei: 2n ** 100n, id: Uint8Array.of(0, 255), list: [1n] }),
  },
  {
    method: 'GET',
    path: '/objects/:id',
    summary: 'One object.',
    schema: {
      params: { type: 'object', properties: { id: { type: 'string', pattern: '^[0-9a-f]{2,64}$' } }, required: ['id'] },
    },
    handler: ({ params }) => ({ id: params.id }),
  },
  {
    method: 'POST',
    path: '/tick',
    summary: 'Where the daemon stands.',
    schema: {
      body: {
        type: 'object',
        additionalProperties: false,
        required: ['block'],
        properties: { block: { type: 'integer', minimum: 0 } },
      },
    },
    handler: ({ body }) => ({ idle: true, block: (body as { block: number }).block }),
  },
  {
    method: 'POST',
    path: '/fail/:code',
    summary: 'Fails.',
    handler: ({ params }) =>
      Promise.reject(new HoldfastError(params.code as 'FUNDS_LOW', { have: 1n, need: 2n, unit: 'HOLD' })),
  },
  { method: 'GET', path: '/bug', summary: 'A bug.', handler: () => (undefined as unknown as { x: number }).x },
  { method: 'DELETE', path: '/nothing', summary: 'Answers nothing.', handler: () => undefined },
  {
    method: 'GET',
    path: '/slow',
    summary: 'Never answers.',
    handler: ({ signal }) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(++aborted && signal.reason))),
  },
]

async function anApi(options = {}): Promise<{ api: Api; client: ApiClient; log: ReturnType<typeof aLog> }> {
  const log = aLog()
  const api = await openApi({
    host: '127.0.0.1',
    port: 0,
    token: TOKEN,
    title: 'test',
    routes: ROUTES,
    log,
    ...options,
  })
  const client = apiClient({ url: api.url, token: TOKEN, role: 'controller' })
  open.push(api, client)
  return { api, client, log }
}

async function failure(promise: Promise<unknown>): Promise<HoldfastError> {
  const outcome = await promise.then(() => undefined).catch((cause) => cause)
  expect(outcome).to.be.instanceOf(HoldfastError)
  return outcome
}

/** One request by hand: status and body. */
function raw(
  port: number,
  path: string,
  headers: Record<string, string>,
  body?: string,
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { host: '127.0.0.1', port, path, method: body === undefined ? 'GET' : 'POST', headers, agent: false },
      (response) => {
        let text = ''
        response.on('data', (part) => (text += part))
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }))
      },
    )
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

describe('net/http', () => {
  afterEach(async () => {
    for (const one of open.splice(0).reverse()) await one.close()
  })

  it('answers amounts as decimal strings and bytes as hex', async () => {
    const { client } = await anApi()
    expect(await client.get('/amounts')).to.deep.equal({ wei: String(2n ** 100n), id: '00ff', list: ['1'] })
    expect(await client.delete('/nothing')).to.equal(undefined)
    expect(await client.get('/objects/abcd')).to.deep.equal({ id: 'abcd' })
  })

  it('gives every error of the vocabulary back as it was thrown', async () => {
    const { client } = await anApi()
    for (const code of Object.keys(ERRORS)) {
      const error = await failure(client.post(`/fail/${code}`))
      expect(error.code).to.equal(code)
    }
    const error = await failure(client.post('/fail/FUNDS_LOW'))
    expect(error.message).to.equal('not enough HOLD: have 1, need 2')
  })

  it('refuses what the schema does not allow, and says where', async () => {
    const { client } = await anApi()
    expect(await client.post('/tick', { block: 3 })).to.deep.equal({ idle: true, block: 3 })
    for (const body of [{}, { block: -1 }, { block: '3' }, { block: 3, more: 1 }, [3]])
      expect((await failure(client.post('/tick', body))).code).to.equal('INPUT_FORMAT')
    expect((await failure(client.get('/objects/XYZ'))).code).to.equal('INPUT_FORMAT')
    expect((await failure(client.get('/nowhere'))).code).to.equal('API_ROUTE')
  })

  it('serves only the owner of the token, except for health', async () => {
    const { api } = await anApi({ unready: () => 'waiting for the chain' })
    const stranger = apiClient({ url: api.url, token: 'b'.repeat(43) })
    open.push(stranger)
    expect((await failure(stranger.get('/amounts'))).code).to.equal('API_TOKEN')
    expect((await failure(stranger.get('/nowhere'))).code).to.equal('API_TOKEN')
    expect((await raw(api.port, '/healthz', {})).status).to.equal(200)
    expect(await stranger.unready()).to.equal('waiting for the chain')
  })

  it('refuses a foreign host name, which a page of another site would send', async () => {
    const { api } = await anApi()
    const authorization = `Bearer ${TOKEN}`
    expect(
      (await raw(api.port, '/api/v1/amounts', { host: `evil.example:${api.port}`, authorization })).status,
    ).to.equal(401)
    expect((await raw(api.port, '/healthz', { host: 'evil.example' })).status).to.equal(401)
    expect((await raw(api.port, '/api/v1/amounts', { host: `localhost:${api.port}`, authorization })).status).to.equal(
      200,
    )
  })

  it('refuses bodies over 1 MiB and bodies that are not JSON', async () => {
    const { api, client } = await anApi()
    expect((await failure(client.post('/tick', { block: 1, x: 'x'.repeat(1_100_000) }))).code).to.equal('NET_OVERSIZE')
    const answer = await raw(
      api.port,
      '/api/v1/tick',
      { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
      '{"block":',
    )
    expect(answer.status).to.equal(400)
    expect(JSON.parse(answer.body)).to.include.keys('code', 'why', 'fix')
    const other = await raw(
      api.port,
      '/api/v1/tick',
      { authorization: `Bearer ${TOKEN}`, 'content-type': 'text/xml' },
      '<a/>',
    )
    expect(JSON.parse(other.body).code).to.equal('INPUT_FORMAT')
  })

  it('tells of a bug without its details, and logs them', async () => {
    const { client, log } = await anApi()
    expect((await failure(client.get('/bug'))).code).to.equal('INTERNAL')
    expect(log.lines.find((line) => line.event === 'api.error')?.data.stack).to.contain('TypeError')
  })

  it('gives up at its deadline and on a signal, and the handler hears of it', async () => {
    const { client } = await anApi()
    expect((await failure(client.get('/slow', { timeoutMs: 100 }))).code).to.equal('TIMED_OUT')
    const stopper = new AbortController()
    const waiting = failure(client.get('/slow', { signal: stopper.signal }))
    stopper.abort()
    expect((await waiting).code).to.equal('INTERRUPTED')
    while (aborted < 1) await new Promise((resolve) => setTimeout(resolve, 5))
  })

  it('says that nobody answers', async () => {
    const { api, client } = await anApi()
    await client.get('/amounts')
    await api.close()
    expect((await failure(client.get('/amounts'))).code).to.equal('API_UNREACHABLE')
    expect((await failure(client.unready())).code).to.equal('API_UNREACHABLE')
  })

  it('goes on over a kept connection that the daemon closed meanwhile', async () => {
    const first = await anApi()
    await first.client.get('/amounts')
    await first.api.close()
    await anApi({ port: first.api.port })
    expect(await first.client.get('/amounts')).to.have.property('id')
  })

  it('refuses to listen beyond loopback, on a taken port, or with a short token', async () => {
    const { api } = await anApi()
    expect((await failure(anApi({ host: '0.0.0.0' }))).code).to.equal('INPUT_RANGE')
    expect((await failure(anApi({ token: 'short' }))).code).to.equal('INPUT_RANGE')
    expect((await failure(anApi({ port: api.port }))).code).to.equal('STORE_LOCKED')
  })

  it('closes with an idle connection open', async () => {
    const { api } = await anApi()
    const socket = connect(api.port, '127.0.0.1')
    socket.on('error', () => undefined)
    await new Promise((resolve) => socket.once('connect', resolve))
    const since = performance.now()
    await api.close()
    expect(performance.now() - since).to.be.below(1_000)
    socket.destroy()
  })

  it('describes itself from the table', async () => {
    const { client } = await anApi()
    const description = (await client.get('/openapi.json')) as {
      paths: Record<string, Record<string, { summary: string; parameters?: object[] }>>
    }
    expect(description).to.deep.equal(JSON.parse(JSON.stringify(describeApi('test', ROUTES))))
    expect(Object.keys(description.paths)).to.have.length(ROUTES.length)
    expect(description.paths['/api/v1/objects/{id}']?.get?.parameters).to.have.length(1)
  })
})
