/**
 * Requests on their way out. Those made in one turn of the event loop leave together: heads and short payloads are
 * copied behind one another, long payloads go from where they lie, and the socket gets all of it at the turn's end.
 */

import { REQUEST_BYTES, REQUEST_MAGIC } from "../protocol.ts";
import type { Connection } from "./connection.ts";
import type { Request } from "./request.ts";

/** Bytes of requests that are gathered before they are sent without waiting for the turn's end. */
const STAGE_BYTES = 2 ** 18;
/** Payloads up to this are copied: that costs less than a part of its own in the system call. */
const MOST_COPIED_BYTES = 2 ** 15;
/** Stages kept for use again. */
const MOST_STAGES_KEPT = 4;

interface Stage {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

export class Sender {
  readonly #connection: Connection;
  readonly #spare: Stage[] = [];
  #stage = newStage();
  /** What is gathered: `#parts`, then the stage's bytes from `#start` to `#end`. */
  #parts: Uint8Array[] = [];
  #start = 0;
  #end = 0;
  #isAwaitingEnd = false;
  readonly #atEnd = (): void => {
    this.#isAwaitingEnd = false;
    this.flush();
  };

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  add(request: Request): void {
    const payload = request.source;
    const copied = payload && payload.length <= MOST_COPIED_BYTES ? payload.length : 0;
    if (this.#end + REQUEST_BYTES + copied > STAGE_BYTES) this.flush();
    const { view, bytes } = this.#stage;
    const at = this.#end;
    view.setUint32(at, REQUEST_MAGIC);
    view.setUint16(at + 4, request.flags);
    view.setUint16(at + 6, request.command);
    view.setUint32(at + 8, request.sequence);
    view.setUint32(at + 12, request.index);
    view.setUint32(at + 16, Math.floor(request.offset / 2 ** 32));
    view.setUint32(at + 20, request.offset);
    view.setUint32(at + 24, request.length);
    this.#end += REQUEST_BYTES;
    if (copied > 0) {
      bytes.set(payload!, this.#end);
      this.#end += copied;
    } else if (payload) {
      this.#parts.push(bytes.subarray(this.#start, this.#end), payload);
      this.#start = this.#end;
    }
    if (!this.#isAwaitingEnd) {
      this.#isAwaitingEnd = true;
      // Runs when the promises that are settled by now have had their turn, and what they ask for is gathered too.
      process.nextTick(this.#atEnd);
    }
  }

  /** Hands what is gathered to the socket. */
  flush(): void {
    if (this.#end === 0) return;
    const parts = this.#parts;
    const stage = this.#stage;
    if (this.#start < this.#end) parts.push(stage.bytes.subarray(this.#start, this.#end));
    this.#parts = [];
    this.#stage = this.#spare.pop() ?? newStage();
    this.#start = 0;
    this.#end = 0;
    this.#connection.send(parts, () => {
      if (this.#spare.length < MOST_STAGES_KEPT) this.#spare.push(stage);
    });
  }
}

function newStage(): Stage {
  const bytes = new Uint8Array(STAGE_BYTES);
  return { bytes, view: new DataView(bytes.buffer) };
}
