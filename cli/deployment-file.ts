/** deployment.json: which contracts, on which chain (interface.md §3). Public: whoever has it can take part. */
import { HoldfastError } from '../base/errors.ts'
import { type Deployment, parseDeployment } from '../chain/deployment.ts'
import { readJson } from '../store/json-file.ts'
import type { Context } from './context.ts'

/** ABIs are long. Bytes. */
const MAX_FILE = 8 * 1024 * 1024

/** Where this home's deployment.json is. */
export function deploymentPath({ home, settings }: Pick<Context, 'home' | 'settings'>): string {
  const set = settings.value('chain.deployment')
  return set === 'auto' ? home.deployment : set
}

/** @throws `CHAIN_NO_DEPLOYMENT` when there is none, or it is not one */
export async function readDeploymentFile(path: string): Promise<Deployment> {
  const value = await readJson(path, MAX_FILE)
  if (value === undefined) throw new HoldfastError('CHAIN_NO_DEPLOYMENT', { what: `there is no ${path}` })
  return parseDeployment(value)
}
