"""Pages that no codec makes smaller, changed in an order of their own: python3 - BLOCKS ROUNDS. Prints one checksum."""

import hashlib
import sys

BLOCK_BYTES = 65536
blocks, rounds = int(sys.argv[1]), int(sys.argv[2])
noise = [bytearray(hashlib.shake_256(b"block %d" % i).digest(BLOCK_BYTES)) for i in range(blocks)]
for turn in range(rounds):
    for i in range(blocks):
        block = noise[i * 5 % blocks]
        for offset in range(turn, BLOCK_BYTES, 4096):
            block[offset] ^= (i + turn) & 255
digest = hashlib.sha256()
for block in noise:
    digest.update(block)
print(digest.hexdigest())
