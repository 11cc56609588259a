import { existsSync, readFileSync } from 'node:fs'
import { glob } from 'node:fs/promises'
import { posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { commandsOf, complaintAbout } from './commands-in-text.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

async function pages(): Promise<readonly { path: string; text: string }[]> {
  const found: { path: string; text: string }[] = []
  for await (const path of glob('{*.md,{docs,test,bench,contracts}/**/*.md}', { cwd: ROOT }))
    found.push({ path, text: readFileSync(`${ROOT}/${path}`, 'utf8') })
  return found
}

/** What a heading is called in a link: as the usual renderers do it. */
const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replace(/\s/g, '-')

describe('the documents', () => {
  it('link only to files and headings that exist', async () => {
    const broken: string[] = []
    for (const { path, text } of await pages()) {
      const prose = text.replace(/^```[\s\S]*?^```/gm, '').replace(/`[^`\n]*`/g, '')
      for (const match of prose.matchAll(/\]\(([^)\s]+)\)/g)) {
        const target = match[1] as string
        if (/^[a-z]+:/.test(target)) continue
        const [file, anchor] = target.split('#') as [string, string | undefined]
        const full = file === '' ? path : posix.join(posix.dirname(path), file)
        if (!existsSync(`${ROOT}/${full}`)) broken.push(`${path}: ${target}`)
        else if (anchor !== undefined && full.endsWith('.md')) {
          const headings = [...readFileSync(`${ROOT}/${full}`, 'utf8').matchAll(/^#+ (.+)$/gm)]
          if (!headings.some((heading) => anchorOf(heading[1] as string) === anchor)) broken.push(`${path}: ${target}`)
        }
      }
    }
    expect(broken).to.deep.equal([])
  })

  it('show only commands that parse', async () => {
    const complaints: string[] = []
    let count = 0
    for (const { path, text } of await pages())
      for (const { line, args } of commandsOf(text)) {
        count++
        const complaint = await complaintAbout(args)
        if (complaint !== undefined) complaints.push(`${path}: ${line}: ${complaint}`)
      }
    expect(complaints).to.deep.equal([])
    expect(count).to.be.above(20)
  })

  it('name only npm scripts that exist', async () => {
    const { scripts } = JSON.parse(readFileSync(`${ROOT}/package.json`, 'utf8')) as { scripts: Record<string, string> }
    for (const { path, text } of await pages())
      for (const match of text.matchAll(/\bnpm run ([\w:]+)/g))
        expect(scripts, `${path}: ${match[0]}`).to.have.property(match[1] as string)
  })

  it('would notice a command that does not parse', async () => {
    expect(await complaintAbout(['put', 'a.txt', '--cheap'])).to.contain('unknown option')
    expect(await complaintAbout(['putt', 'a.txt'])).to.not.equal(undefined)
    expect(await complaintAbout(['get'])).to.contain('missing required argument')
    expect(await complaintAbout(['put', 'a.txt', '--yes'])).to.equal(undefined)
    expect(commandsOf('```sh\nnpx holdfast put "a b" --yes   # why\n```\n').map(({ args }) => args)).to.deep.equal([
      ['put', 'a b', '--yes'],
    ])
  })
})
