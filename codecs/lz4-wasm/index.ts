/**
 * LZ4 by the npm package lz4-wasm-nodejs (Rust's lz4_flex as WebAssembly), as it comes: a second opinion on the format
 * and a rival to measure against.
 *
 * The package puts the decoded length before each block as four bytes, little-endian. Stored is the plain block, so
 * that sizes compare with `lz4` and each decodes what the other wrote; the four bytes are put back, from the length the
 * caller expects, for decoding. A wrong one made it allocate gigabytes (observed with 0.9.2), so no other ever reaches
 * it.
 */

import { createRequire } from "node:module";
import type { Codec, CodecDefinition } from "../codec.ts";
import { isBlockOf } from "./check.ts";

type Lz4Wasm = typeof import("lz4-wasm");

const PREFIX_BYTES = 4;

function createLz4Wasm(): Codec {
  // Required here: importing it compiles its WebAssembly, which users of other codecs should not wait for.
  const lz4: Lz4Wasm = createRequire(import.meta.url)("lz4-wasm");
  let prefixed = new Uint8Array(0);
  return {
    name: "lz4-wasm",
    compress(source, target) {
      const encoded = lz4.compress(source);
      const length = encoded.length - PREFIX_BYTES;
      if (length > target.length) return 0;
      target.set(encoded.subarray(PREFIX_BYTES));
      return length;
    },
    decompress(source, target) {
      if (!isBlockOf(source, target.length)) return -1;
      const inputBytes = PREFIX_BYTES + source.length;
      if (prefixed.length < inputBytes) prefixed = new Uint8Array(inputBytes);
      new DataView(prefixed.buffer).setUint32(0, target.length, true);
      prefixed.set(source, PREFIX_BYTES);
      const decoded = decompressOrNull(lz4, prefixed.subarray(0, inputBytes));
      if (decoded === null || decoded.length !== target.length) return -1;
      target.set(decoded);
      return target.length;
    },
  };
}

function decompressOrNull(lz4: Lz4Wasm, input: Uint8Array): Uint8Array | null {
  try {
    return lz4.decompress(input);
  } catch {
    return null;
  }
}

export const definition: CodecDefinition = {
  name: "lz4-wasm",
  summary: "LZ4 by the npm package lz4-wasm-nodejs: the same format as lz4, to compare with",
  isLoaded: () => true,
  create: createLz4Wasm,
};
