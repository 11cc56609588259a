/** Finding the commands that documents and remedies name, and asking the program whether they parse. */
import type { Command } from 'commander'
import { createProgram } from '../../cli/program.ts'

/** The program, loading nothing and doing nothing. */
export function quietProgram(): Command {
  return createProgram({}, async () => undefined)
}

/** Why a whole command line does not parse; undefined when it does. `args` without the program's name. */
export async function complaintAbout(args: readonly string[]): Promise<string | undefined> {
  try {
    await quietProgram().parseAsync([...args], { from: 'user' })
    return undefined
  } catch (cause) {
    const { code, message } = cause as { code?: string; message: string }
    return code === 'commander.helpDisplayed' || code === 'commander.version' ? undefined : message
  }
}

/**
 * Why a remedy names something that does not exist; undefined when all is well. In prose a command may be followed by
 * anything, so only what must be right is checked: the words that name the command, and the options right behind them.
 */
export function complaintAboutRemedy(text: string): string | undefined {
  for (const match of text.matchAll(/\bholdfast((?: +(?:-{1,2})?[\w{}-]+)*)/g)) {
    const words = (match[1] as string)
      .trim()
      .split(/ +/)
      .filter((word) => word !== '')
    const complaint = complaintAboutWords(words.map((word) => (word === '{role}' ? 'controller' : word)))
    if (complaint !== undefined) return `${match[0]}: ${complaint}`
  }
  for (const match of text.replace(/\bholdfast[^;,]*/g, '').matchAll(/(?:^|\s)(-{1,2}[a-z][\w-]*)/g)) {
    const option = match[1] as string
    if (!allOptions(quietProgram()).has(option)) return `no command has ${option}`
  }
  return undefined
}

function complaintAboutWords(words: readonly string[]): string | undefined {
  let command = quietProgram()
  const options = new Set(['--help', '-h', ...optionsOf(command)])
  let at = 0
  for (; at < words.length; at++) {
    const next = command.commands.find((child) => child.name() === words[at])
    if (!next) break
    command = next
    for (const option of optionsOf(command)) options.add(option)
  }
  const rest = words.slice(at)
  if (at === 0 && rest[0] !== undefined && !rest[0].startsWith('-')) return `no command ${rest[0]}`
  if (command.commands.length > 0 && at > 0)
    return `it needs one of ${command.commands.map((child) => child.name()).join(', ')}`
  const wrong = rest.find((word) => word.startsWith('-') && !options.has(word))
  return wrong === undefined ? undefined : `no option ${wrong}`
}

const optionsOf = (command: Command) =>
  command.options.flatMap(({ short, long }) => [short, long]).filter((name) => name !== undefined)

function allOptions(command: Command): Set<string> {
  return new Set([...optionsOf(command), ...command.commands.flatMap((child) => [...allOptions(child)])])
}

/** The lines of fenced blocks marked `sh` that call the program, as argument lists. */
export function commandsOf(markdown: string): readonly { readonly line: string; readonly args: readonly string[] }[] {
  const blocks = [...markdown.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map((match) => match[1] as string)
  return blocks
    .flatMap((block) => block.replaceAll('\\\n', ' ').split('\n'))
    .map((line) => line.trim())
    .flatMap((line) => {
      const match = /^(?:npx )?holdfast (.*)$/.exec(line)
      if (!match) return []
      const plain = (match[1] as string).replace(/\s+#.*$/, '').replace(/\s*[|>].*$/, '')
      const args = [...plain.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
        (word) => (word[1] ?? word[2] ?? word[3]) as string,
      )
      return [{ line, args }]
    })
}
