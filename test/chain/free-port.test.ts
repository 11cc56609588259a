import { createServer, type Server } from 'node:net'
import { expect } from 'chai'
import { freePort } from '../../chain/free-port.ts'

describe('chain/free-port', () => {
  it('gives each port once, below those that systems give to connections', async () => {
    const ports = await Promise.all(Array.from({ length: 200 }, () => freePort('127.0.0.1')))
    expect(new Set(ports).size).to.equal(ports.length)
    expect(ports.every((port) => port >= 16_384 && port < 32_768)).to.equal(true)
  })

  it('gives ports that can be listened on', async () => {
    const servers: Server[] = []
    try {
      for (let count = 0; count < 20; count++) {
        const port = await freePort('127.0.0.1')
        const server = createServer()
        servers.push(server)
        await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve))
      }
    } finally {
      for (const server of servers) server.close()
    }
  })

  it('says when there is none', async () => {
    // TEST-NET-1 (RFC 5737): no address of any machine
    const failure = await freePort('192.0.2.1').catch((cause: unknown) => cause)
    expect(String(failure)).to.contain('no free port was found on 192.0.2.1')
  })
})
