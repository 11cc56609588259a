/** Gathering single questions into one call: while a call is under way, what is asked meanwhile waits and goes together in the next. */

/**
 * @param call answers in the order of the questions
 * @param most questions of one call
 */
export function gather<Question, Answer>(
  call: (questions: readonly Question[]) => Promise<readonly Answer[]>,
  most: number,
): (question: Question) => Promise<Answer> {
  const waiting: { readonly question: Question; resolve(answer: Answer): void; reject(cause: unknown): void }[] = []
  let running = false
  const run = async () => {
    running = true
    while (waiting.length > 0) {
      const batch = waiting.splice(0, most)
      try {
        const answers = await call(batch.map(({ question }) => question))
        for (const [at, { resolve }] of batch.entries()) resolve(answers[at] as Answer)
      } catch (cause) {
        for (const { reject } of batch) reject(cause)
      }
    }
    running = false
  }
  return (question) =>
    new Promise((resolve, reject) => {
      waiting.push({ question, resolve, reject })
      // after this turn of the loop, so that questions asked together go together
      if (!running) queueMicrotask(() => void (running || run()))
    })
}
