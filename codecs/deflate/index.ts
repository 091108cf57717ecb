/**
 * Raw DEFLATE (RFC 1951, no header, no checksum) by fflate, in JavaScript.
 *
 * Always holds: the decoder works in a buffer of its own, one byte longer than the page. fflate never grows a buffer it
 * was given and cuts what does not fit, so a stream that gives too much shows as that one byte; and `target` is only
 * written once the length is known to be right.
 */

import { type DeflateOptions, deflateSync, inflateSync } from "fflate";
import type { Codec, CodecDefinition } from "../codec.ts";

/** fflate's level 0 only stores; `raw` does that without the five bytes of a block header. */
const LEVELS = { min: 1, max: 9, default: 1 } as const;

function createDeflate(level: number): Codec {
  const options: DeflateOptions = { level: level as NonNullable<DeflateOptions["level"]> };
  let scratch = new Uint8Array(0);
  return {
    name: `deflate:${level}`,
    compress(source, target) {
      const encoded = deflateSync(source, options);
      if (encoded.length > target.length) return 0;
      target.set(encoded);
      return encoded.length;
    },
    decompress(source, target) {
      if (scratch.length !== target.length + 1) scratch = new Uint8Array(target.length + 1);
      const decoded = inflateOrNull(source, scratch);
      if (decoded === null || decoded.length !== target.length) return -1;
      target.set(decoded);
      return target.length;
    },
  };
}

function inflateOrNull(source: Uint8Array, out: Uint8Array): Uint8Array | null {
  try {
    return inflateSync(source, { out });
  } catch {
    return null;
  }
}

export const definition: CodecDefinition = {
  name: "deflate",
  summary: "raw DEFLATE by fflate, in JavaScript: denser than lz4, slow",
  levels: LEVELS,
  isLoaded: () => true,
  create: createDeflate,
};
