/** A medium a test can hold up and count the calls of: each call first waits for the hook set for it. */

import type { Medium } from "../../src/overflow/media/medium.ts";

export interface Place {
  readonly offset: number;
  readonly length: number;
}

type Hook = (place: Place) => Promise<void> | void;

export class HookedMedium implements Medium {
  readonly name: string;
  readonly sizeBytes: number;
  readonly programBytes: number;
  readonly #inner: Medium;
  /** Called before the call is passed on; what they throw the call throws. */
  beforeRead: Hook = () => {};
  beforeWrite: Hook = () => {};
  beforeErase: Hook = () => {};
  /** Writes are acknowledged and forgotten. */
  losesWrites = false;
  /** Erased bytes stay, as in a file that is not trimmed. */
  keepsErased = false;
  readonly reads: Place[] = [];
  readonly writes: Place[] = [];
  readonly erases: Place[] = [];

  constructor(inner: Medium) {
    this.#inner = inner;
    this.name = inner.name;
    this.sizeBytes = inner.sizeBytes;
    this.programBytes = inner.programBytes;
  }

  async read(offset: number, target: Uint8Array): Promise<void> {
    const place = { offset, length: target.length };
    this.reads.push(place);
    await this.beforeRead(place);
    await this.#inner.read(offset, target);
  }

  async write(offset: number, source: Uint8Array): Promise<void> {
    const place = { offset, length: source.length };
    this.writes.push(place);
    await this.beforeWrite(place);
    if (!this.losesWrites) await this.#inner.write(offset, source);
  }

  async erase(offset: number, length: number): Promise<void> {
    this.erases.push({ offset, length });
    await this.beforeErase({ offset, length });
    if (!this.keepsErased) await this.#inner.erase(offset, length);
  }

  async flush(): Promise<void> {
    await this.#inner.flush();
  }

  async close(): Promise<void> {
    await this.#inner.close();
  }
}

/** A gate: whoever waits at it goes on when it is opened. */
export class Gate {
  open: () => void = () => {};
  readonly opened: Promise<void>;
  readonly #arrivals: (() => void)[] = [];
  #arrived = 0;

  constructor() {
    this.opened = new Promise((resolve) => {
      this.open = resolve;
    });
  }

  /** Waits at the gate. */
  async pass(): Promise<void> {
    this.#arrived += 1;
    for (const tell of this.#arrivals.splice(0)) tell();
    await this.opened;
  }

  /** Done when somebody waits, or has waited, at the gate. */
  async reached(): Promise<void> {
    if (this.#arrived === 0) await new Promise<void>((resolve) => this.#arrivals.push(resolve));
  }
}
