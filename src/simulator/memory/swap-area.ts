/**
 * A swap area: an export of a pagefold store, its slots, and what lies in them. A *body* is a content swapped out once
 * for all the pages that share it; an area's body `b` lies in the slot of that index.
 *
 * Holds always: what is read back is compared, byte for byte, with what was written. Memory beside the store: 8 bytes a
 * slot, and 12 for each that was ever used.
 */

import { assert } from "../../base/assert.ts";
import { PagefoldError } from "../../base/errors.ts";
import { PAGE_BYTES } from "../../base/units.ts";
import type { Device } from "../../device/device.ts";
import type { Store } from "../../device/store.ts";
import type { Contents } from "../contents.ts";

const NONE = -1;

/** Slots that areas of one size have together. */
export interface SwapBudget {
  readonly slots: number;
  left: number;
}

export class SwapArea {
  readonly budget: SwapBudget;
  readonly store: Store;
  readonly firstBody: number;
  readonly #device: Device;
  readonly #contents: Contents;
  readonly contentOf: Int32Array;
  /**
   * Pages that are swapped out to the body; 0 while a frame has the same contents and keeps the body as a clean copy.
   */
  readonly mappingsOf: Int32Array;
  readonly firstPageOf: Int32Array;
  /** The frame that keeps the body as a clean copy, or -1. */
  readonly cleanFrameOf: Int32Array;
  readonly #objectOf: Int32Array;
  /** By object of the store, a body that was stored as it: the first, while it is there. */
  #bodyOfObject: Int32Array = new Int32Array(1024).fill(NONE);
  readonly #slots: number;
  /** Bodies given back, the last on top; and how many have ever been used, those after which never were. */
  readonly #released: number[] = [];
  #everUsed = 0;
  readonly #bytes = new Uint8Array(PAGE_BYTES);
  readonly #expected = new Uint8Array(PAGE_BYTES);
  writes = 0;
  reads = 0;
  /** Writes of contents the store had already, as far as it told. */
  duplicates = 0;
  /** Bodies that are a frame's clean copy. */
  copies = 0;

  constructor(options: {
    readonly store: Store;
    readonly device: Device;
    readonly contents: Contents;
    /** The number of body 0 among those of all areas. */
    readonly firstBody: number;
    readonly budget: SwapBudget;
  }) {
    const { store, device, contents } = options;
    this.store = store;
    this.firstBody = options.firstBody;
    this.#device = device;
    this.#contents = contents;
    const slots = device.sizeBytes / PAGE_BYTES;
    this.budget = options.budget;
    this.contentOf = new Int32Array(slots);
    this.mappingsOf = new Int32Array(slots);
    this.firstPageOf = new Int32Array(slots).fill(NONE);
    this.cleanFrameOf = new Int32Array(slots).fill(NONE);
    this.#objectOf = new Int32Array(slots);
    this.#slots = slots;
  }

  get isHalfFull(): boolean {
    return 2 * this.budget.left <= this.budget.slots;
  }

  /** Stores the content: its body, or -1 if area or store have no room. */
  write(content: number): number {
    const body = this.#released.at(-1) ?? this.#everUsed;
    if (this.budget.left === 0 || body === this.#slots) return NONE;
    this.#contents.bytesOf(content, this.#bytes);
    try {
      this.#device.writeNow(body * PAGE_BYTES, this.#bytes);
    } catch (cause) {
      if (cause instanceof PagefoldError && cause.code === "NO_SPACE") return NONE;
      throw cause;
    }
    if (body === this.#everUsed) this.#everUsed += 1;
    else this.#released.pop();
    this.budget.left -= 1;
    this.writes += 1;
    this.contentOf[body] = content;
    this.#objectOf[body] = this.#device.objectAt(body);
    return body;
  }

  /**
   * Of a body just written: another that the store holds as the same object, if it told of one; -1 if not. The other is
   * what further ones are found by, since `body` may join it and be released.
   */
  duplicateOf(body: number): number {
    const object = this.#objectOf[body]!;
    // A same-filled page is no object.
    if (object === 0) return NONE;
    if (object >= this.#bodyOfObject.length) this.#grow(object);
    const other = this.#bodyOfObject[object]!;
    const isHeld = other !== NONE && other !== body && this.#objectOf[other] === object;
    if (!isHeld) {
      this.#bodyOfObject[object] = body;
      return NONE;
    }
    assert(this.contentOf[other] === this.contentOf[body], "the store shares equal pages only");
    this.duplicates += 1;
    return other;
  }

  #grow(object: number): void {
    const grown = new Int32Array(Math.max(2 * this.#bodyOfObject.length, object + 1)).fill(NONE);
    grown.set(this.#bodyOfObject);
    this.#bodyOfObject = grown;
  }

  /** Reads the body back, and checks that it is what was written. */
  read(body: number): number {
    const content = this.contentOf[body]!;
    this.#device.readNow(body * PAGE_BYTES, this.#bytes);
    this.#contents.bytesOf(content, this.#expected);
    assert(Buffer.compare(this.#bytes, this.#expected) === 0, "swap gives back what was written");
    this.reads += 1;
    return content;
  }

  /** The body, which no page maps, is the clean copy of that frame from now on; -1: of none. */
  setCopy(body: number, frame: number): void {
    this.cleanFrameOf[body] = frame;
    this.copies += frame === NONE ? -1 : 1;
  }

  /** Bodies nobody wants; for audits. */
  unused(): number[] {
    const never = Array.from(
      { length: this.#slots - this.#everUsed },
      (_, index) => this.#everUsed + index,
    );
    return [...this.#released, ...never];
  }

  /** Whether something lies in the body's slot. */
  isStored(body: number): boolean {
    return this.#device.slotState(body) !== null;
  }

  /** Compressed bytes of what lies in the body's slot. */
  storedBytes(body: number): number {
    return this.#device.slotState(body)!.length;
  }

  /** Nobody wants the body any more. */
  release(body: number): void {
    assert(this.mappingsOf[body] === 0, "a body given back is mapped by nobody");
    assert(this.cleanFrameOf[body] === NONE, "a body given back is no frame's copy");
    this.#device.discardNow(body * PAGE_BYTES, PAGE_BYTES);
    this.#objectOf[body] = 0;
    this.#released.push(body);
    this.budget.left += 1;
  }
}
