/** JSON of the local API, both sides: bigints as decimal strings, bytes as lower-case hex, errors with code, sentence and remedy. */
import { toHex } from '../base/bytes.ts'
import { ERRORS, type ErrorCode, type ErrorData, HoldfastError } from '../base/errors.ts'

/** Carries the code of an error answer: some codes share a status with good answers. */
export const ERROR_HEADER = 'holdfast-error'

/** JSON text. Bigints become decimal strings, byte arrays lower-case hex, maps and sets are refused. */
export function encodeJson(value: unknown): string {
  return JSON.stringify(plain(value)) ?? 'null'
}

function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString()
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Uint8Array) return toHex(value)
  if (value instanceof Map || value instanceof Set) throw new TypeError('no JSON form for a Map or Set')
  if (Array.isArray(value)) return value.map(plain)
  if (typeof (value as { toJSON?: unknown }).toJSON === 'function') return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]))
}

/** Body of an error answer. */
export interface ErrorBody {
  readonly code: string
  readonly message: string
  readonly why: string
  readonly fix: string
  readonly data?: ErrorData
}

export function errorBody(error: HoldfastError): ErrorBody {
  const data = Object.fromEntries(
    Object.entries(error.data).map(([key, value]) => [key, typeof value === 'bigint' ? value.toString() : value]),
  )
  return { code: error.code, message: error.message, why: error.why, fix: error.fix, data }
}

/** The error an answer tells of; one that does not follow the form is `API_UNREACHABLE`'s business, so undefined. */
export function errorOfBody(body: unknown): HoldfastError | undefined {
  const { code, data } = (body ?? {}) as Partial<ErrorBody>
  if (typeof code !== 'string' || !Object.hasOwn(ERRORS, code)) return undefined
  const values: Record<string, string | number> = {}
  for (const [key, value] of Object.entries(data ?? {}))
    if (typeof value === 'string' || typeof value === 'number') values[key] = value
  return new HoldfastError(code as ErrorCode, values)
}
