import { describe, expect, it } from "vitest";
import { type CacheArguments, cacheOptionsOf } from "../../src/cli/cache-arguments.ts";
import { expectRefusal, refusal } from "../support/refusals.ts";

describe("cacheOptionsOf", () => {
  it("gives nothing where no cache is asked for", () => {
    expect(cacheOptionsOf({ size: 4096, readOnly: true })).toBeUndefined();
  });

  it("gives the origin, and what was said of it", () => {
    expect(cacheOptionsOf({ cacheOf: "/x.img" })).toEqual({ origin: "/x.img" });
    const parsed = { cacheOf: "/x.img", cacheMode: "write-through", size: 8192 } as const;
    expect(cacheOptionsOf(parsed)).toEqual({
      origin: "/x.img",
      mode: "write-through",
      sizeBytes: 8192,
    });
  });

  const cacheOf = "/x.img";
  const refused: readonly { readonly given: CacheArguments; readonly says: (string | number)[] }[] =
    [
      { given: { cacheMode: "write-back" }, says: ["--cache-mode write-back without --cache-of"] },
      { given: { cacheOf, export: [{}] }, says: ['--cache-of "/x.img"', "leave --export out"] },
      { given: { cacheOf, record: "t" }, says: ["--record cannot record a cache"] },
      {
        given: { cacheOf, readOnly: true, cacheMode: "write-back" },
        says: ["--read-only", "leave one of the two"],
      },
      {
        given: { cacheOf, memoryLimit: 102_400 },
        says: [102_400, "too little for a cache", "256.0 KiB"],
      },
    ];

  it.each(refused)("refuses $given", ({ given, says }) => {
    expectRefusal(() => cacheOptionsOf(given), refusal.invalid(...says));
  });
});
