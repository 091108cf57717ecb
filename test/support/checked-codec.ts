/**
 * Calls a codec as the conformance suite wants it called: source and target inside guards, every answer checked against
 * the interface. What comes back is a copy.
 */

import { assert } from "vitest";
import type { Codec } from "../../codecs/codec.ts";
import { PAGE_BYTES } from "../../src/base/units.ts";
import { guarded, guardedCopy } from "./guarded.ts";

/** More than any codec here makes of a page. */
export const ROOM_BYTES = PAGE_BYTES + 512;

export interface CallOptions {
  readonly targetBytes: number;
  /** Bytes (0 to 15) that source and target are off a multiple of 16, by different amounts. */
  readonly misalignment?: number;
}

/** Compresses: the encoded bytes, or null where they do not fit. */
export function compress(
  codec: Codec,
  content: Uint8Array,
  { targetBytes, misalignment = 0 }: CallOptions,
): Uint8Array | null {
  const source = guardedCopy(content, misalignment);
  const target = guarded(targetBytes, (misalignment * 7) % 16);
  const length = codec.compress(source.bytes, target.bytes);
  if (!(Number.isInteger(length) && length >= 0 && length <= targetBytes)) {
    assert.fail(`${codec.name} answered ${length} with room for ${targetBytes}`);
  }
  if (!source.isIntact() || !isEqual(source.bytes, content)) {
    assert.fail(`${codec.name} wrote to its source`);
  }
  if (!target.isIntact()) assert.fail(`${codec.name} wrote outside its target`);
  return length === 0 ? null : target.bytes.slice(0, length);
}

/** Decompresses: the decoded bytes, or null where the codec says it cannot. */
export function decompress(
  codec: Codec,
  encoded: Uint8Array,
  { targetBytes, misalignment = 0 }: CallOptions,
): Uint8Array | null {
  const source = guardedCopy(encoded, misalignment);
  const target = guarded(targetBytes, (misalignment * 7) % 16);
  const length = codec.decompress(source.bytes, target.bytes);
  if (length !== -1 && length !== targetBytes) {
    assert.fail(`${codec.name} answered ${length}; allowed are -1 and ${targetBytes}`);
  }
  if (!source.isIntact() || !isEqual(source.bytes, encoded)) {
    assert.fail(`${codec.name} wrote to its source`);
  }
  if (!target.isIntact()) assert.fail(`${codec.name} wrote outside its target`);
  return length === -1 ? null : target.bytes.slice();
}

/** Checks that `content` comes back; answers with the encoded bytes. */
export function roundTrip(
  codec: Codec,
  content: Uint8Array,
  options: { readonly name: string; readonly misalignment?: number },
): Uint8Array {
  const { name, misalignment = 0 } = options;
  const encoded = compress(codec, content, { targetBytes: ROOM_BYTES, misalignment });
  if (encoded === null) return assert.fail(`${codec.name} did not encode ${name}`);
  const decoded = decompress(codec, encoded, { targetBytes: content.length, misalignment });
  if (decoded === null) return assert.fail(`${codec.name} did not decode ${name}`);
  if (!isEqual(decoded, content)) assert.fail(`${codec.name} changed ${name}`);
  return encoded;
}

/** Faster than `toEqual`, which looks at every byte as a value of its own. */
export function isEqual(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.compare(left, right) === 0;
}
