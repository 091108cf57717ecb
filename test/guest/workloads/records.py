"""Blocks of records, of noise and of zeros, looked up by chance and seldom changed: python3 - BLOCKS LOOKUPS. Prints
one checksum. Looking up writes to no page of a block but its object's first, as it would in any interpreter's heap."""

import hashlib
import sys

BLOCK_BYTES = 65536
RECORD_BYTES = 64
blocks, lookups = int(sys.argv[1]), int(sys.argv[2])


def block(i):
    if i % 16 == 0:
        return bytearray(hashlib.shake_256(b"block %d" % i).digest(BLOCK_BYTES))
    if i % 16 == 1:
        return bytearray(BLOCK_BYTES)
    first = i * BLOCK_BYTES // RECORD_BYTES
    ids = range(first, first + BLOCK_BYTES // RECORD_BYTES)
    line = b"record %-10d checksum %08x of the owner %-14d\n"
    return bytearray(b"".join(line % (n, n * 2654435761 % 2**32, n % 977) for n in ids))


table = [block(i) for i in range(blocks)]
digest = hashlib.sha256()
state = 1
for turn in range(lookups):
    state = (state * 1664525 + 1013904223) % 2**32
    place = state % (blocks * BLOCK_BYTES // RECORD_BYTES) * RECORD_BYTES
    held, offset = table[place // BLOCK_BYTES], place % BLOCK_BYTES
    digest.update(held[offset : offset + RECORD_BYTES])
    if turn % 32 == 0:
        held[offset : offset + 4] = b"%04d" % (turn % 10000)
print(digest.hexdigest())
