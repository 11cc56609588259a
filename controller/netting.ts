/**
 * What several accounts owe each other by vouchers, as one net statement (protocol.md §5, contracts.md): pure. Nobody's claim is retired who
 * does not sign, nobody pays who does not sign, and nobody pays more than it has.
 */
import type { Address } from '../base/curve.ts'
import type { Gwei, UnixTime } from '../base/units.ts'
import type { NetStatement } from '../chain/market.ts'

/** An open promise: the newest voucher of `from` to `to`, and what was redeemed of it. */
export interface OpenPromise {
  readonly from: Address
  readonly to: Address
  readonly cumulative: Gwei
  readonly redeemed: Gwei
}

export interface NettingTerms {
  /** Who is there to sign, with what it has in the market. Gwei. */
  readonly signers: ReadonlyMap<Address, Gwei>
  /** 32 random bytes. */
  readonly salt: Uint8Array
  readonly expires: UnixTime
}

/**
 * The statement that retires as much as all signers can cover. One promise a pair counts, the highest; promises of or to others stay open.
 * An account that would pay more than it has keeps its largest promises out, until the rest is covered.
 * @returns undefined when nothing can be retired
 */
export function planNetting(promises: readonly OpenPromise[], terms: NettingTerms): NetStatement | undefined {
  const { signers, salt, expires } = terms
  let open = highestOfEachPair(promises)
    .filter((it) => signers.has(it.from) && signers.has(it.to) && it.from !== it.to)
    .filter((it) => it.cumulative > it.redeemed)
    .toSorted((a, b) => compare(owedBy(b), owedBy(a)) || compare(pairOf(a), pairOf(b)))
  for (;;) {
    const deltas = deltasOf(open)
    const short = [...deltas].find(([account, amount]) => amount < 0n && -amount > (signers.get(account) ?? 0n))?.[0]
    if (short === undefined) return statementOf(open, deltas, { salt, expires })
    const left = open.find(({ from }) => from === short)
    open = open.filter((it) => it !== left)
  }
}

/** Who has to sign a statement: whoever pays, and whoever's claim is retired. In ascending order. contracts.md. */
export function signersOf({ deltas, retired }: Pick<NetStatement, 'deltas' | 'retired'>): readonly Address[] {
  const payers = deltas.flatMap(({ account, amount }) => (amount < 0n ? [account] : []))
  return [...new Set([...payers, ...retired.map(({ to }) => to)])].toSorted(compare)
}

function statementOf(
  open: readonly OpenPromise[],
  deltas: ReadonlyMap<Address, bigint>,
  rest: Pick<NetStatement, 'salt' | 'expires'>,
): NetStatement | undefined {
  if (open.length === 0) return undefined
  return {
    deltas: [...deltas]
      .filter(([, amount]) => amount !== 0n)
      .toSorted(([a], [b]) => compare(a, b))
      .map(([account, amount]) => ({ account, amount })),
    retired: open
      .toSorted((a, b) => compare(pairOf(a), pairOf(b)))
      .map(({ from, to, cumulative }) => ({ from, to, cumulative })),
    ...rest,
  }
}

function highestOfEachPair(promises: readonly OpenPromise[]): readonly OpenPromise[] {
  const highest = new Map<string, OpenPromise>()
  for (const it of promises) {
    const known = highest.get(pairOf(it))
    if (known === undefined || known.cumulative < it.cumulative) highest.set(pairOf(it), it)
  }
  return [...highest.values()]
}

function deltasOf(open: readonly OpenPromise[]): ReadonlyMap<Address, bigint> {
  const deltas = new Map<Address, bigint>()
  const move = (account: Address, amount: bigint) => deltas.set(account, (deltas.get(account) ?? 0n) + amount)
  for (const it of open) {
    move(it.from, -owedBy(it))
    move(it.to, owedBy(it))
  }
  return deltas
}

const owedBy = ({ cumulative, redeemed }: OpenPromise): bigint => cumulative - redeemed
const pairOf = ({ from, to }: OpenPromise): string => `${from}/${to}`
const compare = <Value extends string | bigint>(a: Value, b: Value): number => (a < b ? -1 : a > b ? 1 : 0)
