"""
Drives the kernel's KSM over one filling: reads it as one JSON object from stdin, prints one JSON line per wake-up.

Standard library only. When this ends, by a signal too, every knob is as it was found and nothing is merged.

    {"pages": 8192,                    how much memory
     "knobs": {"smart_scan": 1, ...},  set before, put back after
     "wakes": 12,
     "steps": {"0": step, ...}}        what is done before the first wake-up ("0"), and after the n-th

A step is {"write": [page, word, page, word, ...], "discard": [page, ...]}. A page written repeats its word, 8 bytes,
big-endian, so that pages compare as their words do.

ksmd sleeps for hours, unless sleep_millisecs is written: that wakes it for one batch, which is a pass if pages_to_scan
is above the number of pages. So memory never changes under ksmd's eyes, and counters are read while it sleeps.

Exit code 2, with the reason on stderr: KSM is not here to be had. 130: ended by a signal.
"""

import json
import mmap
import os
import signal
import struct
import sys
import time

KSM = "/sys/kernel/mm/ksm/"
PAGE = 4096
COUNTERS = (
    "full_scans",
    "pages_shared",
    "pages_sharing",
    "pages_unshared",
    "pages_volatile",
    "pages_scanned",
    "pages_skipped",
    "ksm_zero_pages",
    "stable_node_chains",
    "stable_node_dups",
    "general_profit",
)
# Counted since boot, or since KSM was last told to unmerge.
RUNNING = ("full_scans", "pages_scanned", "pages_skipped")
RMAP_ITEM_BYTES = 64
# Set first, put back last: pages_to_scan is refused while there is an advisor.
KNOBS = {"advisor_mode": "none", "merge_across_nodes": 1}
LONG_SLEEP_MILLISECS = 100_000_000
WAKE_AGAIN_SECONDS = 0.2
BATCH_SECONDS_MAX = 60
POLL_SECONDS = 0.0005


class Obstacle(Exception):
    """KSM is not to be had, and why."""


class Ended(Exception):
    """By a signal."""


signals = []


def end_if_asked():
    if signals:
        raise Ended(f"ended by {signals[0].name}")


def read(name):
    try:
        with open(KSM + name) as file:
            text = file.read().strip()
    except FileNotFoundError:
        raise Obstacle(f"this kernel is too old: it has no {KSM}{name}") from None
    if "[" in text:
        return text[text.index("[") + 1 : text.index("]")]
    return int(text)


def write(name, value):
    with open(KSM + name, "w") as file:
        file.write(str(value))


def counters():
    return {name: read(name) for name in COUNTERS}


def own_rmap_items():
    try:
        with open("/proc/self/ksm_stat") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("ksm_rmap_items"))
    except FileNotFoundError:
        return None


def rmap_items(seen):
    saved_bytes = (seen["pages_sharing"] + seen["ksm_zero_pages"]) * PAGE
    return (saved_bytes - seen["general_profit"]) // RMAP_ITEM_BYTES


def check_alone():
    for name in ("run", "pages_shared", "pages_sharing", "pages_unshared", "pages_volatile", "ksm_zero_pages"):
        if read(name) != 0:
            raise Obstacle(f"it is in use: {name} is {read(name)}, not 0")


class Ksmd:
    """Wakes ksmd for one batch at a time."""

    def __init__(self):
        self.sleep_millisecs = LONG_SLEEP_MILLISECS

    def wake(self):
        # Any new value ends the sleep, but for one written just before ksmd sleeps. None comes twice.
        self.sleep_millisecs += 1
        write("sleep_millisecs", self.sleep_millisecs)

    def batch(self):
        # One of the two moves at the end of a batch, the first only if pages were not all skipped.
        def ends():
            return read("pages_scanned"), read("full_scans")

        before = ends()
        start = woken = time.monotonic()
        if read("run") == 0:
            write("run", 1)
        else:
            self.wake()
        while ends() == before:
            end_if_asked()
            now = time.monotonic()
            if now - start > BATCH_SECONDS_MAX:
                raise RuntimeError(f"ksmd did nothing within {BATCH_SECONDS_MAX} s")
            # For the value that was missed. In the middle of a batch, one more wakes nobody.
            if now - woken > WAKE_AGAIN_SECONDS:
                self.wake()
                woken = now
            time.sleep(POLL_SECONDS)
        # Waits for the lock that ksmd holds during a batch.
        write("run", 1)


class Drain:
    """
    Pages just written are in a list of their processor's, whose reference keeps them from being merged. Each pass
    begins by emptying the lists of all processors; amid a pass this does it: MADV_FREE empties its own processor's.
    """

    def __init__(self):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        self.page = mmap.mmap(-1, PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)

    def now(self):
        self.page[0] = 1
        self.page.madvise(mmap.MADV_FREE)


def apply(memory, step):
    writes = step.get("write", [])
    for index in range(0, len(writes), 2):
        start = writes[index] * PAGE
        memory[start : start + PAGE] = struct.pack(">Q", writes[index + 1]) * (PAGE // 8)
    for page in step.get("discard", []):
        memory.madvise(mmap.MADV_DONTNEED, page * PAGE, PAGE)


def run(filling):
    memory = mmap.mmap(-1, filling["pages"] * PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory.madvise(mmap.MADV_NOHUGEPAGE)
    memory.madvise(mmap.MADV_MERGEABLE)
    steps = filling["steps"]
    apply(memory, steps.get("0", {}))
    start = counters()
    drain, ksmd = Drain(), Ksmd()
    for wake in range(1, filling["wakes"] + 1):
        end_if_asked()
        ksmd.batch()
        seen = counters()
        items, own = rmap_items(seen), own_rmap_items()
        if own is not None and items != own:
            raise Obstacle(f"others' memory is merged too: {own} of {items} items are this filling's")
        for name in RUNNING:
            seen[name] -= start[name]
        print(json.dumps(seen), flush=True)
        apply(memory, steps.get(str(wake), {}))
        drain.now()


def main():
    filling = json.load(sys.stdin)
    check_alone()
    knobs = {**KNOBS, "sleep_millisecs": LONG_SLEEP_MILLISECS, **filling["knobs"]}
    for name in KNOBS:
        # One that this kernel was built without makes no difference.
        if not os.path.exists(KSM + name):
            del knobs[name]
    found = {name: read(name) for name in knobs}
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _frame: signals.append(signal.Signals(number)))
    try:
        for name, value in knobs.items():
            write(name, value)
        run(filling)
    finally:
        write("run", 2)
        write("run", 0)
        for name in reversed(found):
            write(name, found[name])


if __name__ == "__main__":
    try:
        main()
    except Obstacle as reason:
        print(reason, file=sys.stderr)
        sys.exit(2)
    except Ended as reason:
        print(reason, file=sys.stderr)
        sys.exit(130)
