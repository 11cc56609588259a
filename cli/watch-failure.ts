/** A daemon's loops end it when they fail. In a file of its own: a steward needs nothing else of what a controller is made of. */

/** Rejects once a loop has failed. */
export function watchFailure(failure: () => Error | undefined, scope: AsyncDisposableStack): Promise<never> {
  return new Promise((_, reject) => {
    const timer = setInterval(() => {
      const found = failure()
      if (found === undefined) return
      clearInterval(timer)
      reject(found)
    }, 250)
    scope.defer(async () => clearInterval(timer))
  })
}
