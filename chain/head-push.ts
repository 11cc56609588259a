/**
 * New heads as the dev chain announces them, over the WebSocket that anvil and hardhat serve on the same port: a block is known a
 * millisecond after it was mined, and nobody has to ask twenty times a second. Only a hint to look; where there is none, polling goes on.
 */

/** Pause before the next attempt after one that failed or ended. ms. */
const AGAIN = 2_000

export interface HeadPush {
  /** True while announcements come. */
  isLive(): boolean
  /** Connects when it is not connected and the last attempt is long enough ago. */
  keepUp(): void
  close(): void
}

/** @param url of the endpoint, http. @param monotonic ms. @param onHead called at each announcement, and once when it goes live */
export function openHeadPush(url: string, monotonic: () => number, onHead: () => void): HeadPush {
  const target = url.replace(/^http/, 'ws')
  let socket: WebSocket | undefined
  let isLive = false
  let nextAttempt = 0

  function drop(dropped: WebSocket): void {
    if (socket !== dropped) return
    socket = undefined
    isLive = false
    nextAttempt = monotonic() + AGAIN
  }

  function connect(): void {
    const opened = new WebSocket(target)
    socket = opened
    opened.addEventListener('open', () => {
      opened.send(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'eth_subscribe', params: ['newHeads'] }))
    })
    opened.addEventListener('message', ({ data }) => {
      // The answer to the subscription, then one message a head. What they say is asked for again over HTTP, so only their kind counts.
      const text = typeof data === 'string' ? data.slice(0, 200) : ''
      if (text.includes('"error"')) return opened.close()
      isLive = true
      onHead()
    })
    opened.addEventListener('close', () => drop(opened))
    opened.addEventListener('error', () => drop(opened)) // not served here: polling goes on
  }

  return {
    isLive: () => isLive,
    keepUp() {
      if (socket === undefined && monotonic() >= nextAttempt) connect()
    },
    close() {
      nextAttempt = Number.POSITIVE_INFINITY
      const closing = socket
      socket = undefined
      isLive = false
      closing?.close()
    },
  }
}
