/** What a member says over `/holdfast/report/1` and is answered with `taken`: reports, demands, verdicts. */
import { only } from '../net/messages/fields.ts'
import {
  decodeReportMessage,
  encodeReportMessage,
  MAX_REPORT_BYTES,
  REPORT_PROTOCOL,
  type ReportMessage,
} from '../net/messages/report.ts'
import type { NetNode } from '../net/node.ts'
import { talk } from '../net/talk.ts'
import { addressesOf, type MemberView } from './registry-view.ts'

/** Resolves when the other side has it. @throws what it refuses with, and what the network throws; an answer is awaited for 30 s */
export async function sayTo(
  net: Pick<NetNode, 'open'>,
  member: MemberView,
  message: ReportMessage,
  signal: AbortSignal,
): Promise<void> {
  const target = { id: member.id, addresses: addressesOf(member) }
  await talk(net, target, REPORT_PROTOCOL, signal, async (wire) => {
    await wire.send(encodeReportMessage(message))
    only(decodeReportMessage(await wire.receive(MAX_REPORT_BYTES)), 'taken')
  })
}
