#!/usr/bin/python3
"""Writes test/vectors/erasure.json to standard output: shares made by zfec, the oracle of blob/erasure.ts.

Needs Debian's python3-zfec. Byte i of primary share j is (i*i + 7*i*j + 31*j + (i >> 8)) & 255.
Small shapes carry every share in hex; large ones the SHA-256 of each share, or of all n shares joined.
"""
import hashlib
import json

import zfec

# (k, n, length of a share, how the shares are given)
SHAPES = [
    (1, 1, 20, "hex"),
    (1, 5, 20, "hex"),
    (2, 3, 17, "hex"),
    (3, 10, 20, "hex"),
    (3, 10, 1, "hex"),
    (3, 10, 2 * 8192 + 5, "each"),
    (8, 24, 100, "each"),
    (16, 25, 8192, "each"),
    (3, 256, 33, "joined"),
    (255, 256, 33, "joined"),
    (256, 256, 33, "joined"),
    (100, 256, 8192 + 16, "joined"),
    (128, 256, 40, "joined"),
]


def primary(j, length):
    return bytes((i * i + 7 * i * j + 31 * j + (i >> 8)) & 255 for i in range(length))


def vector(k, n, length, form):
    data = [primary(j, length) for j in range(k)]
    shares = [bytes(share) for share in zfec.Encoder(k, n).encode(data, list(range(n)))]
    result = {"k": k, "n": n, "length": length}
    if form == "hex":
        result["shares"] = [share.hex() for share in shares]
    elif form == "each":
        result["shareSha256"] = [hashlib.sha256(share).hexdigest() for share in shares]
    else:
        result["sha256"] = hashlib.sha256(b"".join(shares)).hexdigest()
    return result


print(json.dumps({
    "about": "Shares made by zfec " + zfec.__version__ + "; scripts/make-erasure-vectors.py says how.",
    "primary": "byte i of share j is (i*i + 7*i*j + 31*j + (i >> 8)) & 255",
    "shapes": [vector(*shape) for shape in SHAPES],
}, indent=1))
