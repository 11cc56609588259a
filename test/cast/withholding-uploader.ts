/**
 * WithholdingUploader: posts bounties over more than eight blobs, whose dockets do not stand in their notes, and hands the dockets to
 * nobody. On the chain it pays; nobody can answer; an hour after the deadline the money goes back.
 *
 *   node test/cast/withholding-uploader.ts controller start --home D
 */
import { HoldfastError } from '../../base/errors.ts'
import type { ControllerVice } from '../../cli/compose-controller.ts'
import { DOCKET_PROTOCOL } from '../../net/messages/docket.ts'
import type { NetNode } from '../../net/node.ts'
import { runController } from './run-controller.ts'

export const withholding: ControllerVice = {
  parts: (honest) => {
    const { net } = honest
    const silent: NetNode = {
      actor: net.actor,
      addresses: () => net.addresses(),
      handle: async (protocol, handler, options) => {
        if (protocol !== DOCKET_PROTOCOL) await net.handle(protocol, handler, options)
      },
      open: async (target, protocol, options) => {
        if (protocol === DOCKET_PROTOCOL) throw new HoldfastError('NET_UNREACHABLE', { what: 'nobody' })
        return net.open(target, protocol, options)
      },
      peers: () => net.peers(),
      session: (channel) => net.session(channel),
      disconnect: (channel) => net.disconnect(channel),
      stop: () => net.stop(),
    }
    return { ...honest, net: silent }
  },
}

if (import.meta.main) await runController(withholding)
