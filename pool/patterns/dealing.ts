/**
 * Patterns of those who pay and of those who accuse: bogus uploaders, self-dealing, serial accusers. docs/spec/patterns.md.
 */
import type { Address } from '../../base/curve.ts'
import { bodyOf, dayOf, type Observation, voiceOf } from '../observation.ts'
import { type Finding, findingOf, type PatternInput } from './finding.ts'
import { MOST_STRENGTH, Tally } from './strength.ts'

/**
 * Posts bounties that nobody can sweep (BogusBountyUploader), or withholds the dockets. A claim key that differs from the committed answers proves
 * itself, one is enough. Else the unit is a steward cluster that was asked: spoilt when it missed this uploader's bounties and swept another's
 * about then, or did not get the docket from the uploader although a monitor asked for it.
 */
export function findBogusUploaders({ observations, policy, looks }: PatternInput): Finding[] {
  const measure = policy.bogusUploader
  const seen = observations.filter(({ weight }) => weight === 1)
  const proven = Map.groupBy(
    seen.filter(({ kind }) => kind === 'bogus-bounty'),
    ({ accused }) => accused,
  )
  const sweeps = Map.groupBy(
    seen.filter(({ kind }) => kind === 'swept'),
    ({ accused }) => accused,
  )
  const withheld = Map.groupBy(
    seen.filter(({ kind }) => kind === 'withheld-docket'),
    ({ accused }) => accused,
  )
  const posts = Map.groupBy(
    seen.filter(({ kind }) => kind === 'swept' || kind === 'missed'),
    ({ accuser }) => accuser,
  )
  const findings = [...proven].map(([accused, basis]) => findingOf(accused, 'bogus-uploader', MOST_STRENGTH, basis))
  for (const uploader of new Set([...posts.keys(), ...withheld.keys()])) {
    if (proven.has(uploader)) continue
    const stewards = new Tally()
    const sweptForOthers = ({ accused, at }: Observation) =>
      (sweeps.get(accused) ?? []).some(
        (sweep) => sweep.accuser !== uploader && Math.abs(sweep.at - at) <= measure.aliveWithin,
      )
    const basis: Observation[] = []
    for (const post of posts.get(uploader) ?? []) {
      if (post.kind === 'swept') stewards.addGood(`${bodyOf(post)} swept`)
      else if (sweptForOthers(post)) {
        stewards.addBad(bodyOf(post), bodyOf(post))
        basis.push(post)
      }
    }
    for (const one of withheld.get(uploader) ?? []) {
      stewards.addBad(voiceOf(one), voiceOf(one))
      basis.push(one)
    }
    const strength = stewards.strength(measure) - looks
    if (strength >= measure.bar) findings.push(findingOf(uploader, 'bogus-uploader', strength, basis))
  }
  return findings
}

/**
 * Uploader and steward that live on each other, to earn the right to store or to move the index (ShillUploader, EmptyInventorySteward). Unit: a
 * day with a sweep of the uploader's, by steward cluster; spoilt when it was this steward's, and the uploader pays for half of what that steward
 * sweeps. Within one declared cluster the sweeps say it all, and only their number counts. Both are named.
 */
export function findSelfDealing({ observations, policy, looks }: PatternInput): Finding[] {
  const measure = policy.selfDealing
  const sweeps = observations.filter(({ weight, kind }) => weight === 1 && kind === 'swept')
  const byUploader = Map.groupBy(sweeps, voiceOf)
  const bySteward = Map.groupBy(sweeps, bodyOf)
  const findings = new Map<Address, Finding>()
  for (const [uploader, all] of byUploader) {
    const rounds = new Map(all.map((sweep) => [`${bodyOf(sweep)}/${dayOf(sweep.at)}`, bodyOf(sweep)]))
    for (const [steward, between] of Map.groupBy(all, bodyOf)) {
      if (between.length < measure.least) continue
      const common = daysOf(between).size
      if (common < measure.least || common < measure.captive * daysOf(bySteward.get(steward) ?? []).size) continue
      const days = new Tally()
      for (const [round, asked] of rounds)
        if (asked === steward) days.addBad(round, uploader)
        else if (steward !== uploader) days.addGood(round)
      const strength = days.strength(measure) - looks
      if (strength < measure.bar) continue
      for (const accused of new Set(between.flatMap((sweep) => [sweep.accused, sweep.accuser])))
        if ((findings.get(accused)?.strength ?? 0) < strength)
          findings.set(accused, findingOf(accused, 'self-dealing', strength, between))
    }
  }
  return [...findings.values()]
}

function daysOf(sweeps: readonly Observation[]): Set<string> {
  return new Set(sweeps.map(({ accuser, accused, at }) => `${accuser}/${accused}/${dayOf(at)}`))
}

const ABOUT_READING: ReadonlySet<string> = new Set(['timeout', 'slow', 'refused', 'wrong-bytes'])

/**
 * Accuses, and probes come through (FalseReporter). A report is judged when a monitor read from the accused around that time; dismissed when it was
 * served and nothing failed. Unit: an accused and day, so that one broken evening with one neighbour counts once.
 */
export function findSerialAccusers({ observations, policy, looks }: PatternInput): Finding[] {
  const measure = policy.serialAccuser
  const probes = Map.groupBy(
    observations.filter(
      ({ weight, kind }) => weight === 1 && (kind === 'probe-ok' || kind === 'probe-failed' || kind === 'timeout'),
    ),
    ({ accused }) => accused,
  )
  const reports = Map.groupBy(
    observations.filter(({ weight, kind }) => weight === 0 && ABOUT_READING.has(kind)),
    ({ accuser }) => accuser,
  )
  return [...reports].flatMap(([accuser, said]) => {
    if (said.length < measure.least) return []
    const units = new Tally()
    const basis: Observation[] = []
    for (const report of said) {
      const around = (probes.get(report.accused) ?? []).filter(
        ({ at, accuser: monitor }) => monitor !== accuser && Math.abs(at - report.at) <= measure.probedWithin,
      )
      if (around.length === 0) continue // not probed: hearsay, which weighs nothing either way
      const unit = `${report.accused}/${dayOf(report.at)}`
      if (around.every(({ kind }) => kind === 'probe-ok')) {
        units.addBad(unit, report.accused)
        basis.push(report, ...around)
      } else units.addGood(unit)
    }
    const strength = units.robustStrength(measure) - looks // without whom it accuses most: one neighbour behind a bad line is no habit
    return strength < measure.bar ? [] : [findingOf(accuser, 'serial-accuser', strength, basis)]
  })
}
