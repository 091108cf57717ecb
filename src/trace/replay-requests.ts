/**
 * The requests of a replay that are under way. Holds always: at most `depth` of them, and no two that touch the same
 * page of an export unless both only read, so requests that overlap reach the target in the trace's order.
 */

import { PAGE_BYTES } from "../base/units.ts";
import type { TraceRecord } from "./swap/records.ts";

const LEAST_BUFFER_BYTES = 2 ** 17;

/** One request, from when it is sent until what it read has been compared. */
export interface Request {
  readonly record: TraceRecord;
  /** The record's number in the trace. */
  readonly index: number;
  /** For what is read or written. */
  readonly bytes: Buffer;
  startSeconds: number;
}

function touchSamePage(one: TraceRecord, other: TraceRecord): boolean {
  return (
    one.exportIndex === other.exportIndex &&
    Math.floor(one.offset / PAGE_BYTES) < Math.ceil((other.offset + other.length) / PAGE_BYTES) &&
    Math.floor(other.offset / PAGE_BYTES) < Math.ceil((one.offset + one.length) / PAGE_BYTES)
  );
}

export class Requests {
  readonly #depth: number;
  readonly #underWay = new Set<Request>();
  readonly #freeBuffers: Buffer[] = [];
  #wake: (() => void) | undefined;

  constructor(depth: number) {
    this.#depth = depth;
  }

  get count(): number {
    return this.#underWay.size;
  }

  /** Whether the record's request has to wait for one that is under way. */
  mustWait(record: TraceRecord): boolean {
    if (this.#underWay.size === this.#depth) return true;
    for (const { record: other } of this.#underWay) {
      const bothRead = record.kind === "read" && other.kind === "read";
      if (!bothRead && touchSamePage(record, other)) return true;
    }
    return false;
  }

  /** Fulfilled when the next of those under way is done. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  begin(record: TraceRecord, index: number): Request {
    const bytes = this.#buffer(
      record.kind === "read" || record.kind === "write" ? record.length : 0,
    );
    const request = { record, index, bytes, startSeconds: 0 };
    this.#underWay.add(request);
    return request;
  }

  end(request: Request): void {
    this.#underWay.delete(request);
    if (request.bytes.length > 0) this.#freeBuffers.push(Buffer.from(request.bytes.buffer));
    this.#wake?.();
    this.#wake = undefined;
  }

  #buffer(length: number): Buffer {
    if (length === 0) return Buffer.alloc(0);
    const free = this.#freeBuffers.pop();
    if (free !== undefined && free.length >= length) return free.subarray(0, length);
    const bytes = Math.max(LEAST_BUFFER_BYTES, 2 ** Math.ceil(Math.log2(length)));
    return Buffer.allocUnsafeSlow(bytes).subarray(0, length);
  }
}
