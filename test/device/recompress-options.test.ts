/** What a recompression pass refuses to be asked for; nothing is changed then. */

import { describe, expect, it } from "vitest";
import { PAGE_BYTES } from "../../src/base/units.ts";
import { createPageStore, type RecompressOptions } from "../../src/index.ts";
import { expectRefusal, refusal } from "../support/refusals.ts";
import { longestLength } from "../support/size-classes.ts";
import { sizedPage } from "../support/sized-codec.ts";
import { openTestDevice, sizedCodecs, testStore, writePage } from "../support/stores.ts";

describe("recompress refuses", () => {
  const bad: readonly (readonly [string, unknown, readonly (string | number)[]])[] = [
    ...[-1, 0.5, Number.NaN, longestLength + 1, PAGE_BYTES, "100"].map(
      (value) =>
        [
          `thresholdBytes ${value}`,
          { thresholdBytes: value },
          [String(value), longestLength],
        ] as const,
    ),
    ...[-1, 0.5, Number.NaN, 2 ** 29, "60"].map(
      (value) =>
        [`idleSeconds ${value}`, { idleSeconds: value }, [String(value), 2 ** 29 - 1]] as const,
    ),
    ...[-1, 0.5, Number.NaN, 2 ** 32, "5"].map(
      (value) => [`maxPages ${value}`, { maxPages: value }, [String(value), 2 ** 32 - 1]] as const,
    ),
    ...[0, -1, 3, 0.5, Number.NaN, "1"].map(
      (value) =>
        [`priority ${value}`, { priority: value }, [String(value), "from 1 to 2"]] as const,
    ),
    ...["cold", "", 5].map(
      (value) => [`type ${value}`, { type: value }, [value, "all, idle, huge, huge_idle"]] as const,
    ),
    ["an unknown option", { maxPage: 5 }, ["maxPage", "maxPages"]],
    ["null for its options", null, ["null"]],
    ["a number for its options", 5, ["5"]],
  ];

  it.each(bad)("%s", async (_, options, says) => {
    const made = testStore({ codecs: sizedCodecs(3) });
    const device = openTestDevice(made, { slots: 1 });
    await writePage(device, 0, sizedPage({ number: 1, lengths: [3000, 1000] }));
    const pass = options as RecompressOptions;
    expectRefusal(() => made.store.recompress(pass), refusal.invalid(...says));
    expect(device.slotState(0)).toMatchObject({ length: 3000, recompressed: false });
  });

  it("a store without further codecs, and says how to open one", async () => {
    const refused = refusal.invalid("no codec to recompress with", 'recompress: ["zstd"]');
    expectRefusal(() => testStore().store.recompress(), refused);
    expectRefusal(() => createPageStore({ sizeBytes: 4096 }).recompress(), refused);
  });
});
