/** Observations for tests: small stories of what somebody does, one line each. */
import type { Address } from '../../base/curve.ts'
import { DAY, unixTime } from '../../base/units.ts'
import type { Observation, ObservationKind } from '../../pool/observation.ts'

/** A day 1000 in the life of a pool. */
export const TODAY = 1000 * DAY

export const anAgent = (n: number): Address => `0x${n.toString(16).padStart(40, '0')}`
export const aBlob = (n: number): string => n.toString(16).padStart(64, '0')
export const [STEWARD, UPLOADER, READER] = [anAgent(1), anAgent(2), anAgent(3)] as const
/** Monitors of clusters of their own. */
export const MONITORS = [anAgent(0xa1), anAgent(0xa2), anAgent(0xa3)] as const

/** @param ago days before `TODAY` */
export function seen(kind: ObservationKind, ago: number, more: Partial<Observation> = {}): Observation {
  return {
    at: unixTime(Math.round(TODAY - ago * DAY)),
    accused: STEWARD,
    accuser: MONITORS[Math.floor(ago * 24) % 3] as Address,
    kind,
    blobId: aBlob(1),
    weight: 1,
    ...more,
  }
}

/** Twelve days on which two monitors were refused, and a sweep after them all. */
export function aHostageStory(days = 12): Observation[] {
  const refusals = Array.from({ length: days }, (_, i) =>
    MONITORS.slice(0, 2).map((accuser, j) => seen('probe-failed', i + 2.1 + j / 10, { accuser })),
  ).flat()
  return [...refusals, seen('swept', 1, { accuser: UPLOADER })]
}

/** Each third day a docket is swept, and its blob is gone the day after. */
export function anExitStory(rounds = 8): Observation[] {
  return Array.from({ length: rounds }, (_, i) => {
    const blobId = aBlob(100 + i)
    const ago = 3 * i + 2
    return [
      seen('swept', ago, { blobId, accuser: UPLOADER }),
      seen('probe-failed', ago - 0.5, { blobId, accuser: MONITORS[i % 3] as Address }),
    ]
  }).flat()
}

/** Swept blobs, each read from a peer a few hours before. */
export function aFetchStory(rounds = 7): Observation[] {
  return Array.from({ length: rounds }, (_, i) => {
    const blobId = aBlob(200 + i)
    const ago = 3 * i + 1
    return [seen('fetched', ago + 0.2, { blobId, accuser: READER }), seen('swept', ago, { blobId, accuser: UPLOADER })]
  }).flat()
}

/** Four stewards of four clusters that are away on the same days, every fifth day. */
export function aRingStory(size = 4, falls = 6): Observation[] {
  return Array.from({ length: falls }, (_, fall) =>
    Array.from({ length: size }, (_, i) =>
      seen('missed', 5 * fall + 1 + i / 24, { accused: anAgent(0x50 + i), accuser: UPLOADER, cluster: `net ${i}` }),
    ),
  ).flat()
}

/** Eight stewards miss what this uploader posted, and sweep for another one. */
export function aBogusStory(stewards = 8): Observation[] {
  return Array.from({ length: stewards }, (_, i) => [
    seen('missed', 5 + i, { accused: anAgent(0x70 + i), accuser: UPLOADER }),
    seen('swept', 4.5 + i, { accused: anAgent(0x70 + i), accuser: READER }),
  ]).flat()
}

/** One uploader and one steward with nobody else. */
export function aSelfDealingStory(rounds = 12): Observation[] {
  return Array.from({ length: rounds }, (_, i) =>
    seen('swept', 2 * i + 1, { accuser: UPLOADER, blobId: aBlob(300 + i) }),
  )
}

/** Reports about three stewards that serve everybody else. */
export function anAccuserStory(reports = 20): Observation[] {
  return Array.from({ length: reports }, (_, i) => {
    const accused = anAgent(0x90 + (i % 4))
    return [
      seen('timeout', i + 1, { accused, accuser: READER, weight: 0 }),
      seen('probe-ok', i + 1 + 2 / 24, { accused, accuser: MONITORS[0] }),
    ]
  }).flat()
}

/** A steward with an ordinary month: sweeps and reads, one outage of two days with its misses, a few turned-away readers. */
export function anHonestStory(accused = STEWARD): Observation[] {
  const reads = Array.from({ length: 28 }, (_, day) =>
    MONITORS.map((accuser, i) =>
      seen(day === 10 || day === 11 ? 'timeout' : 'probe-ok', day + i / 10 + 0.2, { accused, accuser }),
    ),
  ).flat()
  const sweeps = Array.from({ length: 9 }, (_, i) =>
    seen('swept', 3 * i + 1, { accused, accuser: anAgent(0xc0 + i), blobId: aBlob(i) }),
  )
  const busy = [
    seen('refused', 20, { accused, accuser: MONITORS[0] }),
    seen('refused', 4, { accused, accuser: MONITORS[1] }),
  ]
  return [...reads, ...sweeps, ...busy, seen('missed', 10.5, { accused, accuser: UPLOADER })]
}
