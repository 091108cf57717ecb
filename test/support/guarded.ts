/**
 * Buffers that notice when something is written next to them: a view in the middle of a larger buffer of 0xA5 bytes, at
 * any alignment. Code that trusts a buffer's start or length to be a WebAssembly memory's or a whole ArrayBuffer's
 * fails with these as well.
 */

const GUARD_BYTE = 0xa5;
/** Wider than the 8 and 16 byte steps in which codecs copy, and than their usual overshoot. */
const GUARD_BYTES = 96;

export interface Guarded {
  readonly bytes: Uint8Array;
  /** Whether every byte around `bytes` still is what it was. */
  isIntact(): boolean;
}

/** A view of `length` bytes with guards around it, starting `misalignment` (0 to 15) bytes off a multiple of 16. */
export function guarded(length: number, misalignment = 0): Guarded {
  const start = GUARD_BYTES + misalignment;
  const whole = Buffer.alloc(start + length + GUARD_BYTES, GUARD_BYTE);
  const guard = Buffer.alloc(start, GUARD_BYTE);
  return {
    bytes: new Uint8Array(whole.buffer, whole.byteOffset + start, length),
    isIntact: () =>
      whole.compare(guard, 0, start, 0, start) === 0 &&
      whole.compare(guard, 0, GUARD_BYTES, start + length, start + length + GUARD_BYTES) === 0,
  };
}

/** A guarded copy of `content`. */
export function guardedCopy(content: Uint8Array, misalignment = 0): Guarded {
  const copy = guarded(content.length, misalignment);
  copy.bytes.set(content);
  return copy;
}
