/** The worked examples of docs/overflow.md are what the log writes, and mean what the page says. */

import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { encodeHeader } from "../../../src/overflow/format/header-record.ts";
import { Seal } from "../../../src/overflow/format/seal.ts";
import { openUnit, UnitWriter } from "../../../src/overflow/format/unit.ts";
import { hexDump } from "../../support/hex-dump.ts";

const page = await readFile(new URL("../../../docs/overflow.md", import.meta.url), "utf8");

/** The life a1 a2 … a8, the key 00 01 … 1f. */
function exampleSeal(isPlain: boolean): Seal {
  const first = (length: number) => (length === 8 ? 0xa1 : 0);
  return new Seal({
    isPlain,
    random: (target) => {
      for (let index = 0; index < target.length; index++)
        target[index] = first(target.length) + index;
    },
  });
}

function exampleUnit(seal: Seal): Uint8Array {
  const writer = new UnitWriter(seal, 4224);
  const target = new Uint8Array(4224);
  writer.begin(target, 0);
  writer.add(5, 0, 1, Buffer.from("swapped out"));
  writer.add(0x010203, 1, 9, Buffer.from("cold"));
  return target.slice(0, writer.end());
}

it.each([
  { mode: "plain", isPlain: true },
  { mode: "sealed", isPlain: false },
])("docs/overflow.md shows the bytes of its $mode unit", ({ isPlain }) => {
  const unit = exampleUnit(exampleSeal(isPlain));
  expect(page).toContain(hexDump(unit));
});

it("docs/overflow.md's two units hold the same", () => {
  const [plain, sealed] = [exampleSeal(true), exampleSeal(false)].map((seal) => {
    const unit = exampleUnit(seal);
    expect(openUnit(seal, unit)).toBe(true);
    return unit.subarray(32, 32 + 12 + 11 + 12 + 4);
  });
  expect(sealed).toEqual(plain);
});

it("docs/overflow.md shows the bytes of its header", () => {
  const header = encodeHeader(
    {
      logId: Uint8Array.from({ length: 16 }, (_, index) => 0xb0 + index),
      opened: 4,
      programmedBytes: 10_000_000_000,
      segmentBytes: 2 ** 20,
      segments: 6,
      eraseCounts: Uint32Array.of(260, 258, 261, 258, 300, 259),
      retired: Uint8Array.of(0, 0, 0, 0, 1, 0),
    },
    { generation: 7, programBytes: 1 },
  );
  expect(page).toContain(hexDump(header));
});
