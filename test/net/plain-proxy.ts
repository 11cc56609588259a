/** Somebody in between on a plain endpoint: hears everything, and changes what it likes. */

import type { AddressInfo } from 'node:net'
import { connect, createServer, type Server, type Socket } from 'node:net'

export interface PlainProxy {
  /** As an endpoint of the registrar. */
  readonly address: string
  /** All that passed, both ways, in order of arrival. */
  readonly heard: Buffer[]
  connections: number
  close(): Promise<void>
}

const running = new Set<PlainProxy>()

/** @param change what leaves in place of what came; gets the direction and the bytes */
export async function aProxy(
  target: string,
  change: (chunk: Buffer, toServer: boolean) => Buffer | undefined = (chunk) => chunk,
): Promise<PlainProxy> {
  const [, , host, , port] = target.split('/')
  const sockets = new Set<Socket>()
  const heard: Buffer[] = []
  const server: Server = createServer({ allowHalfOpen: true }, (near) => {
    proxy.connections++
    const far = connect({ host: host as string, port: Number(port), allowHalfOpen: true })
    for (const [from, to, toServer] of [
      [near, far, true],
      [far, near, false],
    ] as const) {
      sockets.add(from)
      from.on('data', (chunk: Buffer) => {
        heard.push(chunk)
        const left = change(chunk, toServer)
        if (left === undefined) {
          near.destroy()
          far.destroy()
        } else to.write(left)
      })
      from.on('end', () => to.end())
      from.on('error', () => to.destroy())
      from.on('close', () => to.destroy())
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const proxy: PlainProxy = {
    address: `/ip4/127.0.0.1/tcp/${(server.address() as AddressInfo).port}`,
    heard,
    connections: 0,
    close: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  running.add(proxy)
  return proxy
}

/** Call in `afterEach`. */
export async function closeProxies(): Promise<void> {
  for (const proxy of running) await proxy.close()
  running.clear()
}
