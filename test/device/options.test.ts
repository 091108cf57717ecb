/** What a store and an export refuse to be made of, and what they take. */

import { describe, expect, it } from "vitest";
import {
  createPageStore,
  openDevice,
  openStore,
  type PageStoreOptions,
  type StoreOptions,
} from "../../src/index.ts";
import { expectRefusal, expectRejection, type Refusal, refusal } from "../support/refusals.ts";

const MOST_BYTES = 2 ** 40;
/** All arenas of 4 MiB but the last of the 4 GiB that a WebAssembly memory can have. */
const MOST_ENGINE_BYTES = 2 ** 32 - 2 ** 22;
const KNOWN_CODECS = ["lz4", "lz4-fast", "lz4-wasm", "deflate", "zstd", "raw"];
const NOT_BYTES = [-1, -4096, 0.5, 4096.5, Number.NaN, Number.POSITIVE_INFINITY, MOST_BYTES + 1];

type Bad = readonly [what: string, options: Record<string, unknown>, refused: Refusal];

const tooLong = (bytes: number): Refusal => ({
  code: "NAME_TOO_LONG",
  errno: "E2BIG",
  says: [bytes, 127],
});

const unknownCodec = (name: string): Refusal => ({
  code: "UNKNOWN_CODEC",
  errno: "EINVAL",
  says: [`"${name}"`, ...KNOWN_CODECS],
});

const badStores: readonly Bad[] = [
  ...[...NOT_BYTES, "64M", true].map(
    (value): Bad => [
      `memoryLimitBytes ${value}`,
      { memoryLimitBytes: value },
      refusal.invalid("memoryLimitBytes", String(value), 0, MOST_BYTES),
    ],
  ),
  ...[-1, 0.5, Number.NaN, MOST_ENGINE_BYTES + 1, "1M"].map(
    (value): Bad => [
      `reserveBytes ${value}`,
      { reserveBytes: value },
      refusal.invalid("reserveBytes", String(value), 0, MOST_ENGINE_BYTES),
    ],
  ),
  ...[1, 0, "yes", {}].map(
    (value): Bad => [`dedup ${value}`, { dedup: value }, refusal.invalid("dedup", String(value))],
  ),
  ["codec lzo", { codec: "lzo" }, unknownCodec("lzo")],
  ["an empty codec", { codec: "" }, unknownCodec("")],
  ["codec LZ4", { codec: "LZ4" }, unknownCodec("LZ4")],
  ["codec 5", { codec: 5 }, refusal.invalid("number", ...KNOWN_CODECS)],
  ["lz4 with a level", { codec: "lz4:1" }, refusal.invalid("lz4", '"1"')],
  ["level 10 of deflate", { codec: "deflate:10" }, refusal.invalid('"10"', 1, 9)],
  ["level -1 of deflate", { codec: "deflate:-1" }, refusal.invalid('"-1"', 1, 9)],
  ["a codec of 128 letters", { codec: "x".repeat(128) }, tooLong(128)],
  ["recompress as a string", { recompress: "deflate" }, refusal.invalid("recompress", "deflate")],
  ["recompress with lzo", { recompress: ["deflate", "lzo"] }, unknownCodec("lzo")],
  [
    "recompress with four codecs",
    { recompress: ["raw", "deflate", "lz4-fast", "lz4-wasm"] },
    refusal.invalid("recompress", 4, 3),
  ],
  ["an unknown option", { codecs: ["lz4"] }, refusal.invalid('"codecs"', "memoryLimitBytes")],
  ["a clock that is none", { clock: 5 }, refusal.invalid("clock", 5)],
  ["a random source that is none", { random: 5 }, refusal.invalid("random", 5)],
];

const badExports: readonly Bad[] = [
  ...[...NOT_BYTES, 0, "1G", null, undefined, true].map(
    (value): Bad => [
      `sizeBytes ${value}`,
      { sizeBytes: value },
      refusal.invalid("sizeBytes", String(value), 1, MOST_BYTES),
    ],
  ),
  ...[...NOT_BYTES, "1G"].map(
    (value): Bad => [
      `limitBytes ${value}`,
      { sizeBytes: 4096, limitBytes: value },
      refusal.invalid("limitBytes", String(value), 0, MOST_BYTES),
    ],
  ),
  ["a name that is a number", { sizeBytes: 4096, name: 7 }, refusal.invalid("name", 7, "string")],
  ["a name of 128 letters", { sizeBytes: 4096, name: "n".repeat(128) }, tooLong(128)],
  ["a name of 64 two-byte letters", { sizeBytes: 4096, name: "é".repeat(64) }, tooLong(128)],
  ["a domain that is a number", { sizeBytes: 1, domain: 7 }, refusal.invalid("domain", 7)],
  ["a domain of 200 letters", { sizeBytes: 1, domain: "d".repeat(200) }, tooLong(200)],
  ["an unknown option", { sizeBytes: 4096, size: 1 }, refusal.invalid('"size"', "sizeBytes")],
];

const NO_OBJECTS = [null, 5, "4096", undefined];

describe("createPageStore", () => {
  const size = { sizeBytes: 4096 };

  it.each(badStores)("refuses %s", (_, options, refused) => {
    expectRefusal(() => createPageStore({ ...size, ...options } as PageStoreOptions), refused);
  });

  it.each(badExports)("refuses %s", (_, options, refused) => {
    expectRefusal(() => createPageStore(options as unknown as PageStoreOptions), refused);
  });

  it.each(NO_OBJECTS)("refuses %s for its options", (options) => {
    const refused = refusal.invalid(String(options));
    expectRefusal(() => createPageStore(options as unknown as PageStoreOptions), refused);
  });

  it("takes names of 127 bytes and every option at once", () => {
    const store = createPageStore({
      sizeBytes: 1,
      limitBytes: MOST_BYTES,
      name: "n".repeat(127),
      domain: "é".repeat(63),
      codec: "deflate:9",
      recompress: ["lz4-fast", "raw", "lz4-wasm"],
      dedup: false,
      memoryLimitBytes: MOST_BYTES,
      clock: { seconds: () => 0 },
      random: () => {},
    });
    expect(store.stats()).toMatchObject({ name: "n".repeat(127), domain: "é".repeat(63) });
  });

  it("takes the memory of reserveBytes at once, rounded up to whole arenas", () => {
    const store = createPageStore({ sizeBytes: 4096, reserveBytes: 2 ** 25 + 1 });
    const { memory_reserved } = store.stats();
    expect(memory_reserved).toBeGreaterThan(2 ** 25);
    expect(memory_reserved).toBeLessThan(2 ** 25 + 2 ** 23);
  });

  it.each([
    [1, 1],
    [4096, 1],
    [4097, 2],
    [8192, 2],
    [2 ** 30 + 1, 2 ** 18 + 1],
  ])("rounds %i bytes up to %i pages", (sizeBytes, slots) => {
    const store = createPageStore({ sizeBytes });
    expect(store.slots).toBe(slots);
    expect(store.stats().size_bytes).toBe(slots * 4096);
  });
});

describe("openStore", () => {
  it.each(badStores)("refuses %s", async (_, options, refused) => {
    await expectRejection(() => openStore(options as StoreOptions), refused);
  });

  it.each([null, 5, "lz4"])("refuses %s for its options", async (options) => {
    const refused = refusal.invalid(String(options));
    await expectRejection(() => openStore(options as unknown as StoreOptions), refused);
  });

  it("refuses an export's options", async () => {
    const options = { sizeBytes: 4096 } as StoreOptions;
    await expectRejection(() => openStore(options), refusal.invalid('"sizeBytes"', "codec"));
  });

  it("takes no options at all", async () => {
    const store = await openStore();
    expect(store.stats()).toMatchObject({ orig_data_size: 0, mem_limit: 0 });
  });
});

describe("Store.openExport", () => {
  it.each(badExports)("refuses %s", async (_, options, refused) => {
    const store = await openStore();
    expectRefusal(() => store.openExport(options as never), refused);
    expectRefusal(() => store.export(""), { code: "NOT_FOUND", errno: "ENOENT", says: ["none"] });
  });

  it("refuses a store's options", async () => {
    const store = await openStore();
    const options = { sizeBytes: 4096, codec: "lz4" } as never;
    expectRefusal(() => store.openExport(options), refusal.invalid('"codec"', "sizeBytes"));
  });
});

describe("openDevice", () => {
  it.each([...badStores, ...badExports])("refuses %s", async (_, options, refused) => {
    const size = "sizeBytes" in options ? {} : { sizeBytes: 4096 };
    await expectRejection(() => openDevice({ ...size, ...options } as PageStoreOptions), refused);
  });
});
