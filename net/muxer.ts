/**
 * Yamux with the bounds it lacks: its decoder collects a whole data frame before it looks at the window, so a header that
 * announces 4 GiB would be collected as long as memory lasts; and answers to pings are queued without end for a peer that
 * does not read. docs/spec/wire.md, section 1.
 */
import { yamux } from '@chainsafe/libp2p-yamux'
import { HoldfastError } from '../base/errors.ts'
import { KiB, MiB } from '../base/units.ts'

/** Largest data frame accepted. Ours are at most one chunk and a small message. Bytes. */
const MAX_FRAME = 2 * MiB
/** A connection with more unsent bytes than this belongs to a peer that does not read. Bytes. */
const MAX_UNSENT = 64 * MiB
/** Streams start at the window the yamux specification names and grow with the round-trip time. Bytes. stack.md §3. */
const MAX_WINDOW = 16 * MiB
const HEADER = 12
const DATA_FRAME = 0

/** A muxer factory for `streamMuxers`. `maxStreams`: inbound streams of one connection, of all protocols together. */
export function boundedYamux(maxStreams: number): ReturnType<typeof yamux> {
  const create = yamux({
    maxInboundStreams: maxStreams,
    maxOutboundStreams: 4096,
    keepAliveInterval: 30_000,
    streamOptions: { initialStreamWindowSize: 256 * KiB, maxStreamWindowSize: MAX_WINDOW, ...READ_BUFFER },
  })
  return () => {
    const factory = create()
    const createStreamMuxer = factory.createStreamMuxer.bind(factory)
    factory.createStreamMuxer = (connection) => {
      connection.maxWriteBufferLength = MAX_UNSENT
      const muxer = createStreamMuxer(connection)
      bound(muxer as unknown as { readonly decoder?: Decoder })
      return muxer
    }
    return factory
  }
}

/** A paused stream may receive what its window still allows; one byte more and libp2p would abort it. */
const READ_BUFFER = { maxReadBufferLength: MAX_WINDOW + MiB }

/** The parts of yamux' decoder that are needed to look at a header before the frame is collected. */
interface Decoder {
  readonly buffer: { readonly byteLength: number; subarray(begin: number, end: number): Uint8Array }
  readFrame(): unknown
}

function bound(muxer: { readonly decoder?: Decoder }): void {
  const decoder = muxer.decoder
  if (typeof decoder?.readFrame !== 'function' || decoder.buffer === undefined)
    throw new HoldfastError('INTERNAL', { what: 'this yamux has another decoder than the one that is bounded here' })
  const readFrame = decoder.readFrame.bind(decoder)
  decoder.readFrame = () => {
    if (decoder.buffer.byteLength >= HEADER) {
      const header = decoder.buffer.subarray(0, HEADER)
      const length = new DataView(header.buffer, header.byteOffset).getUint32(8)
      // Thrown into the muxer, which closes the connection.
      if (header[1] === DATA_FRAME && length > MAX_FRAME)
        throw new HoldfastError('NET_OVERSIZE', { limit: MAX_FRAME, got: length })
    }
    return readFrame()
  }
}
