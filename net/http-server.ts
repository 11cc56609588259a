/**
 * The daemons' local HTTP API: loopback only, one bearer token, JSON. A daemon hands in a table of routes; the table is also what
 * `/api/v1/openapi.json` is made from. Amounts are decimal strings, ids lower-case hex, errors the vocabulary's.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import { createRequire } from 'node:module'
import type { BuildCompilerFromPool } from '@fastify/ajv-compiler'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { asHoldfastError, ERRORS, HoldfastError } from '../base/errors.ts'
import type { Log } from '../base/ports.ts'
import { MiB } from '../base/units.ts'
import { ERROR_HEADER, encodeJson, errorBody } from './http-json.ts'

/** JSON schemas of a route; the server checks what comes in by them. */
export interface RouteSchema {
  readonly params?: object
  /** Values are strings: use patterns, not numbers. */
  readonly query?: object
  readonly body?: object
  /** For the description only: answers are not checked. */
  readonly response?: object
}

/** What a handler gets. */
export interface RouteRequest {
  readonly params: Readonly<Record<string, string>>
  readonly query: Readonly<Record<string, string>>
  /** Parsed JSON; undefined when there was none. */
  readonly body: unknown
  /** Aborted when the caller went away. */
  readonly signal: AbortSignal
}

/** One line of the table. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** Below `/api/v1`, with `:name` for parameters: `/objects/:id`. */
  readonly path: string
  /** One sentence for the description. */
  readonly summary: string
  readonly schema?: RouteSchema
  /** Its result is the JSON answer; undefined answers 204. Errors answer with their code. */
  readonly handler: (request: RouteRequest) => Promise<unknown> | unknown
}

export interface ApiOptions {
  /** A loopback address. */
  readonly host: '127.0.0.1' | '::1'
  /** 0: a free one. */
  readonly port: number
  /** At least 32 characters; whoever has it is the owner. */
  readonly token: string
  /** Title of the description: "steward". */
  readonly title: string
  readonly routes: readonly Route[]
  /** Answers `/readyz`: undefined when ready, else why not. */
  readonly unready?: () => string | undefined
  readonly log: Log
}

export interface Api {
  /** `http://127.0.0.1:PORT` */
  readonly url: string
  readonly port: number
  close(): Promise<void>
}

/** Largest request body. Bytes. */
export const MAX_BODY = MiB

/** Starts to listen. @throws `INPUT_RANGE` for a host that is not loopback or a short token, `STORE_LOCKED` for a port in use. */
export async function openApi(options: ApiOptions): Promise<Api> {
  if (options.host !== '127.0.0.1' && options.host !== '::1')
    throw new HoldfastError('INPUT_RANGE', { name: 'api.listen', expected: 'a loopback address', got: options.host })
  if (options.token.length < 32)
    throw new HoldfastError('INPUT_RANGE', {
      name: 'token',
      expected: 'at least 32 characters',
      got: options.token.length,
    })
  const { default: fastify } = await import('fastify') // a third of a client's start-up would go into it
  const app = fastify({
    logger: false,
    bodyLimit: MAX_BODY,
    exposeHeadRoutes: false,
    forceCloseConnections: true,
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false } },
    schemaController: { compilersFactory: { buildValidator: validateLazily, buildSerializer: () => () => encodeJson } },
  })
  const ports = { actual: options.port }
  app.setReplySerializer((payload) => encodeJson(payload))
  app.addHook('onRequest', async (request) => guard(request, options.token, ports.actual))
  app.setErrorHandler((cause, request, reply) => answerError(cause, request, reply, options.log))
  app.setNotFoundHandler((request) => {
    throw new HoldfastError('API_ROUTE', { what: `${request.method} ${request.url.slice(0, 200)}` })
  })
  app.get('/healthz', () => ({ ok: true }))
  app.get('/readyz', (_request, reply) => {
    const why = options.unready?.()
    return reply.code(why === undefined ? 200 : 503).send(why === undefined ? { ready: true } : { ready: false, why })
  })
  app.get(`${PREFIX}/openapi.json`, () => describeApi(options.title, options.routes))
  for (const route of options.routes) addRoute(app, route)
  try {
    await app.listen({ host: options.host, port: options.port })
  } catch (cause) {
    await app.close()
    throw new HoldfastError('STORE_LOCKED', { path: `${options.host}:${options.port}`, owner: '' }, { cause })
  }
  ports.actual = (app.server.address() as { port: number }).port
  const host = options.host === '::1' ? '[::1]' : options.host
  return { url: `http://${host}:${ports.actual}`, port: ports.actual, close: () => app.close() }
}

const PREFIX = '/api/v1'

const makeCompiler = () => (createRequire(import.meta.url)('@fastify/ajv-compiler') as () => BuildCompilerFromPool)()

/**
 * Fastify's own validators, each made when the first request needs it: most daemons are never sent what they would check, and loading and compiling
 * them was a tenth of every start.
 */
const validateLazily: BuildCompilerFromPool = (externalSchemas, options) => {
  let compile: ReturnType<BuildCompilerFromPool> | undefined
  return (route) => {
    let check: ReturnType<NonNullable<typeof compile>> | undefined
    const validate = (value: unknown) => {
      if (check === undefined) {
        compile ??= makeCompiler()(externalSchemas, options)
        check = compile(route)
      }
      return check(value) === false ? { error: check.errors } : true
    }
    return validate as ReturnType<NonNullable<typeof compile>>
  }
}

function addRoute(app: FastifyInstance, route: Route): void {
  const { params, query, body } = route.schema ?? {}
  app.route({
    method: route.method,
    url: PREFIX + route.path,
    schema: {
      ...(params === undefined ? {} : { params }),
      ...(query === undefined ? {} : { querystring: query }),
      ...(body === undefined ? {} : { body }),
    },
    handler: async (request, reply) => {
      const gone = new AbortController()
      reply.raw.once('close', () => {
        if (!reply.raw.writableFinished) gone.abort(new HoldfastError('INTERRUPTED'))
      })
      const answer = await route.handler({
        params: request.params as Record<string, string>,
        query: request.query as Record<string, string>,
        body: request.body ?? undefined,
        signal: gone.signal,
      })
      return answer === undefined ? reply.code(204).send() : answer
    },
  })
}

/** A page of a foreign site must not reach the API by a name of its own that resolves to loopback; nor anybody without the token. */
function guard(request: FastifyRequest, token: string, port: number): void {
  const host = request.headers.host ?? ''
  if (!['127.0.0.1', 'localhost', '[::1]'].some((name) => host === `${name}:${port}` || (port === 80 && host === name)))
    throw new HoldfastError('API_TOKEN', { what: 'host' })
  if (request.url === '/healthz' || request.url === '/readyz') return
  const given = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? ''
  if (!timingSafeEqual(fingerprint(given), fingerprint(token))) throw new HoldfastError('API_TOKEN')
}

function fingerprint(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

function answerError(cause: unknown, request: FastifyRequest, reply: FastifyReply, log: Log): FastifyReply {
  const error = toVocabulary(cause)
  if (error.code === 'INTERNAL')
    log.error('api.error', {
      route: request.url,
      what: error.message,
      stack: cause instanceof Error ? cause.stack : undefined,
    })
  return reply.code(ERRORS[error.code].http).header(ERROR_HEADER, error.code).send(errorBody(error))
}

function toVocabulary(cause: unknown): HoldfastError {
  const { code, validation } = cause as {
    code?: string
    validation?: readonly { instancePath: string; message?: string }[]
  }
  const fault = validation?.[0]
  if (fault !== undefined)
    return new HoldfastError(
      'INPUT_FORMAT',
      {
        name: fault.instancePath === '' ? 'request' : fault.instancePath,
        expected: fault.message ?? 'another form',
        got: 'something else',
      },
      { cause },
    )
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE')
    return new HoldfastError('NET_OVERSIZE', { limit: MAX_BODY, got: 'more' }, { cause })
  if (code?.startsWith('FST_ERR_CTP') === true || cause instanceof SyntaxError)
    return new HoldfastError('INPUT_FORMAT', { name: 'body', expected: 'JSON', got: 'something else' }, { cause })
  return asHoldfastError(cause)
}

/** An OpenAPI 3.1 description of a route table. */
export function describeApi(title: string, routes: readonly Route[]): object {
  const paths: Record<string, Record<string, object>> = {}
  for (const route of routes) {
    const path = PREFIX + route.path.replace(/:(\w+)/g, '{$1}')
    const parameters = [
      ...describeParameters('path', route.schema?.params),
      ...describeParameters('query', route.schema?.query),
    ]
    paths[path] ??= {}
    paths[path][route.method.toLowerCase()] = {
      summary: route.summary,
      ...(parameters.length === 0 ? {} : { parameters }),
      ...(route.schema?.body === undefined
        ? {}
        : { requestBody: { required: true, content: { 'application/json': { schema: route.schema.body } } } }),
      responses: {
        200: {
          description: 'done',
          ...(route.schema?.response === undefined
            ? {}
            : { content: { 'application/json': { schema: route.schema.response } } }),
        },
        default: {
          description: 'an error of the vocabulary',
          content: { 'application/json': { schema: ERROR_SCHEMA } },
        },
      },
    }
  }
  return {
    openapi: '3.1.0',
    info: { title: `Holdfast ${title}`, version: '1' },
    security: [{ token: [] }],
    components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
    paths,
  }
}

const ERROR_SCHEMA = {
  type: 'object',
  required: ['code', 'message', 'why', 'fix'],
  properties: {
    code: { enum: Object.keys(ERRORS) },
    message: { type: 'string' },
    why: { type: 'string' },
    fix: { type: 'string' },
    data: { type: 'object' },
  },
}

function describeParameters(place: 'path' | 'query', schema: object | undefined): object[] {
  const { properties = {}, required = [] } = (schema ?? {}) as {
    properties?: Record<string, object>
    required?: string[]
  }
  return Object.entries(properties).map(([name, one]) => ({
    name,
    in: place,
    required: place === 'path' || required.includes(name),
    schema: one,
  }))
}
