/** Origins for tests: in memory, as a disk that loses at a crash what was not synced, and ones a test can hold up. */

import { PagefoldError } from "../../src/base/errors.ts";
import type { Origin } from "../../src/cache/origin.ts";
import type { Medium } from "../../src/overflow/media/medium.ts";

/** One call of an origin. */
export interface OriginCall {
  readonly kind: "read" | "write" | "sync";
  readonly offset: number;
  readonly length: number;
}

/** Called before a call is done; what it throws the call throws, and nothing is done. */
type Hook = (call: OriginCall) => Promise<void> | void;

/** An origin in memory. `bytes` is what it holds; `calls` all it was asked, in order. */
export class MemoryOrigin implements Origin {
  readonly name = "memory";
  readonly isReadOnly: boolean;
  bytes: Uint8Array;
  before: Hook = () => {};
  readonly calls: OriginCall[] = [];
  isClosed = false;

  constructor(bytes: Uint8Array, { isReadOnly = false }: { readonly isReadOnly?: boolean } = {}) {
    this.bytes = bytes;
    this.isReadOnly = isReadOnly;
  }

  async sizeBytes(): Promise<number> {
    return this.bytes.length;
  }

  async #begin(call: OriginCall): Promise<void> {
    if (this.isClosed) throw new Error("the origin is closed");
    this.calls.push(call);
    await this.before(call);
    const end = call.offset + call.length;
    if (end <= this.bytes.length) return;
    throw new PagefoldError("IO", `memory: ${call.kind} ends at ${end}, behind its end`);
  }

  async read(offset: number, target: Uint8Array): Promise<void> {
    await this.#begin({ kind: "read", offset, length: target.length });
    target.set(this.bytes.subarray(offset, offset + target.length));
  }

  async write(offset: number, source: Uint8Array): Promise<void> {
    await this.#begin({ kind: "write", offset, length: source.length });
    this.bytes.set(source, offset);
  }

  async sync(): Promise<void> {
    await this.#begin({ kind: "sync", offset: 0, length: 0 });
  }

  async close(): Promise<void> {
    this.isClosed = true;
  }

  /** The calls of one kind. */
  of(kind: OriginCall["kind"]): OriginCall[] {
    return this.calls.filter((call) => call.kind === kind);
  }
}

/**
 * A disk that keeps what it is given in a cache of its own until a sync; a sync that fails loses it, and the next one
 * knows nothing of it. Reads give the newest bytes.
 */
export class ForgetfulOrigin extends MemoryOrigin {
  /** What a power failure leaves. */
  readonly durable: Uint8Array;
  #unsynced: { readonly offset: number; readonly bytes: Uint8Array }[] = [];
  /** Whether the next sync fails. */
  failsNext = false;

  constructor(bytes: Uint8Array) {
    super(bytes);
    this.durable = bytes.slice();
  }

  override async write(offset: number, source: Uint8Array): Promise<void> {
    await super.write(offset, source);
    // A Buffer's slice is no copy.
    this.#unsynced.push({ offset, bytes: Uint8Array.from(source) });
  }

  override async sync(): Promise<void> {
    await super.sync();
    const unsynced = this.#unsynced;
    this.#unsynced = [];
    if (this.failsNext) {
      this.failsNext = false;
      throw new PagefoldError("IO", "forgetful: the sync failed");
    }
    for (const { offset, bytes } of unsynced) this.durable.set(bytes, offset);
  }
}

/** A medium as an origin, such as a faulty one over memory; its size is a multiple of 4096. */
export function mediumOrigin(medium: Medium): Origin {
  return {
    name: medium.name,
    isReadOnly: false,
    sizeBytes: async () => medium.sizeBytes,
    read: (offset, target) => medium.read(offset, target),
    write: (offset, source) => medium.write(offset, source),
    sync: () => medium.flush(),
    close: () => medium.close(),
  };
}
