import { expect } from 'chai'
import fc from 'fast-check'
import { DAY, unixTime } from '../../base/units.ts'
import { type Observation, observationHash } from '../../pool/observation.ts'
import { PATTERN_POLICY } from '../../pool/pattern-policy.ts'
import type { PatternName } from '../../pool/patterns/finding.ts'
import { findPatterns } from '../../pool/patterns.ts'
import {
  aBlob,
  aBogusStory,
  aFetchStory,
  aHostageStory,
  anAccuserStory,
  anAgent,
  anExitStory,
  anHonestStory,
  aRingStory,
  aSelfDealingStory,
  MONITORS,
  READER,
  STEWARD,
  seen,
  TODAY,
  UPLOADER,
} from './pattern-deeds.ts'

const env = { now: unixTime(TODAY), policy: PATTERN_POLICY }
const found = (observations: readonly Observation[]) =>
  findPatterns(observations, env).map(({ accused, pattern }) => `${pattern} ${accused}`)
const strengthIn = (observations: readonly Observation[], pattern: PatternName) =>
  Math.max(
    0,
    ...findPatterns(observations, env)
      .filter((one) => one.pattern === pattern)
      .map(({ strength }) => strength),
  )

/** Every villain's story by the pattern that must find it, and the one who must be named. */
const STORIES: readonly (readonly [PatternName, (count?: number) => Observation[], string])[] = [
  ['selective-serving', aHostageStory, STEWARD],
  ['exit-after-claim', anExitStory, STEWARD],
  ['fetch-just-in-time', aFetchStory, STEWARD],
  ['missing-ring', (count) => aRingStory(4, count), anAgent(0x50)],
  ['bogus-uploader', aBogusStory, UPLOADER],
  ['self-dealing', aSelfDealingStory, STEWARD],
  ['serial-accuser', anAccuserStory, READER],
]

describe('pool/patterns', () => {
  for (const [pattern, story, accused] of STORIES) {
    it(`${pattern}: the villain is named, with the observations it rests on`, () => {
      const observations = story()
      const finding = findPatterns(observations, env).find((one) => one.pattern === pattern && one.accused === accused)
      expect(finding, found(observations).join()).not.to.equal(undefined)
      const hashes = new Set(observations.map(observationHash))
      expect(finding?.evidence).not.to.be.empty
      for (const hash of finding?.evidence ?? []) expect(hashes.has(hash)).to.equal(true)
      expect(finding?.from).to.be.at.most(finding?.to ?? 0)
    })

    it(`${pattern}: a handful of cases names nobody`, () => {
      expect(found(story(3))).to.deep.equal([])
    })

    it(`${pattern}: hearsay names nobody`, () => {
      const said = story().map((one) => ({ ...one, weight: 0 as const }))
      expect(found(said)).to.deep.equal([])
    })

    it(`${pattern}: what is older than the window, or said to come, is forgotten`, () => {
      const moved = (by: number) => story().map((one) => ({ ...one, at: unixTime(one.at + by * DAY) }))
      expect(found(moved(-60))).to.deep.equal([])
      expect(found(moved(60))).to.deep.equal([])
    })
  }

  it('an ordinary month with an outage and two turned-away readers names nobody', () => {
    expect(found(anHonestStory())).to.deep.equal([])
  })

  it('one liar convicts nobody: refusals that one monitor alone has seen do not count', () => {
    const alone = aHostageStory().filter(({ accuser }) => accuser !== MONITORS[0])
    expect(found(alone)).to.deep.equal([])
    const oneCluster = aHostageStory().map((one) => ({ ...one, accuserCluster: 'net of liars' }))
    expect(found(oneCluster)).to.deep.equal([])
  })

  it('who lost a disk is no hostage-taker: refusals without a later sweep do not count', () => {
    const lost = aHostageStory().map((one) => (one.kind === 'swept' ? seen('swept', 20, { accuser: UPLOADER }) : one))
    expect(found(lost)).to.deep.equal([])
  })

  it('one crash right after a sweep is no exit, however many blobs it takes', () => {
    const crash = Array.from({ length: 40 }, (_, i) => [
      seen('swept', 10 + (i % 3) / 2, { blobId: aBlob(i), accuser: UPLOADER }),
      seen('probe-failed', 9 - i / 40, { blobId: aBlob(i), accuser: MONITORS[i % 3] as typeof STEWARD }),
    ]).flat()
    expect(found(crash)).to.deep.equal([])
  })

  it('silence convicts nobody: a steward that answers no reader at all is no selective one', () => {
    const silent = aHostageStory().map((one) =>
      one.kind === 'probe-failed' ? { ...one, kind: 'timeout' as const } : one,
    )
    expect(found(silent)).to.deep.equal([])
  })

  it('neighbours of one declared cluster may fall together, and one common fall of strangers says nothing', () => {
    const neighbours = aRingStory(4, 6).map((one) => ({ ...one, cluster: 'one street' }))
    expect(found(neighbours)).to.deep.equal([])
    expect(found(aRingStory(20, 1))).to.deep.equal([])
  })

  it('a bounty that differs from the committed answers convicts by itself', () => {
    const proof = seen('bogus-bounty', 1, { accused: UPLOADER, accuser: STEWARD })
    expect(found([proof])).to.deep.equal([`bogus-uploader ${UPLOADER}`])
    expect(found([{ ...proof, weight: 0 }])).to.deep.equal([])
  })

  it('an uploader whose stewards were away for everybody is not at fault', () => {
    expect(found(aBogusStory().filter(({ kind }) => kind === 'missed'))).to.deep.equal([])
  })

  it('a steward with one customer that buys everywhere deals with nobody but the market', () => {
    const elsewhere = Array.from({ length: 9 }, (_, i) =>
      aSelfDealingStory().map((one) => ({ ...one, accused: anAgent(0xd0 + i) })),
    ).flat()
    expect(found([...aSelfDealingStory(), ...elsewhere])).to.deep.equal([])
  })

  it('an accuser whom the probes bear out is none', () => {
    const borneOut = anAccuserStory().map((one) =>
      one.kind === 'probe-ok' ? { ...one, kind: 'probe-failed' as const } : one,
    )
    expect(found(borneOut)).to.deep.equal([])
  })

  it('the order of observations does not matter, and one that comes twice counts once', () => {
    const all = STORIES.flatMap(([, story]) => story())
    const expected = findPatterns(all, env)
    expect(expected.length).to.be.at.least(STORIES.length)
    fc.assert(
      fc.property(fc.shuffledSubarray(all, { minLength: all.length }), fc.nat(20), (shuffled, twice) => {
        expect(findPatterns([...shuffled, ...shuffled.slice(0, twice)], env)).to.deep.equal(expected)
      }),
      { numRuns: 20 },
    )
  })

  it('fewer observations than the least count name nobody, whatever they say', () => {
    const kinds = [
      'probe-ok',
      'probe-failed',
      'refused',
      'timeout',
      'swept',
      'missed',
      'fetched',
      'withheld-docket',
    ] as const
    const anObservation = fc.record({
      kind: fc.constantFrom(...kinds),
      ago: fc.double({ min: 0, max: 29, noNaN: true }),
      accused: fc.nat(2).map(anAgent),
      accuser: fc.nat(4).map(anAgent),
      blob: fc.nat(2),
      weight: fc.constantFrom(0 as const, 1 as const),
    })
    fc.assert(
      fc.property(fc.array(anObservation, { maxLength: 3 }), (few) => {
        const observations = few.map(({ kind, ago, blob, ...rest }) =>
          seen(kind, ago, { ...rest, blobId: aBlob(blob) }),
        )
        expect(found(observations)).to.deep.equal([])
      }),
    )
  })

  it('good deeds never add strength', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(29 * 24), { maxLength: 60 }), (times) => {
        const served = times.map((at, i) =>
          seen('probe-ok', at / 24, { accuser: MONITORS[i % 3] as typeof STEWARD, blobId: aBlob(900 + (i % 5)) }),
        )
        for (const [pattern, story] of STORIES.filter(([name]) => name !== 'serial-accuser'))
          expect(strengthIn([...story(), ...served], pattern)).to.be.at.most(strengthIn(story(), pattern))
      }),
      { numRuns: 40 },
    )
  })
})
