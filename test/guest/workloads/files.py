"""Files that are made, changed in place, appended to, replaced, shortened and removed, each change made durable, without
end: python3 - FOLDER SEED. Prints a line `changing NAME` before it touches a file, and when what it did is durable
`is NAME SHA256` or `gone NAME`. Between them it writes to one further file that nobody makes durable."""

import hashlib
import os
import sys
import termios

FILES = 60
STREAM_BYTES = 8 << 20
folder, state = sys.argv[1], int(sys.argv[2])
known = {}


def draw(limit):
    """A number below limit: the upper bits of a linear congruential generator."""
    global state
    state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
    return (state >> 33) % limit


def content(most):
    """Bytes of chance, mostly few; words, noise, or one byte throughout."""
    count = 1 + draw(1 + draw(most))
    kind = draw(4)
    if kind < 2:
        return hashlib.shake_256(b"%d" % state).digest(count)
    if kind == 2:
        return bytes([draw(256)]) * count
    line = b"change %d of a file in order, as text is\n" % state
    return (line * (count // len(line) + 1))[:count]


def tell(line):
    """Prints it, and waits until it is out: what follows must not overtake it."""
    os.write(1, b"%s\n" % line.encode())
    termios.tcdrain(1)


def write_all(path, data, flags, offset=0):
    """Writes, and waits until the bytes and the file's size are durable."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | flags, 0o644)
    written = 0
    while written < len(data):
        written += os.pwrite(file, data[written:], offset + written)
    (os.fsync if draw(2) else os.fdatasync)(file)
    os.close(file)


def sync_folder():
    file = os.open(folder, os.O_RDONLY)
    os.fsync(file)
    os.close(file)


stream = os.open(folder + "/stream", os.O_RDWR | os.O_CREAT, 0o644)
while True:
    name = "file-%d" % draw(FILES)
    path = folder + "/" + name
    before = known.get(name)
    tell("changing " + name)
    action = draw(8)
    if before is None or action < 2:
        after = content(100000)
        write_all(path + ".new", after, os.O_TRUNC)
        os.rename(path + ".new", path)
        sync_folder()
    elif action < 5:
        piece, at = content(20000), draw(len(before) + 1)
        after = before[:at] + piece + before[at + len(piece) :]
        write_all(path, piece, 0, at)
    elif action == 5:
        piece = content(30000)
        after = before + piece
        write_all(path, piece, 0, len(before))
    elif action == 6:
        after = before[: draw(len(before) + 1)]
        file = os.open(path, os.O_RDWR)
        os.ftruncate(file, len(after))
        os.fsync(file)
        os.close(file)
    else:
        after = None
        os.unlink(path)
        sync_folder()
    known[name] = after
    tell("gone " + name if after is None else "is %s %s" % (name, hashlib.sha256(after).hexdigest()))
    os.pwrite(stream, content(60000), draw(STREAM_BYTES))
