import { expect } from 'chai'
import fc from 'fast-check'
import { utf8 } from '../../base/bytes.ts'
import { addressOf, signDigest } from '../../base/curve.ts'
import { HoldfastError } from '../../base/errors.ts'
import { sha256 } from '../../base/hash.ts'
import { demandDigest, helloDigest } from '../../base/typed-data.ts'
import { answerOf } from '../../blob/challenge.ts'
import { clearingDigest, commitsRoot } from '../../net/messages/bid.ts'
import { REPORT_KINDS } from '../../net/messages/report.ts'
import { isParty, judge } from '../../pool/evidence.ts'
import { decodeEvidence } from '../../pool/evidence-form.ts'
import { isReportSigned, isVerdictSigned, opens, sealVote, signVerdict } from '../../pool/report.ts'
import {
  aBounty,
  aClearing,
  aReceipt,
  aReport,
  facts,
  MARKET,
  NOW,
  POOL,
  POOL_ID,
  steward,
  uploader,
  word,
} from './report-builder.ts'

const blob = utf8('the bytes of a blob')
const other = utf8('the bytes of another one')
const shownBlobs = (docket: ReturnType<typeof aBounty>) =>
  docket.challenges.map(({ bytes }) => ({ length: bytes.length, token: new Uint8Array(0), bytes }))

function codeOf(act: () => unknown): string {
  try {
    act()
  } catch (cause) {
    if (cause instanceof HoldfastError) return cause.code
    throw cause
  }
  return 'nothing thrown'
}

describe('pool/evidence', () => {
  const accused = addressOf(uploader)

  describe('a bogus bounty', () => {
    it('is proven by one report: the bytes give another claim key than the one that was posted', () => {
      const bogus = aBounty([blob, other], addressOf(word('thrown away')))
      const report = aReport(
        'bogus-bounty',
        { bounty: bogus.bounty, docket: bogus.docket, blobs: shownBlobs(bogus) },
        { accused, subject: bogus.id },
      )
      const found = judge(report, facts(bogus))
      expect(found).to.include({ class: 'self-verifying', outcome: 'proven' })
      expect(found.why).to.contain(bogus.right)
    })

    it('is dismissed where the bytes give the key, where no such bounty stands, and where the chain says otherwise', () => {
      const honest = aBounty([blob, other])
      const evidence = { bounty: honest.bounty, docket: honest.docket, blobs: shownBlobs(honest) }
      expect(judge(aReport('bogus-bounty', evidence, { accused, subject: honest.id }), facts(honest)).outcome).to.equal(
        'dismissed',
      )
      const never = aBounty([blob], addressOf(word('never posted')))
      const framed = aReport(
        'bogus-bounty',
        { bounty: never.bounty, docket: never.docket, blobs: shownBlobs(never) },
        { accused, subject: never.id },
      )
      expect(judge(framed, facts(honest)).outcome).to.equal('dismissed')
      expect(
        judge(framed, facts({ id: never.id, onChain: { ...never.onChain, docketHash: word('x') } })).outcome,
      ).to.equal('dismissed')
    })

    it('is open while its bytes or the chain are not there, and judged with answers made from bytes that a monitor fetched', () => {
      const bogus = aBounty([blob], addressOf(word('thrown away')))
      const blobs = [{ length: blob.length, token: word('lent'), bytes: new Uint8Array(0) }]
      const report = aReport(
        'bogus-bounty',
        { bounty: bogus.bounty, docket: bogus.docket, blobs },
        { accused, subject: bogus.id },
      )
      expect(judge(report, facts(bogus))).to.include({ outcome: 'open', needs: 'bytes' })
      const answer = (blobId: Uint8Array, nonce: Uint8Array) => answerOf(MARKET, blobId, blob, nonce)
      expect(judge(report, { ...facts(bogus), answer }).outcome).to.equal('proven')
      expect(judge(report, { market: MARKET, pool: POOL, answer })).to.include({ outcome: 'open', needs: 'chain' })
    })

    it('is refused with bytes of another blob, another docket, or between others', () => {
      const bogus = aBounty([blob], addressOf(word('thrown away')))
      const body = { bounty: bogus.bounty, docket: bogus.docket, blobs: shownBlobs(bogus) }
      const about = { accused, subject: bogus.id }
      const wrong = [
        aReport('bogus-bounty', { ...body, blobs: [{ length: 5, token: new Uint8Array(0), bytes: other }] }, about),
        aReport('bogus-bounty', { ...body, docket: aBounty([other]).docket }, about),
        aReport('bogus-bounty', { ...body, blobs: [...body.blobs, ...body.blobs] }, about),
        aReport('bogus-bounty', body, { ...about, accused: addressOf(steward) }),
        aReport('bogus-bounty', body, { ...about, by: word('a stranger') }),
        aReport('bogus-bounty', body, { ...about, subject: word('another bounty') }),
      ]
      for (const report of wrong) expect(codeOf(() => judge(report, facts(bogus)))).to.equal('EVIDENCE_INVALID')
    })
  })

  describe('a clearing', () => {
    const about = (hash: Uint8Array) => ({ accused, subject: hash })
    it('that follows the rules is dismissed', () => {
      const { shown, hash } = aClearing()
      const found = judge(aReport('wrong-clearing', shown, about(hash)), facts())
      expect(found, found.why).to.include({ class: 'self-verifying', outcome: 'dismissed' })
    })

    it('that pays a winner less than its score, sells above the reserve, or gives lots to others, is proven wrong', () => {
      const wrongs = [
        aClearing(({ lots }) => ({ price: 10n ** 15n, lots })),
        aClearing(({ lots }) => ({ price: 10n ** 20n, lots })),
        aClearing(({ price, lots }) => ({ price, lots: new Map([...lots].map(([id]) => [id, 0])) })),
        // the dearest of five wins in place of the cheapest
        aClearing(({ lots }) => {
          const [, ...rest] = [...lots]
          const dear = addressOf(word('bidder 4'))
          return { price: 20n * 10n ** 15n, lots: new Map([...rest, [dear, lots.values().next().value ?? 0]]) }
        }),
      ]
      for (const { shown, hash } of wrongs) {
        const found = judge(aReport('wrong-clearing', shown, about(hash)), facts())
        expect(found, found.why).to.include({ class: 'self-verifying', outcome: 'proven' })
      }
    })

    it('that is off by a single wei, leaves a lot out, or goes by a reserve above the advertised one, is proven wrong', () => {
      const dear = aClearing()
      const rules = { ...dear.shown.rules, reserve: dear.advert.reserve + 1n }
      const root = commitsRoot(dear.hash, rules, dear.shown.commits)
      const { price, reveals } = dear.shown.outcome
      const signature = signDigest(uploader, clearingDigest(dear.hash, root, price, reveals))
      const wrongs = [
        aClearing(({ price, lots }) => ({ price: price - 1n, lots })),
        aClearing(({ price, lots }) => ({ price: price + 1n, lots })),
        aClearing(({ price, lots }) => ({ price, lots: new Map([...lots].slice(1)) })),
        { shown: { ...dear.shown, rules, outcome: { root, price, reveals, signature } }, hash: dear.hash },
      ]
      for (const { shown, hash } of wrongs)
        expect(judge(aReport('wrong-clearing', shown, about(hash)), facts())).to.include({
          class: 'self-verifying',
          outcome: 'proven',
        })
    })

    it('is refused unsigned, with other commits, of another advert, uploader or market', () => {
      const { shown, hash } = aClearing()
      const bad = [
        { ...shown, outcome: { ...shown.outcome, price: shown.outcome.price + 1n } },
        { ...shown, commits: shown.commits.slice(1) },
        { ...shown, rules: { ...shown.rules, reserve: 1n } },
        { ...shown, advert: { ...shown.advert, reserve: 1n } },
      ]
      for (const body of bad)
        expect(codeOf(() => judge(aReport('wrong-clearing', body, about(hash)), facts()))).to.equal('EVIDENCE_INVALID')
      expect(codeOf(() => judge(aReport('wrong-clearing', shown, about(word('x'))), facts()))).to.equal(
        'EVIDENCE_INVALID',
      )
      const foreign = { ...facts(), market: { ...MARKET, chainId: 1 } }
      expect(codeOf(() => judge(aReport('wrong-clearing', shown, about(hash)), foreign))).to.equal('EVIDENCE_FOREIGN')
    })
  })

  describe('a contradiction', () => {
    it('of two clearings over one list of commits is proven; the same one twice is not, and two auctions are none', () => {
      const { advert, hash, shown } = aClearing()
      const twin = aClearing(({ price, lots }) => ({ price: price - 1n, lots })).shown
      const about = { accused, subject: hash }
      const proven = aReport(
        'contradiction',
        { kind: 'clearings', advert, first: shown.outcome, second: twin.outcome },
        about,
      )
      expect(judge(proven, facts())).to.include({ class: 'self-verifying', outcome: 'proven' })
      const same = aReport(
        'contradiction',
        { kind: 'clearings', advert, first: shown.outcome, second: shown.outcome },
        about,
      )
      expect(judge(same, facts()).outcome).to.equal('dismissed')
      const root = word('another list')
      const again = {
        ...shown.outcome,
        root,
        signature: signDigest(uploader, clearingDigest(hash, root, shown.outcome.price, shown.outcome.reveals)),
      }
      const held = aReport('contradiction', { kind: 'clearings', advert, first: shown.outcome, second: again }, about)
      expect(codeOf(() => judge(held, facts()))).to.equal('EVIDENCE_INVALID')
    })

    it('of two Hellos with one nonce, and of two ballots on one report, is proven by their signatures', () => {
      const terms = {
        connectionId: word('c'),
        nonce: word('n'),
        time: NOW,
        from: addressOf(steward),
        to: accused,
        pool: POOL_ID,
        roles: 1,
        version: 1,
      }
      const hello = (change: Partial<typeof terms>) => ({
        ...terms,
        ...change,
        signature: signDigest(steward, helloDigest(POOL, { ...terms, ...change })),
      })
      const about = { by: uploader, accused: addressOf(steward), subject: word('n') }
      const two = (change: Partial<typeof terms>) =>
        aReport('contradiction', { kind: 'hellos', first: hello({}), second: hello(change) }, about)
      expect(judge(two({ roles: 4 }), facts()).outcome).to.equal('proven')
      expect(judge(two({}), facts()).outcome).to.equal('dismissed')
      expect(codeOf(() => judge(two({ nonce: word('another') }), facts()))).to.equal('EVIDENCE_INVALID')
      const ballot = (vote: number, salt: string) =>
        sealVote(steward, POOL_ID, { report: word('r'), vote, salt: word(salt) })
      const votes = aReport('contradiction', { kind: 'ballots', first: ballot(0, 'a'), second: ballot(1, 'b') }, about)
      expect(judge(votes, facts())).to.include({ class: 'self-verifying', outcome: 'proven' })
    })
  })

  it('of a read is corroborable with a token and hearsay without, and a token that is not the placement\u2019s is refused', () => {
    const blobId = sha256(blob)
    const token = word('token')
    const about = { by: uploader, accused: addressOf(steward), subject: blobId }
    for (const kind of ['timeout', 'slow', 'refused', 'wrong-bytes'] as const) {
      expect(judge(aReport(kind, { token, ms: 5 }, about), facts())).to.include({
        class: 'corroborable',
        needs: 'probe',
      })
      expect(judge(aReport(kind, {}, about), facts()).class).to.equal('hearsay')
    }
    const wrong = aReport('refused', { token: word('no'), receipt: aReceipt(blobId, token) }, about)
    expect(codeOf(() => judge(wrong, facts()))).to.equal('EVIDENCE_INVALID')
  })

  it('of an unclaimed bounty is objective and never more: proven only when the chain shows it taken back after its deadline', () => {
    const { bounty, id, onChain } = aBounty([blob])
    const report = aReport('unclaimed-bounty', { bounty }, { by: uploader, accused: addressOf(steward), subject: id })
    const ended = (kind: 'swept' | 'revoked', at: number) => facts({ id, onChain: { ...onChain, end: { kind, at } } })
    expect(judge(report, ended('revoked', bounty.deadline + 3_601))).to.include({
      class: 'objective',
      outcome: 'proven',
    })
    expect(judge(report, ended('swept', bounty.deadline)).outcome).to.equal('dismissed')
    expect(judge(report, ended('revoked', bounty.deadline - 5)).outcome).to.equal('dismissed')
    expect(judge(report, facts({ id, onChain })).outcome).to.equal('dismissed')
  })

  it('of a withheld docket needs the steward\u2019s own signed demand, and is for a monitor to find out', () => {
    const { bounty, id, onChain } = aBounty([blob])
    const demand = signDigest(steward, demandDigest(MARKET, { bountyId: id, docketHash: bounty.docketHash }))
    const report = (signature: Uint8Array) =>
      aReport('withheld-docket', { bounty, demand: signature }, { accused, subject: id })
    expect(judge(report(demand), facts({ id, onChain }))).to.include({ class: 'corroborable', needs: 'probe' })
    expect(codeOf(() => judge(report(signDigest(uploader, word('x'))), facts({ id, onChain })))).to.equal(
      'EVIDENCE_INVALID',
    )
  })

  it('shows an accuser as a party only by a placement that both sides signed', () => {
    const blobId = sha256(blob)
    const receipt = aReceipt(blobId, word('token'))
    const about = { by: uploader, accused: addressOf(steward), subject: blobId }
    expect(isParty(aReport('refused', { receipt }, about), MARKET)).to.equal(true)
    expect(isParty(aReport('refused', {}, about), MARKET)).to.equal(false)
    expect(isParty(aReport('refused', { receipt }, { ...about, by: word('stranger') }), MARKET)).to.equal(false)
    const forged = { ...receipt, countersignature: receipt.signature }
    expect(isParty(aReport('refused', { receipt: forged }, about), MARKET)).to.equal(false)
    expect(isParty(aReport('refused', { receipt }, about), { ...MARKET, chainId: 1 })).to.equal(false)
  })

  it('in random bytes, or of another kind, is refused by name and nothing else happens', () => {
    fc.assert(
      fc.property(fc.constantFrom(...REPORT_KINDS), fc.uint8Array({ maxLength: 300 }), (kind, bytes) => {
        try {
          decodeEvidence(kind, bytes)
        } catch (cause) {
          expect((cause as HoldfastError).code).to.equal('EVIDENCE_INVALID')
        }
      }),
      { numRuns: 3_000 },
    )
  })
})

describe('pool/report', () => {
  it('stands by its signature: one bit of any field changed, and it is nobody\u2019s', () => {
    const report = aReport('refused', {}, { by: uploader, accused: addressOf(steward), subject: word('blob') })
    expect(isReportSigned(report)).to.equal(true)
    for (const change of [
      { at: report.at + 1 },
      { kind: 'slow' as const },
      { subject: word('x') },
      { pool: word('x') },
      { accused: addressOf(uploader) },
      { accuser: addressOf(steward) },
      { evidence: utf8('x') },
    ])
      expect(isReportSigned({ ...report, ...change }), Object.keys(change).join()).to.equal(false)
  })

  it('a verdict names the hash of its evidence, and a seal opens only with its own vote and salt', () => {
    const verdict = signVerdict(steward, {
      pool: POOL_ID,
      accused: addressOf(uploader),
      finding: 'bogus-bounty',
      reason: 1,
      class: 'self-verifying',
      at: NOW,
      evidence: utf8('e'),
    })
    expect(isVerdictSigned(verdict)).to.equal(true)
    expect(isVerdictSigned({ ...verdict, evidence: utf8('f') })).to.equal(false)
    expect(isVerdictSigned({ ...verdict, class: 'panel' })).to.equal(false)
    const ballot = sealVote(steward, POOL_ID, { report: word('r'), vote: 1, salt: word('s') })
    expect(opens(ballot, { vote: 1, salt: word('s') })).to.equal(true)
    expect(opens(ballot, { vote: 0, salt: word('s') })).to.equal(false)
    expect(opens(ballot, { vote: 1, salt: word('t') })).to.equal(false)
  })
})
