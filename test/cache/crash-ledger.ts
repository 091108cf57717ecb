/**
 * What a client knows of a disk behind a cache: what it wrote, when each write began and was answered, and which
 * flushes were. From that alone it tells which bytes may be on the disk.
 *
 * Holds: a byte may be of any write to it but one that was over before another there began which is established. For a
 * disk after a crash those are established that were answered well before a flush began that was; for a read, before
 * the read began. Writes that failed may have happened or not.
 */

/** One write, as its client sees it. */
export interface Written {
  readonly offset: number;
  readonly bytes: Uint8Array;
  readonly begun: number;
  /** When it was answered; Infinity until then. */
  ended: number;
  isDone: boolean;
}

/** Writes are looked up by place: in pieces of so many bytes. */
const PIECE_BYTES = 512;

export class CrashLedger {
  /** Of all writes, the newest bytes. */
  readonly newest: Uint8Array;
  readonly #writes: Written[][] = [];
  #now = 0;
  #flushedAt = 0;
  readonly #forced = new Set<Written>();

  /** `bytes`: what was there before, durably. */
  constructor(bytes: Uint8Array) {
    this.newest = new Uint8Array(bytes.length);
    this.end(this.begin(0, bytes.slice()), true);
    this.flushed(this.tick());
  }

  /** A moment of its own. */
  tick(): number {
    this.#now += 1;
    return this.#now;
  }

  /** What was answered before that is durable. */
  get flushedAt(): number {
    return this.#flushedAt;
  }

  /** A write of `bytes` begins, which are its own. */
  begin(offset: number, bytes: Uint8Array): Written {
    const written = {
      offset,
      bytes,
      begun: this.tick(),
      ended: Number.POSITIVE_INFINITY,
      isDone: false,
    };
    this.newest.set(bytes, offset);
    const last = Math.floor((offset + bytes.length - 1) / PIECE_BYTES);
    for (let piece = Math.floor(offset / PIECE_BYTES); piece <= last; piece++) {
      const known = this.#writes[piece];
      if (known === undefined) this.#writes[piece] = [written];
      else known.push(written);
    }
    return written;
  }

  end(written: Written, isDone: boolean): void {
    written.ended = this.tick();
    written.isDone = isDone;
  }

  /** The write, answered well, was durable when it was. */
  forced(written: Written): void {
    this.#forced.add(written);
  }

  /** A flush is answered well that began then. */
  flushed(begun: number): void {
    this.#flushedAt = Math.max(this.#flushedAt, begun);
  }

  /**
   * The first byte of `found`, which lies at `offset`, that may not be there, in words; null if there is none.
   * `establishedBefore`: what was answered well before then is established.
   */
  wrong(
    offset: number,
    found: Uint8Array,
    establishedBefore: number = this.#flushedAt,
  ): string | null {
    const end = offset + found.length;
    if (Buffer.compare(found, this.newest.subarray(offset, end)) === 0) return null;
    for (let at = offset; at < end; ) {
      const next = Math.min(end, at - (at % PIECE_BYTES) + PIECE_BYTES);
      const part = found.subarray(at - offset, next - offset);
      const what = this.#wrongIn(at, part, establishedBefore);
      if (what !== null) return what;
      at = next;
    }
    return null;
  }

  #wrongIn(offset: number, found: Uint8Array, establishedBefore: number): string | null {
    const writes = this.#writes[Math.floor(offset / PIECE_BYTES)]!;
    /** By byte, the begin of the last established write. */
    const since = new Float64Array(found.length);
    for (const write of writes) {
      const isEstablished = write.isDone && write.ended < establishedBefore;
      if (!isEstablished && !this.#forced.has(write)) continue;
      const { from, to } = overlap(write, offset, found);
      for (let at = from; at < to; at++) since[at] = Math.max(since[at]!, write.begun);
    }
    const isPermitted = new Uint8Array(found.length);
    for (const write of writes) {
      const { from, to } = overlap(write, offset, found);
      const { bytes, ended } = write;
      const shift = offset - write.offset;
      for (let at = from; at < to; at++)
        if (ended > since[at]! && bytes[at + shift] === found[at]) isPermitted[at] = 1;
    }
    const at = isPermitted.indexOf(0);
    return at === -1 ? null : this.#describe(offset + at, found[at]!);
  }

  #describe(place: number, found: number): string {
    const values = this.#writes[Math.floor(place / PIECE_BYTES)]!.filter(
      ({ offset, bytes }) => offset <= place && place < offset + bytes.length,
    ).map(({ offset, bytes, begun, ended, isDone }) => {
      const how = isDone ? "done" : "failed or under way";
      return `${bytes[place - offset]} (${begun} to ${ended}, ${how})`;
    });
    return `byte ${place} is ${found}, flushed ${this.#flushedAt}; written there: ${values.join(", ")}`;
  }
}

function overlap(
  { offset, bytes }: Pick<Written, "offset" | "bytes">,
  start: number,
  found: Uint8Array,
): { from: number; to: number } {
  return {
    from: Math.max(0, offset - start),
    to: Math.min(found.length, offset + bytes.length - start),
  };
}
