/**
 * A log for one engine's objects, as simple as can be: a record by object id, in memory, there as soon as it is placed.
 * It does not follow what becomes of the objects; a test asks the engine.
 */

import { PAGE_BYTES } from "../../src/base/units.ts";
import type { Engine } from "../../src/engine/engine.ts";

export interface LogRecord {
  readonly bytes: Uint8Array;
  readonly priority: number;
}

export class EngineLog {
  readonly records = new Map<number, LogRecord>();
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Notes the object's bytes, or others for the same page, as being written: whether the engine has it so. */
  leave(id: number, record?: LogRecord): boolean {
    const engine = this.#engine;
    if (!engine.leave(id)) return false;
    const own = () => ({ bytes: engine.bytesOf(id).slice(), priority: engine.priorityOf(id) });
    this.records.set(id, record ?? own());
    return true;
  }

  /** The record is written: whether the object has left memory. */
  place(id: number): boolean {
    const { bytes, priority } = this.records.get(id)!;
    return this.#engine.evict(id, bytes.length, priority);
  }

  /** Has the object leave memory: whether it did. */
  send(id: number, record?: LogRecord): boolean {
    return this.leave(id, record) && this.place(id);
  }

  /** Brings the object back to memory: whether it is there. */
  admit(id: number): boolean {
    const engine = this.#engine;
    const { bytes } = this.records.get(id)!;
    (bytes.length === PAGE_BYTES ? engine.decoded : engine.scratch).set(bytes);
    return engine.admit(id, bytes.length);
  }

  /** As `send`, and brings it back: a copy stays. */
  copy(id: number): boolean {
    return this.send(id) && this.admit(id);
  }
}
