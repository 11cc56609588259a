/**
 * A panel over the wire: its caller gathers sealed votes, then opens them; a panelist looks for itself, seals, and opens only when it sees that
 * all ballots are in. Who is drawn follows from the chain: the panelist computes it again. docs/spec/wire.md §11.
 */
import { equalBytes, toHex } from '../base/bytes.ts'
import type { Address } from '../base/curve.ts'
import { asHoldfastError, HoldfastError } from '../base/errors.ts'
import type { Log } from '../base/ports.ts'
import { only } from '../net/messages/fields.ts'
import {
  type Ballot,
  decodeReportMessage,
  encodeReportMessage,
  MAX_REPORT_BYTES,
  REPORT_PROTOCOL,
  type ReportMessage,
  reportHash,
} from '../net/messages/report.ts'
import type { NetNode } from '../net/node.ts'
import type { Wire } from '../net/wire.ts'
import type { PanelRecord } from './evidence-file.ts'
import { addressesOf, type RegistryView } from './registry-view.ts'
import { isBallotSigned, opens, type Report } from './report.ts'

/** How long a panelist may look before it seals, and how long it waits for the others. Milliseconds. */
const LOOK_MS = 300_000
const OPEN_MS = 330_000

export type OpenedBallot = PanelRecord['votes'][number]

export interface CallDeps {
  readonly net: Pick<NetNode, 'open'>
  readonly registry: RegistryView
  readonly log: Log
  readonly signal: AbortSignal
}

/** Asks every seat but one's own. Those that do not answer in time have not voted. @returns the votes that fit their ballots */
export async function callPanel(
  deps: CallDeps,
  call: { readonly report: Report; readonly block: { readonly number: number; readonly hash: Uint8Array } },
  seats: readonly Address[],
  own: OpenedBallot | undefined,
): Promise<readonly OpenedBallot[]> {
  const { report } = call
  const name = reportHash(report)
  const wires: { readonly wire: Wire; readonly ballot: Ballot }[] = []
  await Promise.all(
    seats.map(async (seat) => {
      try {
        const member = deps.registry.member(seat)
        if (member === undefined) return
        const target = { id: seat, addresses: addressesOf(member) }
        const wire = await deps.net.open(target, REPORT_PROTOCOL, { signal: deps.signal })
        try {
          await wire.send(encodeReportMessage({ kind: 'call', ...call }))
          const { ballot } = only(await receive(wire, LOOK_MS), 'ballot')
          if (ballot.voter !== seat || !equalBytes(ballot.report, name) || !isBallotSigned(report.pool, ballot))
            throw new HoldfastError('NET_MALFORMED', { what: 'a ballot that is not its voter\u2019s' })
          wires.push({ wire, ballot })
        } catch (cause) {
          wire.abort(cause)
          throw cause
        }
      } catch (cause) {
        deps.log.info('panel.no-ballot', { seat, report: toHex(name), why: asHoldfastError(cause).message })
      }
    }),
  )
  const ballots = [...wires.map(({ ballot }) => ballot), ...(own === undefined ? [] : [own.ballot])]
  if (ballots.length === 0) return []
  const votes = await Promise.all(
    wires.map(async ({ wire, ballot }): Promise<readonly OpenedBallot[]> => {
      try {
        await wire.send(encodeReportMessage({ kind: 'open', report: name, ballots }))
        const { vote, salt } = only(await receive(wire), 'vote')
        await wire.close()
        if (!opens(ballot, { vote, salt }))
          throw new HoldfastError('NET_MALFORMED', { what: 'another vote than sealed' })
        return [{ ballot, vote, salt }]
      } catch (cause) {
        wire.abort(cause)
        deps.log.info('panel.no-vote', { seat: ballot.voter, report: toHex(name), why: asHoldfastError(cause).message })
        return []
      }
    }),
  )
  return [...votes.flat(), ...(own === undefined ? [] : [own])]
}

/** Answers a call on its stream. @param seal looks, votes and keeps the vote; throws when we have no seat */
export async function answerCall(wire: Wire, report: Report, seal: () => Promise<OpenedBallot>): Promise<void> {
  const { ballot, vote, salt } = await seal()
  await wire.send(encodeReportMessage({ kind: 'ballot', ballot }))
  const { ballots } = only(await receive(wire, OPEN_MS), 'open')
  const voters = new Set(ballots.map(({ voter }) => voter))
  const isWhole =
    voters.size === ballots.length &&
    ballots.some((one) => one.voter === ballot.voter && equalBytes(one.commit, ballot.commit)) &&
    ballots.every((one) => equalBytes(one.report, ballot.report) && isBallotSigned(report.pool, one))
  if (!isWhole) throw new HoldfastError('NET_MALFORMED', { what: 'ballots that are not a panel\u2019s' })
  await wire.send(encodeReportMessage({ kind: 'vote', report: ballot.report, vote, salt }))
}

async function receive(wire: Wire, within?: number): Promise<ReportMessage> {
  return decodeReportMessage(await wire.receive(MAX_REPORT_BYTES, within === undefined ? {} : { within }))
}
