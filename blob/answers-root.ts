/** The tree hash that commits an uploader to its answers: RFC 6962 §2.1 with SHA-256 (protocol.md §5). */
import { assertBytes } from '../base/bytes.ts'
import { HoldfastError } from '../base/errors.ts'
import { sha256 } from '../base/hash.ts'

const LEAF = Uint8Array.of(0)
const NODE = Uint8Array.of(1)

/**
 * Root over answer 0 … m−1, used ones included. 32 bytes.
 * @throws `INPUT_RANGE` for no answers: a placement without rows could never be checked
 */
export function answersRootOf(answers: readonly Uint8Array[]): Uint8Array {
  if (answers.length === 0)
    throw new HoldfastError('INPUT_RANGE', { name: 'answers', expected: 'at least one', got: 0 })
  for (const answer of answers) assertBytes(answer, 32, 'answer')
  return treeHash(answers)
}

function treeHash(answers: readonly Uint8Array[]): Uint8Array {
  if (answers.length === 1) return sha256(LEAF, answers[0] as Uint8Array)
  // the left part is the largest power of two below the whole
  let left = 1
  while (left * 2 < answers.length) left *= 2
  return sha256(NODE, treeHash(answers.slice(0, left)), treeHash(answers.slice(left)))
}
