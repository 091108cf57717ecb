import { once } from "node:events";
import { mkdtemp, readdir, readFile, readlink, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SeededRandom } from "../../src/base/random.ts";
import type { AnalysisResult } from "../../src/report/result.ts";
import { fixturePages } from "../support/fixtures.ts";
import { finished, pagefold, start, unprivileged, whyNotUnprivileged } from "./pagefold.ts";

const PAGE = 4096;
let folder = "";
let small = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "pagefold-analyze-"));
  small = join(folder, "small.pages");
  await writeFile(small, fixturePages("guest-a-node").subarray(0, 64 * PAGE));
});

afterAll(() => rm(folder, { recursive: true }));

describe("pagefold analyze", () => {
  it("prints tables of the pages, the codecs, the store and zram, without colours into a pipe", async () => {
    const { code, stdout, stderr } = await pagefold("analyze", "--codecs", "lz4,raw", small);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(
      /64 pages of 4096 bytes[\s\S]*duplicate[\s\S]*lz4[\s\S]*metadata_size[\s\S]*mm_stat/,
    );
    expect(stdout).not.toContain("\u001b");
  });

  it("prints one JSON object of several files, read in order, gzipped or not", async () => {
    const gzipped = join(folder, "more.pages");
    await writeFile(gzipped, gzipSync(fixturePages("guest-c-python").subarray(0, 32 * PAGE)));
    const { code, stdout, stderr } = await pagefold(
      "analyze",
      "--json",
      "--codecs",
      "lz4",
      small,
      gzipped,
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const result = JSON.parse(stdout) as AnalysisResult;
    expect(result.input).toEqual({ pages: 96, bytes: 96 * PAGE, sampled: false, sample: null });
    expect(result.options.files).toEqual([small, gzipped]);
    expect(result.codecs.map(({ name }) => name)).toEqual(["lz4"]);
  });

  it("names the sample", async () => {
    const { stdout } = await pagefold(
      "analyze",
      "--json",
      "--sample",
      "50%",
      "--codecs",
      "lz4",
      small,
    );
    const { input } = JSON.parse(stdout) as AnalysisResult;
    expect(input).toMatchObject({ pages: 32, sampled: true });
    expect(input.sample).toMatchObject({ percent: 50, run_pages: 16, pages_in_input: 64 });
  });

  it("compares units where they are asked for, and draws them into a folder it makes", async () => {
    const plots = join(folder, "new", "plots");
    const { code, stdout, stderr } = await pagefold(
      ...["analyze", "--json", "--codecs", "lz4,zstd:1", "--unit", "64K,4K", "--svg", plots, small],
    );
    const names = ["unit-ratio.svg", "unit-random-read.svg"];
    const wrote = names.map((name) => `pagefold: wrote ${join(plots, name)}\n`).join("");
    expect({ code, stderr }).toEqual({ code: 0, stderr: wrote });
    const { units, codecs } = JSON.parse(stdout) as AnalysisResult;
    expect(units?.sizes.map(({ units: count }) => count)).toEqual([64, 4]);
    expect(units?.codecs.map((one) => one.units[0]!.ratio)).toEqual(
      codecs.map(({ ratio }) => ratio),
    );
    for (const name of names) {
      const svg = await readFile(join(plots, name), "utf8");
      expect(svg).toMatch(/^<svg [\s\S]*<\/svg>\s*$/);
      for (const text of ["4K", "64K", "lz4", "zstd:1"]) expect(svg).toContain(`>${text}<`);
    }
  });

  it("shows units as tables", async () => {
    const { stdout } = await pagefold(...["analyze", "--codecs", "lz4", "--unit", "4K,16K", small]);
    expect(stdout).toMatch(/Larger units[\s\S]* 16K +16 [\s\S]*lz4 +4K [\s\S]* 16K +\d+\.\d\d /);
  });

  it("ends quietly when its reader goes away", async () => {
    const child = start(["analyze", "--json", "--codecs", "lz4", small]);
    child.stdout!.destroy();
    let stderr = "";
    child.stderr!.setEncoding("utf8").on("data", (text) => {
      stderr += text;
    });
    const [code] = await once(child, "close");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  });
});

describe("pagefold analyze exits with 2 for", () => {
  it.each([
    {
      args: ["--codec", "lz5"],
      says: /^pagefold: "lz5" is not a codec; use one of .*lz4.*zstd.*raw\n$/,
    },
    { args: ["--codecs", "lz4,,zstd"], says: /^pagefold: "" is not a codec; use one of / },
    {
      args: ["--codecs", "zstd:99"],
      says: /^pagefold: "99" is not a level of zstd; .* from 1 to 22/,
    },
    { args: ["--sample", "0%"], says: /^pagefold: "0%" is not a sample: .* above 0 and up to 100/ },
    {
      args: ["--zsmalloc-chain", "2.5"],
      says: /^pagefold: --zsmalloc-chain cannot be "2.5": .* from 4 to 16\n$/,
    },
    {
      args: ["--unit", "4K,12K"],
      says: /^pagefold: --unit cannot be "12K": a unit is a power of two from 4K to 64K; give a list such as .*\n$/,
    },
    { args: ["--unit", "128K"], says: /^pagefold: --unit cannot be "128K": / },
    { args: ["--svg", "plots"], says: /^pagefold: --svg draws what --unit finds; add --unit 4K,/ },
  ])("$args", async ({ args, says }) => {
    const { code, stdout, stderr } = await pagefold("analyze", ...args, small);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(says);
  });
});

describe("pagefold analyze exits with 1 for", () => {
  const refused = async (path: string) => {
    const { code, stdout, stderr } = await pagefold("analyze", "--json", small, path);
    expect({ code, stdout, lines: stderr.split("\n").length }).toEqual({
      code: 1,
      stdout: "",
      lines: 2,
    });
    expect(stderr).toMatch(/^pagefold: /);
    return stderr;
  };

  it("a file where the folder of the plots should be", async () => {
    const args = ["analyze", "--unit", "4K", "--svg", small, small];
    const { code, stdout, stderr } = await pagefold(...args);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toBe(`pagefold: ${small} is no folder; name another with --svg\n`);
  });

  it("a file that is no whole number of pages", async () => {
    const path = join(folder, "odd");
    await writeFile(path, new Uint8Array(PAGE + 9));
    expect(await refused(path)).toContain("are 1 pages and 9 left over; drop those with");
  });

  it("an empty file", async () => {
    const path = join(folder, "empty");
    await writeFile(path, "");
    expect(await refused(path)).toContain("is empty: 0 bytes");
  });

  it("a directory", async () => {
    expect(await refused(folder)).toContain("is a directory");
  });

  it("a file that is not there", async () => {
    expect(await refused(join(folder, "none"))).toContain("there is no such file");
  });

  it("a gzip cut short", async () => {
    const random = new Uint8Array(20 * PAGE);
    new SeededRandom(3).fill(random);
    const path = join(folder, "short.gz");
    await writeFile(path, gzipSync(random).subarray(0, 30_000));
    expect(await refused(path)).toContain("cut short: its 30000 bytes end inside the data");
  });

  const reason = whyNotUnprivileged();
  it.skipIf(reason !== "")(
    `a file it may not read${reason && ` (skipped: ${reason})`}`,
    async () => {
      const path = join(folder, "private");
      await writeFile(path, new Uint8Array(PAGE), { mode: 0o000 });
      const { code, stderr } = await finished(start(["analyze", path], unprivileged()));
      expect(code).toBe(1);
      expect(stderr).toMatch(/^pagefold: .*private cannot be read: permission is denied; .*\n$/);
    },
  );
});

describe.skipIf(process.platform !== "linux")("pagefold analyze when interrupted", () => {
  /** Waits until process `pid` has `path` open. */
  async function opened(pid: number, path: string): Promise<void> {
    for (;;) {
      const fds = await readdir(`/proc/${pid}/fd`).catch(() => []);
      for (const fd of fds) {
        if ((await readlink(`/proc/${pid}/fd/${fd}`).catch(() => "")) === path) return;
      }
      await setTimeout(5);
    }
  }

  it("exits with 130 and says nothing", async () => {
    const path = join(folder, "sparse");
    await writeFile(path, "");
    await truncate(path, 2 ** 36);
    const child = start(["analyze", path]);
    const ended = finished(child);
    await opened(child.pid!, path);
    child.kill("SIGINT");
    expect(await ended).toEqual({ code: 130, stdout: "", stderr: "" });
  });
});
