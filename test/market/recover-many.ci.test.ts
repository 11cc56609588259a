/**
 * Total loss with many small objects: from the words to everything listed and fetchable. 1,000 objects in the slow tier, where the limit
 * is two minutes. Objects are put from this process, several at once, through the same uploader and the controller's own API.
 */
import { createHash, randomBytes } from 'node:crypto'
import { copyFile, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { fromHex, toHex } from '../../base/bytes.ts'
import { DAY, MiB, seconds } from '../../base/units.ts'
import { rootKeysOf } from '../../blob/identity.ts'
import { openClientNode } from '../../cli/client-node.ts'
import { type Context, openContext, outputFor } from '../../cli/context.ts'
import { readUserKeys } from '../../cli/keys.ts'
import { openLedgerView } from '../../cli/ledger-view.ts'
import { openControllerApi } from '../../cli/local-api.ts'
import { createMemoryJournal } from '../../cli/memory-journal.ts'
import { readSecretFile } from '../../cli/passphrase.ts'
import { remotePutBook } from '../../controller/remote-book.ts'
import { getObject } from '../../uploader/get.ts'
import { putObject } from '../../uploader/put.ts'
import type { PutJournal } from '../../uploader/put-journal.ts'
import { createSendBlob } from '../../uploader/send-blob.ts'
import { createVault } from '../../uploader/vault.ts'
import { silent } from '../controller/memory-market.ts'
import { effort } from '../effort.ts'
import { killHard, until } from '../processes.ts'
import { pidOf } from './after-crashes.ts'
import { useMarket } from './market.ts'

const OBJECTS = effort(20, 40, 1000)
const AT_ONCE = 3
/** A put that a busy computer let run into a time limit is run again, as a person would. */
const TRIES = 4
/** From the words to the list. Seconds. */
const LIMIT = 120

const contextOf = (home: string): Promise<Context> =>
  openContext({ home, json: true }, outputFor({ json: true }, {}), new AbortController())

/** Runs `work` over all items, several at once. */
async function each<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const left = [...items]
  const lanes = Array.from({ length: AT_ONCE }, async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item)
  })
  await Promise.all(lanes)
}

async function again<Result>(run: () => Promise<Result>): Promise<Result> {
  for (let tries = 1; ; tries++)
    try {
      return await run()
    } catch (cause) {
      if (tries >= TRIES) throw cause
    }
}

/** The user's key of a home made on a dev chain. */
async function rootOf({ home }: Context): Promise<Uint8Array> {
  return (await readUserKeys(home.keystore, await readSecretFile(home.devPassphrase))).root
}

describe(`market: total loss with ${OBJECTS} small objects`, function () {
  this.timeout(effort(120, 300, 3600) * 1000)
  this.bail(true)
  // a day's budget is for a person's puts, not for a thousand in a row
  const market = useMarket(3, { backup: 'on', feeBudget: '10 ETH' })
  const hashes = new Map<string, string>()
  const words = () => market().sandbox.path('words')
  const fresh = () => market().sandbox.path('fresh')

  it('stores them', async () => {
    const context = await contextOf(market().home)
    const { clock, rng } = context
    const root = await rootOf(context)
    const api = await openControllerApi(context)
    await using client = await openClientNode(context, silent)
    const deps = {
      book: remotePutBook({ post: (path, body, call) => api.post(path, body, call) }),
      send: createSendBlob(client.net),
      rng,
      clock,
      vault: createVault(rootKeysOf(root).ledgerKey, rng),
      editorParent: root,
      log: silent,
    }
    await each(
      Array.from({ length: OBJECTS }, (_, at) => at),
      async (at) => {
        const bytes = randomBytes(200 + (at % 50))
        const journal = createMemoryJournal()
        const source = {
          size: bytes.length,
          path: `object ${at}`,
          read: async (offset: number, length: number) => bytes.subarray(offset, offset + length),
          assertUnchanged: async () => undefined,
        }
        const records: PutJournal = {
          read: (name) => journal.get(name),
          write: (name, value) => journal.commit([{ key: name, value }]),
          clear: async () => {
            const changes: { key: string; value: undefined }[] = []
            for await (const [key] of journal.list('')) changes.push({ key, value: undefined })
            await journal.commit(changes)
          },
        }
        const options = { segmentSize: MiB, k: 1, n: 2, term: seconds(90 * DAY), limits: {}, name: `object ${at}` }
        const store = () => putObject({ ...deps, journal: records }, source, options)
        const { id } = await again(store)
        hashes.set(toHex(id), createHash('sha256').update(bytes).digest('hex'))
      },
    )
    api.close()
    expect(hashes.size).to.equal(OBJECTS)
  })

  it('has all of them in a backup, and loses the machine', async () => {
    await until(
      async () => {
        const { last } = await market().ok(['controller', 'status'])
        return (last['backup'] as { state: string }).state === 'done'
      },
      300_000,
      'a backup of everything',
    )
    await copyFile(join(market().home, 'controller', 'words.txt'), words())
    await killHard(await pidOf(market(), 'controller'))
    await rm(join(market().home, 'controller'), { recursive: true, force: true })
  })

  it(`lists them again within ${LIMIT} s, from the words`, async () => {
    const { rpc, contracts } = market().ready
    const started = performance.now()
    const recovered = await market().sandbox.ok(
      [
        'recover',
        '--words-file',
        words(),
        '--rpc',
        rpc,
        '--market',
        contracts.market as string,
        '--home',
        fresh(),
        '--yes',
        '--json',
      ],
      { timeoutMs: 600_000 },
    )
    expect(recovered.last).to.include({ objects: OBJECTS, placements: 4 * OBJECTS })
    const { lines } = await market().sandbox.ok(['ls', '--home', fresh(), '--json'])
    const took = (performance.now() - started) / 1000
    console.log(`      ${OBJECTS} objects listed ${took.toFixed(1)} s after the words were given`)
    expect(lines.filter(({ type }) => type === 'object')).to.have.length(OBJECTS)
    expect(took).to.be.below(LIMIT)
  })

  it('fetches every one of them, bit for bit', async () => {
    const context = await contextOf(fresh())
    const { clock, rng } = context
    const vault = createVault(rootKeysOf(await rootOf(context)).ledgerKey, rng)
    const caps = new Map<string, Uint8Array>()
    {
      await using view = await openLedgerView(context)
      for (const id of hashes.keys()) caps.set(id, vault.open(fromHex((await view.object(id)).sealedCap), id))
    }
    const started = performance.now()
    await using client = await openClientNode(context, silent)
    await each([...caps], async ([id, cap]) => {
      const hash = createHash('sha256')
      const sink = { write: async (bytes: Uint8Array) => void hash.update(bytes) }
      await getObject({ finder: client.finder(), fetch: client.fetch, clock, log: silent }, cap, sink)
      expect(hash.digest('hex'), id).to.equal(hashes.get(id))
    })
    console.log(`      all fetched in ${((performance.now() - started) / 1000).toFixed(1)} s`)
    expect((await readFile(join(fresh(), 'controller', 'words.txt'), 'utf8')).trim().split(' ')).to.have.length(12)
  })
})
