/** What is particular to the package behind lz4-wasm: its prefix, and its life after a trap. */

import { createRequire } from "node:module";
import { describe, expect, it } from "vitest";
import { getCodec } from "../../codecs/registry.ts";
import { PAGE_BYTES } from "../../src/base/units.ts";
import { compress, ROOM_BYTES, roundTrip } from "../support/checked-codec.ts";
import { edgePages } from "../support/edge-pages.ts";

const lz4: typeof import("lz4-wasm") = createRequire(import.meta.url)("lz4-wasm");

describe("lz4-wasm", () => {
  it("compress stores the package's bytes without their four of length", () => {
    const codec = getCodec("lz4-wasm");
    for (const { name, page } of edgePages()) {
      const whole = lz4.compress(page);
      expect(new DataView(whole.buffer).getUint32(0, true)).toBe(PAGE_BYTES);
      expect(compress(codec, page, { targetBytes: ROOM_BYTES }), name).toEqual(whole.subarray(4));
    }
  });

  it("compress and decompress work after the package's module has trapped", () => {
    const codec = getCodec("lz4-wasm");
    const claimsFourGigabytes = Uint8Array.of(255, 255, 255, 255, 0);
    expect(() => lz4.decompress(claimsFourGigabytes)).toThrow("unreachable");
    for (const { name, page } of edgePages()) roundTrip(codec, page, { name });
  });
});
