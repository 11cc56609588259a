"""The reference for the erasure benches: zfec on the same shape, timed here, answered as CPU seconds, one line per request.

Request on standard input: `encode K N LENGTH REPEATS` or `decode K N LENGTH REPEATS` (the first K shares are lost).
"""
import sys
import time

import zfec

def shares(k, n, length):
    blocks = [bytes((j * 31 + i * 7) & 255 for i in range(4096)) * (length // 4096) for j in range(k)]
    return blocks, zfec.Encoder(k, n).encode(blocks, list(range(n)))

for line in sys.stdin:
    what, k, n, length, repeats = line.split()
    k, n, length, repeats = int(k), int(n), int(length), int(repeats)
    primary, coded = shares(k, n, length)
    encoder, decoder = zfec.Encoder(k, n), zfec.Decoder(k, n)
    wanted = list(range(k, n))
    given = [coded[i] for i in range(k, 2 * k)]
    start = time.process_time()
    for _ in range(repeats):
        if what == "encode":
            encoder.encode(primary, wanted)
        else:
            decoder.decode(given, list(range(k, 2 * k)))
    print(time.process_time() - start, flush=True)
