/** Plain memory as what a trace is replayed against: what every target must agree with, and one that can be spoilt. */

import { PagefoldError } from "../../src/base/errors.ts";
import type { Done, ReplayTarget } from "../../src/trace/replay-target.ts";

export interface Asked {
  readonly kind: "read" | "write" | "discard" | "write_zeroes" | "reserve_zeroes" | "flush";
  readonly offset: number;
  readonly length: number;
}

export class MemoryTarget implements ReplayTarget {
  readonly bytes: Buffer;
  isGone = false;
  /** What it was asked, in the order in which it was begun. */
  readonly asked: Asked[] = [];
  /** Called before a request is done: may change bytes, throw, or give a promise to wait for. */
  before: (asked: Asked) => Done = () => undefined;
  /** Requests begun and not done: now, and the most there were. */
  underWay = 0;
  mostUnderWay = 0;

  constructor(sizeBytes: number) {
    this.bytes = Buffer.alloc(sizeBytes);
  }

  get sizeBytes(): number {
    return this.bytes.length;
  }

  #ask(asked: Asked, work: () => void): Done {
    this.asked.push(asked);
    this.underWay += 1;
    this.mostUnderWay = Math.max(this.mostUnderWay, this.underWay);
    const finish = (): undefined => {
      this.underWay -= 1;
      work();
      return undefined;
    };
    const wait = this.before(asked);
    return wait === undefined ? finish() : wait.then(finish);
  }

  read(offset: number, target: Uint8Array): Done {
    const { length } = target;
    return this.#ask({ kind: "read", offset, length }, () => {
      target.set(this.bytes.subarray(offset, offset + length));
    });
  }

  write(offset: number, source: Uint8Array): Done {
    return this.#ask({ kind: "write", offset, length: source.length }, () => {
      this.bytes.set(source, offset);
    });
  }

  discard(offset: number, length: number): Done {
    return this.#ask({ kind: "discard", offset, length }, () => {
      this.bytes.fill(0, offset, offset + length);
    });
  }

  writeZeroes(offset: number, length: number, options: { readonly reserve: boolean }): Done {
    const kind = options.reserve ? "reserve_zeroes" : "write_zeroes";
    return this.#ask({ kind, offset, length }, () => {
      this.bytes.fill(0, offset, offset + length);
    });
  }

  flush(): Done {
    return this.#ask({ kind: "flush", offset: 0, length: 0 }, () => {});
  }
}

export const noSpace = () => new PagefoldError("NO_SPACE", "no room; make some");
