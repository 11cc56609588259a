import { expect } from 'chai'
import fc from 'fast-check'
import { fromHex, toHex } from '../../base/bytes.ts'
import { addressOf } from '../../base/curve.ts'
import { HoldfastError } from '../../base/errors.ts'
import { editorSecretOf, generateWords, identityOf, parseWords, rootKeysOf } from '../../blob/identity.ts'
import protocol from '../vectors/protocol.json' with { type: 'json' }

const { identity, manifest, object } = protocol
const refused = (text: string) => {
  try {
    parseWords(text)
  } catch (cause) {
    return cause as HoldfastError
  }
  throw new Error('it was not refused')
}

describe('blob/identity', () => {
  it('gives the account and the keys of the protocol vectors', () => {
    const made = identityOf(identity.words)
    expect(made.account).to.equal(identity.account)
    expect(addressOf(made.chainKey)).to.equal(identity.account)
    expect(toHex(made.root)).to.equal(identity.root)
    expect(toHex(made.nonceKey)).to.equal(identity.nonceKey)
    expect(toHex(made.ledgerKey)).to.equal(identity.ledgerKey)
    expect(toHex(made.backupKey)).to.equal(identity.backupKey)
    expect(rootKeysOf(made.root)).to.deep.equal({
      nonceKey: made.nonceKey,
      ledgerKey: made.ledgerKey,
      backupKey: made.backupKey,
    })
  })

  it('gives an object\u2019s editor, and another one for a backup of it', () => {
    const secret = editorSecretOf(fromHex(object.root), fromHex(object.objectKey))
    expect(toHex(secret)).to.equal(manifest.editorSecret)
    expect(addressOf(secret)).to.equal(manifest.editor)
    expect(toHex(editorSecretOf(rootKeysOf(fromHex(object.root)).backupKey, fromHex(object.objectKey)))).to.not.equal(
      manifest.editorSecret,
    )
  })

  it('makes twelve words of 16 bytes and twenty-four of 32, which it takes back', () => {
    // the published BIP-39 vectors for zero entropy
    expect(generateWords(new Uint8Array(16))).to.equal(`${'abandon '.repeat(11)}about`)
    expect(generateWords(new Uint8Array(32))).to.equal(`${'abandon '.repeat(23)}art`)
    fc.assert(
      fc.property(
        fc.constantFrom(16, 32).chain((length) => fc.uint8Array({ minLength: length, maxLength: length })),
        (entropy) => {
          const words = generateWords(entropy)
          expect(words.split(' ')).to.have.length(entropy.length === 16 ? 12 : 24)
          expect(parseWords(words)).to.equal(words)
        },
      ),
      { numRuns: 30 },
    )
    expect(() => generateWords(new Uint8Array(20)))
      .to.throw(HoldfastError)
      .with.property('code', 'INPUT_RANGE')
  })

  it('takes words however they are spaced and capitalised', () => {
    expect(parseWords(`  ${identity.words.toUpperCase().replaceAll(' ', ' \n\t ')} `)).to.equal(identity.words)
    expect(identityOf(`\n${identity.words}\n`).account).to.equal(identity.account)
  })

  it('says which words do not exist, and never repeats what was typed', () => {
    const error = refused('test test tset test test test test test test tesst test junk')
    expect(error.code).to.equal('INPUT_WORDS')
    expect(error.message).to.contain('word 3, word 10')
    expect(error.message).to.not.match(/tset|tesst|junk/)
  })

  it('says when there are too few words, none, or an order that the checksum refuses', () => {
    expect(refused('test test test').message).to.contain('there are 3 of them')
    expect(refused('   ').message).to.contain('there are 0 of them')
    expect(refused('junk test test test test test test test test test test test').message).to.contain('checksum')
  })
})
