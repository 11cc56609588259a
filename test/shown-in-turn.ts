/** Output of several programs that run at the same time, each shown in one piece: the first as it comes, the others when those before them have ended. */

/** Where one program prints. */
export interface Printer {
  write(text: string): void
  /** It prints nothing more. */
  end(): void
}

/** @returns opens a printer; the order of opening is the order of showing */
export function showInTurn(show: (text: string) => void): () => Printer {
  const waiting: { kept: string[]; isOver: boolean }[] = []
  return () => {
    const own = { kept: [] as string[], isOver: false }
    waiting.push(own)
    return {
      write(text) {
        if (waiting[0] === own) show(text)
        else own.kept.push(text)
      },
      end() {
        own.isOver = true
        while (waiting[0]?.isOver) {
          waiting.shift()
          for (const text of waiting[0]?.kept.splice(0) ?? []) show(text)
        }
      },
    }
  }
}
