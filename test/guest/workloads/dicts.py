"""Many small dicts, changed in an order of their own several times: python3 - COUNT ROUNDS. Prints one checksum."""

import hashlib
import sys

count, rounds = int(sys.argv[1]), int(sys.argv[2])
items = [{"id": i, "name": "item-%d" % i, "word": i * 2654435761 % 2**32} for i in range(count)]
for turn in range(rounds):
    for i in range(count):
        item = items[i * 5 % count]
        item["word"] = (item["word"] * 69069 + item["id"] + turn) % 2**32
digest = hashlib.sha256()
for item in items:
    digest.update(b"%d %s %d\n" % (item["id"], item["name"].encode(), item["word"]))
print(digest.hexdigest())
