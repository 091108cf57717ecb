/**
 * A disk whose work waits as a test says: what `holds` names is begun and ends only when the test ends it, well or not.
 * Everything that happens to it is noted, in order.
 */

import type { Extent } from "../../../src/device/extents.ts";
import type { Disk, Done } from "../../../src/nbd/server/disk.ts";

export type WorkKind = "read" | "write" | "flush" | "discard" | "writeZeroes" | "extents";

/** A piece of work that waits. */
export interface Work {
  readonly kind: WorkKind;
  readonly offset: number;
  readonly length: number;
  finish(): void;
  fail(cause: unknown): void;
}

export class WaitingDisk implements Disk {
  readonly content: Buffer;
  readonly isReadOnly = false;
  /** What waits, in the order it was begun; what has ended is out of it. */
  readonly waiting: Work[] = [];
  /** What was begun (`write 0+4096`) and has ended (`done write 0+4096`). */
  readonly notes: string[] = [];
  /** Whether a piece of work waits; none does by default. */
  holds: (kind: WorkKind, offset: number) => boolean = () => false;
  /** What a piece of work that does not wait throws, if anything. */
  throws: (kind: WorkKind, offset: number) => unknown = () => undefined;
  /** Is told of each piece of work that begins to wait. */
  onWait: (work: Work) => void = () => {};
  #look: () => void = () => {};

  constructor(sizeBytes: number) {
    this.content = Buffer.alloc(sizeBytes);
    for (let at = 0; at < sizeBytes; at += 8) this.content.writeUInt32BE(at, at);
  }

  get sizeBytes(): number {
    return this.content.length;
  }

  /** Returns when that many pieces of work wait. */
  async untilWaiting(count: number): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#look = () => {
        if (this.waiting.length >= count) resolve();
      };
      this.#look();
    });
  }

  /** Ends all that waits now. */
  finishAll(): void {
    for (const work of [...this.waiting]) work.finish();
  }

  #work(kind: WorkKind, at: { offset: number; length: number }, act: () => void): Done {
    const { offset, length } = at;
    const what = `${kind} ${offset}+${length}`;
    this.notes.push(what);
    const cause = this.throws(kind, offset);
    if (cause !== undefined) throw cause;
    const end = () => {
      act();
      this.notes.push(`done ${what}`);
    };
    if (!this.holds(kind, offset)) {
      end();
      return undefined;
    }
    return new Promise((resolve, reject) => {
      const leave = () => this.waiting.splice(this.waiting.indexOf(work), 1);
      const work: Work = {
        kind,
        offset,
        length,
        finish: () => {
          leave();
          end();
          resolve();
        },
        fail: (failure) => {
          leave();
          reject(failure);
        },
      };
      this.waiting.push(work);
      this.onWait(work);
      this.#look();
    });
  }

  read(offset: number, target: Uint8Array): Done {
    return this.#work("read", { offset, length: target.length }, () => {
      target.set(this.content.subarray(offset, offset + target.length));
    });
  }

  write(offset: number, source: Uint8Array): Done {
    return this.#work("write", { offset, length: source.length }, () => {
      this.content.set(source, offset);
    });
  }

  flush(): Done {
    return this.#work("flush", { offset: 0, length: 0 }, () => {});
  }

  discard(offset: number, length: number): Done {
    return this.#work("discard", { offset, length }, () => {});
  }

  writeZeroes(offset: number, length: number): Done {
    return this.#work("writeZeroes", { offset, length }, () => {
      this.content.fill(0, offset, offset + length);
    });
  }

  /** Of one state throughout. */
  async extents(offset: number, length: number): Promise<readonly Extent[]> {
    await this.#work("extents", { offset, length }, () => {});
    return [{ length, state: 0 }];
  }
}
