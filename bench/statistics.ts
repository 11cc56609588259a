/** What samples and counts of a simulation say, with how far they can be trusted. */

/** The value below which `part` of the values lie: the smallest with at least that many at or under it. @param values not empty */
export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  if (sorted.length === 0) throw new Error('no quantile of nothing')
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] as number
}

/** The exact interval (Garwood) in which the mean of a Poisson count lies with 95 %: 0 events give 0 to 3.69. */
export function poissonInterval(events: number): readonly [low: number, high: number] {
  const low = events === 0 ? 0 : solve((mean) => 1 - poissonAtMost(events - 1, mean) - 0.025, events)
  return [low, solve((mean) => 0.025 - poissonAtMost(events, mean), events + 4 * Math.sqrt(events + 4) + 10)]
}

/** In logarithms, so that thousands of events do not underflow. */
function poissonAtMost(events: number, mean: number): number {
  if (mean === 0) return 1
  let log = -mean
  let sum = Math.exp(log)
  for (let i = 1; i <= events; i++) {
    log += Math.log(mean / i)
    sum += Math.exp(log)
  }
  return Math.min(1, sum)
}

/** Where a rising function crosses zero, between 0 and `high`. */
function solve(rising: (at: number) => number, high: number): number {
  let [from, to] = [0, high]
  for (let i = 0; i < 80; i++) {
    const middle = (from + to) / 2
    if (rising(middle) < 0) from = middle
    else to = middle
  }
  return (from + to) / 2
}
