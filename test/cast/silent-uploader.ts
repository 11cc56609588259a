/**
 * SilentUploader: puts its object, signs every placement, and never posts a bounty.
 *
 *   node test/cast/silent-uploader.ts controller start --home D
 */
import type { ControllerVice } from '../../cli/compose-controller.ts'
import { runController } from './run-controller.ts'

export const silent: ControllerVice = {
  parts: (honest) => ({
    ...honest,
    outbox: { ...honest.outbox, intents: { ...honest.outbox.intents, post: () => [] } },
  }),
}

if (import.meta.main) await runController(silent)
