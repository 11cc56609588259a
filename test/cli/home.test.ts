import { expect } from 'chai'
import { homeAt } from '../../cli/home.ts'

describe('cli/home', () => {
  it('keeps everything below --home', () => {
    const home = homeAt('/srv/h', { HOME: '/home/u', XDG_CONFIG_HOME: '/elsewhere' })
    const steward = home.steward('0x00000000000000000000000000000000000000aa')
    const paths = [
      home.config,
      home.deployment,
      home.keystore,
      home.chain,
      home.controller.dir,
      home.stewards,
      steward.api,
      home.pool.master,
      home.puts,
      home.run,
      home.logs,
      home.cache,
    ]
    for (const path of paths) expect(path).to.match(/^\/srv\/h\//)
    expect(steward.keystore).to.equal('/srv/h/stewards/0x00000000000000000000000000000000000000aa/keystore.json')
    expect(home.controller.words).to.equal('/srv/h/controller/words.txt')
  })

  it('uses the XDG directories without --home, and their defaults where they are not set or relative', () => {
    const home = homeAt(undefined, { HOME: '/home/u', XDG_CONFIG_HOME: '/c', XDG_STATE_HOME: 'relative' })
    expect(home.config).to.equal('/c/holdfast/config.json')
    expect(home.keystore).to.equal('/home/u/.local/share/holdfast/keystore.json')
    expect(home.controller.dir).to.equal('/home/u/.local/state/holdfast/controller')
    expect(home.run).to.equal('/home/u/.local/state/holdfast/run')
    expect(homeAt(undefined, { HOME: '/home/u', XDG_RUNTIME_DIR: '/run/user/1' }).run).to.equal('/run/user/1/holdfast')
  })
})
