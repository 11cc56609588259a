/**
 * Every setting: one name in three forms. Key `put.for` = environment HOLDFAST_PUT_FOR = `--for`. The help, `config explain`,
 * the check of config.json and the commands all read this table (interface.md §3).
 */
import { HoldfastError } from '../base/errors.ts'
import { parseDuration, parseHold, parseSize, type Seconds, type Wei } from '../base/units.ts'

/** One setting. `parse` also checks; it gets what the user wrote. */
export interface Setting<Value> {
  /** Long option that sets it, where there is one. */
  readonly flag?: string
  /** Overrides the derived name of the environment variable. */
  readonly env?: string
  /** What it is set to when nobody says anything; undefined: there is no default. */
  readonly initial: string | undefined
  readonly meaning: string
  /** True for keys whose text is a list, separated by commas; in config.json an array. */
  readonly isList?: boolean
  readonly parse: (text: string) => Value
}

const setting = <Value>(setting: Setting<Value>): Setting<Value> => setting

/** 3/10: any `k` of `n` shares suffice. */
export interface Code {
  readonly k: number
  readonly n: number
}

/** A price cap: wei of HOLD per GiB-month, or a multiple of the expected price. */
export type PriceCap = { readonly wei: Wei } | { readonly times: number }

export const SETTINGS = {
  'chain.rpc': setting({
    flag: '--rpc',
    env: 'HOLDFAST_RPC',
    initial: 'http://127.0.0.1:8545',
    meaning: 'JSON-RPC endpoints of the chain',
    isList: true,
    parse: (text) => text.split(',').map((url) => parseUrl(url.trim())),
  }),
  'chain.deployment': setting({
    initial: 'auto',
    meaning: 'file with the addresses of the contracts; auto: deployment.json beside the configuration',
    parse: (text) => text,
  }),
  'chain.confirmations': setting({
    initial: 'auto',
    meaning: 'blocks after which an event is final; auto: 1 on chain 31337, else 12',
    parse: (text) => (text === 'auto' ? undefined : parseWhole(text, 'chain.confirmations', 1, 1000)),
  }),
  'chain.fee-budget': setting({
    initial: '0.01 ETH',
    meaning: 'most to spend on fees in a day; sweeps are exempt while they profit',
    parse: (text) => parseHold(text.replace(/\s*ETH$/i, '')),
  }),
  'chain.worth-factor': setting({
    initial: 'auto',
    meaning:
      'a round is worth a bounty when it pays so many times the gas of post and sweep; auto: 0 on chain 31337, else 20',
    parse: (text) => (text === 'auto' ? undefined : parseWhole(text, 'chain.worth-factor', 0, 1_000_000)),
  }),
  'chain.hold-per-eth': setting({
    initial: undefined,
    meaning:
      'HOLD that one coin of the chain is worth, to weigh gas against rent; nothing: every round is worth its gas',
    parse: parseMoney,
  }),
  'put.for': setting({
    flag: '--for',
    initial: '90d',
    meaning: 'term of new placements; they are renewed by themselves',
    parse: parseTerm,
  }),
  'put.code': setting({ flag: '--code', initial: '3/10', meaning: 'shares needed / shares placed', parse: parseCode }),
  'put.max-price': setting({
    flag: '--max-price',
    initial: '2.5x',
    meaning: 'price cap: HOLD per GiB-month, or a multiple of the expected price',
    parse: parsePriceCap,
  }),
  'put.budget': setting({
    flag: '--budget',
    initial: undefined,
    meaning: 'most that one put may cost, renewals included, in HOLD',
    parse: parseMoney,
  }),
  'put.least-bond': setting({
    flag: '--least-bond',
    initial: undefined,
    meaning: 'only stewards whose stake on the chain covers so much rent of their lot, like 8w; default: any',
    parse: parseDuration,
  }),
  'controller.backup': setting({
    initial: 'on',
    meaning: 'back the ledger up in the market, so that the recovery words alone bring it back: on or off',
    parse: (text) => parseOneOf(text, 'controller.backup', ['on', 'off']),
  }),
  'controller.settle': setting({
    initial: 'auto',
    meaning:
      'how rounds are paid: chain (bounties), vouchers (signed promises, redeemed once a month), or auto: bounties where they are worth their gas',
    parse: (text) => parseOneOf(text, 'controller.settle', ['auto', 'chain', 'vouchers']),
  }),
  'put.confirm-above': setting({
    initial: '1 HOLD',
    meaning: 'a put that costs more is asked about; a script needs --yes or --budget',
    parse: parseMoney,
  }),
  'steward.quota': setting({
    flag: '--quota',
    initial: undefined,
    meaning: 'bytes the steward offers',
    parse: parseSize,
  }),
  'steward.reserve': setting({
    flag: '--reserve',
    initial: '10G',
    meaning: 'bytes of the disk that stay free',
    parse: parseSize,
  }),
  'steward.price': setting({
    flag: '--price',
    initial: 'auto',
    meaning: 'asking price, HOLD per GiB-month; auto: from cost, fill and the reference',
    parse: (text) => (text === 'auto' ? undefined : parseMoney(text)),
  }),
  'steward.scrub': setting({
    initial: '30d',
    meaning: 'longest time between two readings of a blob that compare it with its id; answers count',
    parse: parseScrub,
  }),
  'sponsor.quota': setting({
    initial: undefined,
    meaning:
      'bytes of blobs that clients without id may store through this steward, on the account of its home; nothing: none',
    parse: parseSize,
  }),
  'sponsor.pay': setting({
    initial: 'money',
    meaning: 'what clients’ placements cost the sponsor: money, or right (the steward’s right to store)',
    parse: (text) => parseOneOf(text, 'sponsor.pay', ['money', 'right']),
  }),
  'net.listen': setting({
    flag: '--listen',
    initial: '/ip4/0.0.0.0/tcp/7490',
    meaning: 'addresses the steward listens on',
    isList: true,
    parse: (text) => text.split(',').map((address) => parseMultiaddr(address.trim())),
  }),
  'net.listen-plain': setting({
    flag: '--listen-plain',
    initial: 'off',
    meaning:
      'addresses of the plain endpoint, where blobs (ciphertext) move without TLS for whoever asks for it; off: none',
    isList: true,
    parse: (text) => (text === 'off' ? [] : text.split(',').map((address) => parseMultiaddr(address.trim()))),
  }),
  'net.bulk': setting({
    flag: '--bulk',
    initial: 'encrypted',
    meaning:
      'how blobs move: encrypted, or plain (ciphertext over plain endpoints where there are, less work for both; all else stays encrypted)',
    parse: (text) => parseOneOf(text, 'net.bulk', ['encrypted', 'plain']),
  }),
  'api.listen': setting({
    flag: '--api',
    initial: '127.0.0.1:0',
    meaning: 'address of the local HTTP API; port 0 takes a free one',
    parse: parseEndpoint,
  }),
  'log.level': setting({
    flag: '--log-level',
    initial: 'info',
    meaning: 'least weight of a log line: debug, info, warn, error',
    parse: (text) => parseOneOf(text, 'log.level', ['debug', 'info', 'warn', 'error']),
  }),
} as const

/** The key of a setting. */
export type SettingKey = keyof typeof SETTINGS
/** What a setting's text means. */
export type SettingValue<Key extends SettingKey> = ReturnType<(typeof SETTINGS)[Key]['parse']>

export const SETTING_KEYS = Object.keys(SETTINGS) as readonly SettingKey[]

/** HOLDFAST_PUT_FOR for put.for. */
export function environmentNameOf(key: SettingKey): string {
  return (SETTINGS[key] as Setting<unknown>).env ?? `HOLDFAST_${key.toUpperCase().replace(/[.-]/g, '_')}`
}

/** True for a key of the table. */
export function isSettingKey(key: string): key is SettingKey {
  return Object.hasOwn(SETTINGS, key)
}

/** The key that resembles `key` most, for "did you mean". */
export function nearestKey(key: string, keys: readonly string[] = SETTING_KEYS): string | undefined {
  const ranked = keys
    .map((known) => ({ known, distance: editDistance(key, known) }))
    .sort((a, b) => a.distance - b.distance)
  const best = ranked[0]
  return best !== undefined && best.distance <= Math.max(2, Math.floor(key.length / 2)) ? best.known : undefined
}

/** Levenshtein's distance: insertions, deletions and replacements. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min((row[j] as number) + 1, (next[j - 1] as number) + 1, replaced))
    }
    row = next
  }
  return row[b.length] as number
}

/** "3/10". @throws `INPUT_FORMAT`, `INPUT_RANGE` unless 1 ≤ k ≤ n ≤ 256. */
export function parseCode(text: string): Code {
  const match = /^(\d{1,3})\/(\d{1,3})$/.exec(text.trim())
  if (match === null) throw format('put.code', 'like 3/10', text)
  const [k, n] = [Number(match[1]), Number(match[2])]
  if (k < 1 || n < k || n > 256)
    throw new HoldfastError('INPUT_RANGE', { name: 'put.code', expected: '1 ≤ k ≤ n ≤ 256', got: text })
  return { k, n }
}

/** An amount of HOLD, with or without the word. @throws `INPUT_FORMAT`. */
export function parseMoney(text: string): Wei {
  return parseHold(text.replace(/\s*HOLD$/i, ''))
}

/** "2.5x" or an amount of HOLD per GiB-month. @throws `INPUT_FORMAT`. */
export function parsePriceCap(text: string): PriceCap {
  const match = /^(\d{1,4}(?:\.\d{1,4})?)x$/.exec(text.trim())
  return match === null ? { wei: parseMoney(text) } : { times: Number(match[1]) }
}

/** market.md, Contracts: 30 to 180 days. */
function parseTerm(text: string): Seconds {
  const term = parseDuration(text)
  if (term < 30 * 86_400 || term > 180 * 86_400)
    throw new HoldfastError('INPUT_RANGE', { name: 'put.for', expected: '30d to 180d', got: text })
  return term
}

/** Reading everything more often than daily would leave no disk for answers. @throws `INPUT_FORMAT`, `INPUT_RANGE` */
function parseScrub(text: string): Seconds {
  const period = parseDuration(text)
  if (period < 86_400 || period > 365 * 86_400)
    throw new HoldfastError('INPUT_RANGE', { name: 'steward.scrub', expected: '1d to 365d', got: text })
  return period
}

function parseUrl(text: string): string {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol))
    throw format('chain.rpc', 'a URL like http://127.0.0.1:8545', text)
  return text
}

function parseMultiaddr(text: string): string {
  if (!/^\/(ip4|ip6|dns|dns4|dns6)\/[^/]+\/tcp\/\d{1,5}(\/.*)?$/.test(text))
    throw format('net.listen', 'an address like /ip4/0.0.0.0/tcp/7490', text)
  return text
}

/** Loopback only: the API has a token and no TLS (interface.md §9). */
function parseEndpoint(text: string): { readonly host: string; readonly port: number } {
  const match = /^(127\.0\.0\.1|localhost):(\d{1,5})$/.exec(text.trim())
  if (match === null) throw format('api.listen', 'a loopback address and a port, like 127.0.0.1:7480', text)
  return { host: match[1] as string, port: parseWhole(match[2] as string, 'api.listen', 0, 65_535) }
}

function parseWhole(text: string, name: string, least: number, most: number): number {
  const value = /^\d{1,9}$/.test(text.trim()) ? Number(text) : Number.NaN
  if (!(value >= least && value <= most))
    throw new HoldfastError('INPUT_RANGE', {
      name,
      expected: `a whole number from ${least} to ${most}`,
      got: text.slice(0, 80),
    })
  return value
}

function parseOneOf<const Choice extends string>(text: string, name: string, choices: readonly Choice[]): Choice {
  const found = choices.find((choice) => choice === text)
  if (found === undefined) throw format(name, choices.join(', '), text)
  return found
}

function format(name: string, expected: string, got: string): HoldfastError {
  return new HoldfastError('INPUT_FORMAT', { name, expected, got: got.slice(0, 80) })
}
