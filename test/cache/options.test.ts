import { describe, expect, it } from "vitest";
import { openCache } from "../../src/cache/open-cache.ts";
import { type CacheOptions, checkCacheOptions } from "../../src/cache/options.ts";
import { MemoryOrigin } from "../support/origins.ts";
import { expectRefusal, expectRejection, refusal } from "../support/refusals.ts";

const origin = new MemoryOrigin(new Uint8Array(4096));

describe("checkCacheOptions", () => {
  it("has defaults for all but the origin", () => {
    const { onEvent, ...checked } = checkCacheOptions({ origin: "disk.img" });
    expect(checked).toEqual({
      origin: "disk.img",
      mode: "write-back",
      isReadOnly: false,
      sizeBytes: undefined,
      memoryLimitBytes: 2 ** 28,
      aheadPages: 128,
      mostDirtyPages: 13_107,
      flushSeconds: 5,
    });
    expect(onEvent("said to nobody")).toBeUndefined();
  });

  it("reads ahead no more than memory has room for", () => {
    expect(checkCacheOptions({ origin, memoryLimitBytes: 2 ** 20 }).aheadPages).toBe(8);
    expect(checkCacheOptions({ origin, readAheadBytes: 0 }).aheadPages).toBe(0);
  });

  const refused: readonly { readonly given: unknown; readonly says: (string | number)[] }[] = [
    { given: {}, says: ["origin is undefined"] },
    { given: { origin: "" }, says: ['origin is ""'] },
    { given: { origin: "a\0b" }, says: ["origin is"] },
    { given: { origin: {} }, says: ["origin is"] },
    { given: { origin, mode: "back" }, says: ['mode is "back"', "write-back or write-through"] },
    { given: { origin, readOnly: 1 }, says: ["readOnly is 1"] },
    {
      given: { origin, memoryLimitBytes: 2 ** 18 - 1 },
      says: ["memoryLimitBytes is 262143", 2 ** 18],
    },
    { given: { origin, memoryLimitBytes: 0 }, says: ["memoryLimitBytes is 0"] },
    {
      given: { origin, memoryLimitBytes: 2 ** 36 },
      says: ["memoryLimitBytes is 68719476736", 4092 * 2 ** 20],
    },
    { given: { origin, readAheadBytes: -1 }, says: ["readAheadBytes is -1"] },
    { given: { origin, dirtyShare: 0.9 }, says: ["dirtyShare is 0.9", 0.01, 0.8] },
    { given: { origin, flushSeconds: 0 }, says: ["flushSeconds is 0", 0.01] },
    { given: { origin, flushSeconds: Number.NaN }, says: ["flushSeconds is NaN"] },
    { given: { origin, sizeBytes: 0.5 }, says: ["sizeBytes is 0.5"] },
    { given: { origin, onEvent: 3 }, says: ["onEvent is 3"] },
  ];

  it.each(refused)("refuses $given", ({ given, says }) => {
    expectRefusal(() => checkCacheOptions(given as CacheOptions), refusal.invalid(...says));
  });
});

describe("openCache", () => {
  it("refuses an option it does not know, and one that its store refuses", async () => {
    const misspelt = { origin, flushSecond: 3 } as CacheOptions;
    await expectRejection(() => openCache(misspelt), refusal.invalid('"flushSecond"'));
    const limited = { origin, dedup: 1 } as unknown as CacheOptions;
    await expectRejection(() => openCache(limited), refusal.invalid("dedup is 1"));
  });

  it("tells nobody when who is told throws", async () => {
    const { onEvent } = checkCacheOptions({
      origin,
      onEvent: () => {
        throw new Error("not our business");
      },
    });
    expect(() => onEvent("something")).not.toThrow();
  });
});
