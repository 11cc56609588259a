/** `holdfast pool monitor log`, `report`, and `holdfast pool verify-evidence`: what monitors know, and whether it holds. */
import { readFile, stat } from 'node:fs/promises'
import { fromHex, toHex } from '../../base/bytes.ts'
import { EXIT, HoldfastError } from '../../base/errors.ts'
import { sha256 } from '../../base/hash.ts'
import { MAX_VERDICT_EVIDENCE } from '../../net/messages/report.ts'
import { assertPanelOfPool } from '../../pool/check-panel.ts'
import { decodeEvidenceFile, verifyEvidenceFile } from '../../pool/evidence-file.ts'
import { openTarget } from '../../store/target-file.ts'
import { detailLog } from '../chain-access.ts'
import { chooseActor, listActors } from '../choose-actor.ts'
import type { viewCase, viewVerdict } from '../compose-monitor.ts'
import type { CommandRun, Context } from '../context.ts'
import { openDoors } from '../doors.ts'
import { openDaemonApi } from '../local-api.ts'
import { readPanelFacts } from '../panel-facts.ts'
import { formatTable, plural, shortId } from '../words.ts'

interface MonitorLog {
  readonly reports: readonly ReturnType<typeof viewCase>[]
  readonly verdicts: readonly ReturnType<typeof viewVerdict>[]
}

/** Every monitor of the home, or the one that is named. */
export const monitorLog: CommandRun = async (context, _args, options) => {
  const { out, home } = context
  const ids =
    typeof options['id'] === 'string'
      ? [(await chooseActor(context, 'monitor', options)).id]
      : await listActors(home.pool.monitors)
  if (ids.length === 0) throw new HoldfastError('CONFIG_NOT_INITIALISED', { path: home.pool.monitors })
  const lines: string[] = []
  let reports = 0
  let verdicts = 0
  for (const id of ids) {
    const client = await openDaemonApi(home.monitor(id), 'monitor')
    try {
      const log = (await client.get('/log', { signal: context.signal })) as MonitorLog
      for (const report of log.reports) out.record({ type: 'report', monitor: id, ...report })
      for (const verdict of log.verdicts) out.record({ type: 'verdict', ...verdict })
      reports += log.reports.length
      verdicts += log.verdicts.length
      lines.push(
        `monitor ${shortId(id)}   ${plural(log.reports.length, 'report')}, ${plural(log.verdicts.length, 'verdict')}`,
      )
      lines.push(
        ...formatTable(
          log.reports.map((one) => [one.takenAt, one.kind, shortId(one.accused), one.class, one.outcome, one.why]),
        ),
      )
      lines.push(
        ...log.verdicts.map(
          (one) =>
            `! ${one.at}  ${shortId(one.accused)}: ${one.finding} (${one.class}${one.panel === undefined ? '' : `, ${one.panel.convicting} of ${one.panel.drawn}`})  evidence ${one.evidence.slice(0, 16)}  ${'told' in one ? `manager told ${one.told}` : `manager not told yet${'waits' in one ? `: ${one.waits}` : ''}`}`,
        ),
      )
    } finally {
      client.close()
    }
  }
  out.summary({
    command: 'pool monitor log',
    fields: { monitors: ids.length, reports, verdicts },
    lines,
    result: String(verdicts),
  })
  return undefined
}

/** Evidence of one report or verdict: shown, or with -o written to a file whose SHA-256 is the hash on chain. */
export const monitorReport: CommandRun = async (context, [given = ''], options) => {
  const { out, home } = context
  if (!/^[0-9a-f]{64}$/.test(given))
    throw new HoldfastError('INPUT_FORMAT', {
      name: 'hash',
      expected: '64 hex digits, from holdfast pool monitor log',
      got: given.slice(0, 80),
    })
  const { id } = await chooseActor(context, 'monitor', options)
  const client = await openDaemonApi(home.monitor(id), 'monitor')
  try {
    const { file } = (await client.get(`/evidence/${given}`, { signal: context.signal })) as { file: string }
    const bytes = fromHex(file)
    const target = typeof options['output'] === 'string' ? options['output'] : `${given.slice(0, 16)}.evidence`
    const writer = await openTarget(target, { overwrite: options['overwrite'] === 'always' ? 'always' : 'never' })
    try {
      await writer.write(bytes)
      await writer.commit()
    } catch (cause) {
      await writer.abort()
      throw cause
    }
    out.summary({
      command: 'pool monitor report',
      fields: { path: writer.path, bytes: bytes.length, sha256: toHex(sha256(bytes)) },
      lines: [
        `wrote ${writer.path}, ${bytes.length} bytes; sha256 ${toHex(sha256(bytes))}`,
        `check it: holdfast pool verify-evidence ${writer.path}`,
      ],
      result: writer.path,
    })
    return undefined
  } finally {
    client.close()
  }
}

/** Checks a file of evidence without a network; with --on-chain or --rpc also what only the pool's chain can say. Exit 0: it holds; 20: it does not. */
export const verifyEvidence: CommandRun = async (context, [path = ''], options) => {
  const bytes = await readEvidence(path)
  const found = verifyEvidenceFile(bytes)
  const isAsked = options['onChain'] === true || context.settings.origin('chain.rpc').from === 'flag'
  if (isAsked) await compareWithChain(context, bytes)
  const { class: kind, outcome, why, needs } = found.judgement
  // Facts of the chain are not in the file: it holds, and says which fact it rests on.
  const holds = found.panel === undefined ? outcome !== 'dismissed' : found.convicts
  const left =
    needs === 'chain'
      ? ' and rests on a post that has to be on chain'
      : needs === 'bytes'
        ? ' and rests on bytes that are not in it'
        : ''
  const { drawn, voted, convicting } = found.panel?.count ?? {}
  context.out.summary({
    command: 'pool verify-evidence',
    fields: {
      path,
      sha256: found.hash,
      accused: found.accused,
      about: found.about,
      class: kind,
      outcome,
      why,
      needs,
      convicts: found.convicts,
      ...(found.panel === undefined
        ? {}
        : {
            panel: {
              class: found.panel.class,
              drawn,
              voted,
              convicting,
              policy: found.panel.policy,
              block: found.panel.block,
            },
          }),
      onChain: isAsked,
    },
    lines: [
      `${holds ? '✔' : '✗'} ${found.about} by ${found.accused}: ${kind}, ${outcome}${left}`,
      `  ${why}`,
      ...(found.panel === undefined
        ? []
        : [
            `  panel: ${convicting} of ${drawn} drawn convict, ${voted} voted (${found.panel.class})`,
            `  under ${found.panel.policy.seats}/${found.panel.policy.votes}/${found.panel.policy.least}, ${isAsked ? '' : 'which it says was '}the pool\u2019s policy at block ${found.panel.block}`,
          ]),
      `  sha256 ${found.hash}`,
    ],
    result: holds ? 'holds' : 'does not hold',
  })
  return holds ? EXIT.done : EXIT.integrity
}

/** @throws `EVIDENCE_FOREIGN`, `EVIDENCE_POLICY`, `EVIDENCE_INVALID`, `CHAIN_…` */
async function compareWithChain(context: Context, bytes: Uint8Array): Promise<void> {
  const { chainId, registrar, panel, report } = decodeEvidenceFile(bytes)
  await using scope = new AsyncDisposableStack()
  const doors = await openDoors(context, detailLog(context), scope)
  if (doors.poolDomain.chainId !== chainId || doors.poolDomain.contract !== registrar)
    throw new HoldfastError('EVIDENCE_FOREIGN', { what: `pool ${registrar} on chain ${chainId}` })
  if (panel === undefined || report === undefined) return
  assertPanelOfPool(panel, report, await readPanelFacts(doors, panel.block.number))
}

async function readEvidence(path: string): Promise<Uint8Array> {
  const size = await stat(path).then(
    (found) => (found.isFile() ? found.size : undefined),
    () => undefined,
  )
  if (size === undefined) throw new HoldfastError('INPUT_FILE', { path, what: 'there is no such file' })
  if (size > MAX_VERDICT_EVIDENCE) throw new HoldfastError('EVIDENCE_INVALID', { what: `a file of ${size} bytes` })
  return new Uint8Array(await readFile(path))
}
