/**
 * Buffers for runs of pages, used again and again: memory outside the language's heap is dear to get, to touch for the
 * first time and to collect. Holds always: a buffer that was given back is nobody's until it is taken again.
 */

import { PAGE_BYTES } from "../base/units.ts";

/** Of each size, a power of two pages, so many are kept. */
const KEPT = 4;

export class PageBuffers {
  /** By the logarithm of their pages. */
  readonly #free: ArrayBufferLike[][] = [];

  /** Room for `count` pages, of any content. */
  take(count: number): Uint8Array {
    const size = Math.ceil(Math.log2(count));
    const kept = this.#free[size]?.pop();
    const whole = kept ?? Buffer.allocUnsafeSlow(2 ** size * PAGE_BYTES).buffer;
    return Buffer.from(whole, 0, count * PAGE_BYTES);
  }

  /** Nobody looks at it, or writes to it, any more. */
  giveBack({ buffer }: Uint8Array): void {
    const size = Math.log2(buffer.byteLength / PAGE_BYTES);
    this.#free[size] ??= [];
    if (this.#free[size].length < KEPT) this.#free[size].push(buffer);
  }
}
