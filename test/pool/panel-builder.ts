/** Panels with real ballots, and the registrar that their monitors stand in. */
import { addressOf } from '../../base/curve.ts'
import { HOUR } from '../../base/units.ts'
import { type Report, reportHash } from '../../net/messages/report.ts'
import type { PanelFacts } from '../../pool/check-panel.ts'
import type { PanelRecord } from '../../pool/evidence-file.ts'
import { drawPanel, drawTimeOf, PANEL_POLICY, type PanelPolicy } from '../../pool/panel.ts'
import { ROLE } from '../../pool/registry-view.ts'
import { sealVote } from '../../pool/report.ts'
import { FakeRegistry } from './pool-nodes.ts'
import { aReceipt, aReport, NOW, POOL_ID, steward, uploader, word } from './report-builder.ts'

export const DRAWN_IN = 1_000
const monitors = (count: number, from = 0) =>
  Array.from({ length: count }, (_, i) => word(`monitor ${from + i}`)).map((secret) => ({
    secret,
    id: addressOf(secret),
  }))

/** That a steward refuses a read which it owes. */
export function aRefusal(): Report {
  const token = word('token')
  const blobId = word('blob')
  return aReport(
    'refused',
    { token, receipt: aReceipt(blobId, token) },
    { by: uploader, accused: addressOf(steward), subject: blobId },
  )
}

/** A panel over the report, all of whose seats vote that it is so, from monitors 0 … count - 1 of no network. */
export function aPanel(
  report: Report,
  change: { count?: number; from?: number; policy?: PanelPolicy } = {},
): PanelRecord {
  const { count = 10, from = 0, policy = PANEL_POLICY } = change
  const all = monitors(count, from)
  const hash = word('block')
  const excluded = [report.accuser, report.accused]
  const draw = drawPanel(all, new Set(excluded), { block: hash, accused: report.accused }, policy)
  const name = reportHash(report)
  const votes = all
    .filter(({ id }) => draw.seats.some((seat) => seat.id === id))
    .map(({ secret, id }) => {
      const salt = word(`salt ${id}`)
      return { ballot: sealVote(secret, POOL_ID, { report: name, vote: 1, salt }), vote: 1, salt }
    })
  return {
    block: { number: DRAWN_IN, hash },
    policy,
    candidates: all.map(({ id }) => ({ id, cluster: '' })),
    excluded,
    votes,
  }
}

/** The chain on which such a panel was drawn. */
export function aPanelsChain(policy: PanelPolicy = PANEL_POLICY): PanelFacts {
  const time = drawTimeOf({ at: NOW }) + 5
  return { policy, block: { hash: word('block'), time, before: time - HOUR } }
}

/** A registrar with monitors 0 … count - 1, and the parties of the report. */
export function aMonitorsRegistry(report: Report, count = 10): FakeRegistry {
  const registry = new FakeRegistry()
  for (const { id } of monitors(count)) registry.set(id, { roles: ROLE.monitor })
  for (const id of [report.accuser, report.accused]) registry.set(id)
  return registry
}
