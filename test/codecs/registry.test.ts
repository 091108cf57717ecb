/** The registry: what specifications mean, and every refusal with its code, its value, its limit and its remedy. */

import { describe, expect, it } from "vitest";
import {
  codecDefinitions,
  codecNames,
  getCodec,
  loadCodec,
  parseCodec,
} from "../../codecs/registry.ts";
import { PagefoldError } from "../../src/base/errors.ts";

/** The refusal `call` ends in. */
function refusalOf(call: () => unknown): PagefoldError {
  try {
    call();
  } catch (error) {
    if (error instanceof PagefoldError) return error;
    throw error;
  }
  return expect.unreachable("nothing was refused");
}

describe("codecDefinitions", () => {
  it("codecDefinitions lists every codec once, ours first", () => {
    expect(codecNames()).toEqual(["lz4", "lz4-fast", "lz4-wasm", "deflate", "zstd", "raw"]);
  });

  it("codecDefinitions have a summary of one line and a default level within their levels", () => {
    for (const { summary, levels } of codecDefinitions) {
      expect(summary).toMatch(/^[^\n]{10,100}$/);
      if (!levels) continue;
      expect(levels.default).toBeGreaterThanOrEqual(levels.min);
      expect(levels.default).toBeLessThanOrEqual(levels.max);
    }
  });

  it("codecDefinitions give no two codecs the same kernel", () => {
    const kernels = codecDefinitions.flatMap(({ kernel }) => kernel ?? []);
    expect(new Set(kernels).size).toBe(kernels.length);
  });
});

describe("parseCodec", () => {
  it.each([
    ["lz4", "lz4", 0],
    ["raw", "raw", 0],
    ["zstd", "zstd:3", 3],
    ["zstd:3", "zstd:3", 3],
    ["zstd:22", "zstd:22", 22],
    ["zstd:09", "zstd:9", 9],
    ["deflate", "deflate:1", 1],
    ["deflate:9", "deflate:9", 9],
  ])("parseCodec takes %s for %s", (spec, name, level) => {
    const parsed = parseCodec(spec);
    expect(parsed).toMatchObject({ name, level });
    expect(parseCodec(parsed.name)).toEqual(parsed);
  });

  it.each(["zstd:0", "zstd:23", "zstd:", "zstd:-1", "zstd:+3", "zstd:1.5", "zstd:1e1", "zstd: 3"])(
    "parseCodec refuses the level of %s",
    (spec) => {
      const refusal = refusalOf(() => parseCodec(spec));
      expect(refusal).toMatchObject({ code: "INVALID_ARGUMENT", errno: "EINVAL" });
      expect(refusal.message).toContain(JSON.stringify(spec.slice("zstd:".length)));
      expect(refusal.message).toContain("from 1 to 22");
      expect(refusal.message).toContain('"zstd:3"');
    },
  );

  it("parseCodec refuses a second level", () => {
    expect(refusalOf(() => parseCodec("deflate:1:2")).code).toBe("INVALID_ARGUMENT");
  });

  it.each(["lz4:1", "raw:0", "lz4:"])(
    "parseCodec refuses a level in %s, which has none",
    (spec) => {
      const [name] = spec.split(":");
      const refusal = refusalOf(() => parseCodec(spec));
      expect(refusal.code).toBe("INVALID_ARGUMENT");
      expect(refusal.message).toContain("has no levels");
      expect(refusal.message).toContain(`write just "${name}"`);
    },
  );

  it.each(["lzo-rle", "LZ4", "", " lz4", "constructor", "__proto__", "lz4\n", "nothing:9"])(
    "parseCodec refuses the unknown codec %j and lists the known",
    (spec) => {
      const refusal = refusalOf(() => parseCodec(spec));
      expect(refusal).toMatchObject({ code: "UNKNOWN_CODEC", errno: "EINVAL" });
      expect(refusal.message).toContain(JSON.stringify(spec.split(":")[0]));
      expect(refusal.message).toContain(codecNames().join(", "));
      expect(refusal.message).not.toContain("\n");
    },
  );

  it("parseCodec counts a name's bytes, not its characters", () => {
    for (const tooLong of ["x".repeat(128), "é".repeat(64), "lz4:".padEnd(1000, "1")]) {
      const refusal = refusalOf(() => parseCodec(tooLong));
      expect(refusal).toMatchObject({ code: "NAME_TOO_LONG", errno: "E2BIG" });
      expect(refusal.message).toContain(`${Buffer.byteLength(tooLong)} bytes`);
      expect(refusal.message).toContain("limit of 127");
    }
    for (const longest of ["x".repeat(127), `${"é".repeat(63)}x`]) {
      expect(refusalOf(() => parseCodec(longest)).code).toBe("UNKNOWN_CODEC");
    }
  });

  it.each([undefined, null, 4, {}])("parseCodec refuses %j, which is no string", (value) => {
    // What a caller without types may pass.
    const refusal = refusalOf(() => parseCodec(value as never));
    expect(refusal.code).toBe("INVALID_ARGUMENT");
    expect(refusal.message).toContain(typeof value);
  });
});

describe("getCodec and loadCodec", () => {
  it("getCodec refuses a codec until loadCodec has loaded it", async () => {
    const refusal = refusalOf(() => getCodec("zstd:9"));
    expect(refusal).toMatchObject({ code: "CODEC_NOT_LOADED", errno: "EINVAL" });
    expect(refusal.message).toContain('await loadCodec("zstd") first');
    await Promise.all([loadCodec("zstd"), loadCodec("zstd:1")]);
    expect(getCodec("zstd:9").name).toBe("zstd:9");
    await loadCodec("zstd");
    expect(getCodec("zstd").name).toBe("zstd:3");
  });

  it("getCodec refuses an unknown codec before anything else", () => {
    expect(refusalOf(() => getCodec("nothing")).code).toBe("UNKNOWN_CODEC");
  });

  it("loadCodec has nothing to do for codecs that are always there", async () => {
    for (const { name, load } of codecDefinitions) {
      if (load) continue;
      await expect(loadCodec(name)).resolves.toBeUndefined();
      expect(getCodec(name).name.split(":")[0]).toBe(name);
    }
  });

  it("loadCodec rejects with the same refusals as parseCodec", async () => {
    await expect(loadCodec("nothing")).rejects.toMatchObject({ code: "UNKNOWN_CODEC" });
    await expect(loadCodec("zstd:99")).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    await expect(loadCodec("x".repeat(128))).rejects.toMatchObject({ code: "NAME_TOO_LONG" });
  });
});
