/** Small JSON files: configuration, deployment, api.json, markers. Written durably, read with a cap. */
import { open } from 'node:fs/promises'
import { HoldfastError } from '../base/errors.ts'
import { MiB } from '../base/units.ts'
import { asStoreError, errnoOf } from './disk-errors.ts'
import { durableWrite } from './durable-write.ts'

/**
 * The parsed content, or undefined when there is no such file. The caller checks its shape.
 * @param maxBytes cap, checked before anything is read
 * @throws `CONFIG_INVALID` when it is no JSON or too large, `STORE_UNUSABLE` when it cannot be read
 */
export async function readJson(path: string, maxBytes = MiB): Promise<unknown> {
  const text = await readCapped(path, maxBytes)
  if (text === undefined) return undefined
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new HoldfastError('CONFIG_INVALID', { what: `${path} is not JSON` }, { cause })
  }
}

/** Writes `value` durably, indented for people, newline at the end. @param mode 0600 for anything secret. */
export async function writeJson(path: string, value: unknown, mode?: number): Promise<void> {
  await durableWrite(path, `${JSON.stringify(value, undefined, 2)}\n`, mode)
}

async function readCapped(path: string, maxBytes: number): Promise<string | undefined> {
  try {
    const file = await open(path, 'r')
    try {
      const { size } = await file.stat()
      if (size > maxBytes)
        throw new HoldfastError('CONFIG_INVALID', { what: `${path} has ${size} bytes, the limit is ${maxBytes}` })
      return await file.readFile('utf8')
    } finally {
      await file.close()
    }
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT') return undefined
    throw asStoreError(path, cause)
  }
}
