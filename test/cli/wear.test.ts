import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { registerWear } from "../../src/cli/wear.ts";
import type {
  WearCheckResult,
  WearOptions,
  WearResult,
  WearSeries,
} from "../../src/report/wear-result.ts";
import { fixturePages } from "../support/fixtures.ts";
import { pagefold } from "./pagefold.ts";

const FIXTURE = fileURLToPath(new URL("../../fixtures/guest-swap.trace", import.meta.url));
/** A medium and a time that take a moment. */
const SMALL = ["--size", "128M", "--days", "10", "--writes-per-day", "256M", "--seed", "7"];

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "pagefold-wear-cli-"));
});
afterAll(() => rm(folder, { recursive: true }));

interface Report {
  readonly schema: number;
  readonly command: string;
  readonly options: WearOptions;
  readonly results: WearResult;
  readonly series: WearSeries;
}

/** Runs the command in this process: what it printed. A process of its own takes half a second more. */
async function run(...args: readonly string[]): Promise<string> {
  let printed = "";
  const plain = (text: string) => text;
  const program = new Command().exitOverride();
  registerWear(program, {
    signal: new AbortController().signal,
    progress: { update() {}, stop() {} },
    emphasis: { strong: plain, faint: plain },
    print: (text) => {
      printed += text;
    },
    note: () => {},
  });
  await program.parseAsync(["node", "pagefold", "wear", ...args]);
  return printed;
}

async function wear(...args: readonly string[]): Promise<Report> {
  return JSON.parse(await run("--json", ...args)) as Report;
}

describe("pagefold wear", () => {
  it("prints a table of all ways and zram's, with its seed, and exits with 0", async () => {
    const { code, stdout, stderr } = await pagefold("wear", ...SMALL);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    for (const way of ["fifo", "greedy", "cost-benefit", "d-choices:10", "pagefold", "zram"]) {
      expect(stdout).toMatch(new RegExp(`^ +${way} +\\d`, "m"));
    }
    expect(stdout).toContain("Seed 7.");
  });

  it("prints one JSON object that adds up", async () => {
    const args = [...SMALL, "--days", "60"];
    const { schema, command, options, results, series } = await wear(...args);
    expect({ schema, command }).toEqual({ schema: 1, command: "wear" });
    expect(options).toMatchObject({ workload: "hot-cold:90/10", seed: 7, size: 2 ** 27 });
    for (const way of results.ways) {
      const programmed = way.write_amplification * results.mean_record_bytes;
      expect(way.bytes_programmed_per_byte_swapped).toBeCloseTo(programmed / 4096, 9);
      // What is programmed is erased: the medium's bytes, so often as its segments were in the mean.
      const erased = way.erases.mean * way.medium_bytes;
      expect(Math.abs(erased / way.bytes_programmed - 1)).toBeLessThan(0.1);
    }
    const fifo = results.ways.find(({ name }) => name === "fifo")!;
    expect(Math.abs(fifo.theory!.error)).toBeLessThan(0.05);
    expect(series.erase_histogram.map(({ name }) => name)).toContain("zram");
    expect(series.live_shares).toHaveLength(results.ways.length);
  });

  it("repeats a run from its seed", async () => {
    const args = [...SMALL, "--policy", "greedy,pagefold"];
    expect(await wear(...args)).toEqual(await wear(...args));
  });

  it("finds the day on which the first segment fails where endurance is short", async () => {
    const args = [...SMALL, "--days", "100", "--endurance", "40", "--policy", "pagefold"];
    const { results } = await wear(...args);
    const [way] = results.ways;
    expect(way!.first_bad_day).toBeGreaterThan(0);
    expect(way!.first_bad_day).toBeLessThanOrEqual(100);
    expect(way!.retired_segments).toBeGreaterThan(0);
    expect(way!.worn_out_day).toBeGreaterThanOrEqual(way!.first_bad_day!);
    expect(way!.years).toBe(way!.worn_out_day! / 365);
  });

  it("takes a recorded trace, recompressed on the way out", async () => {
    const args = ["--workload", `trace:${FIXTURE}`, "--codec", "zstd", "--days", "10"];
    const { results, options } = await wear(...args, "--policy", "pagefold", "--seed", "1");
    expect(options).toMatchObject({ codec: "zstd:3", record: null });
    expect(results.ways[0]!.bytes_programmed_per_byte_swapped).toBeLessThan(1 / 3);
    expect(results.zram.bytes_programmed_per_byte_swapped).toBe(1);
    expect(results.memory!.limit_bytes).toBe(Math.floor(results.memory!.needed_bytes / 2));
  });

  it("takes the lengths of records from a file of pages", async () => {
    const file = join(folder, "some.pages");
    await writeFile(file, fixturePages("guest-b-node").subarray(0, 200 * 4096));
    const args = [...SMALL, "--record", file, "--policy", "greedy"];
    const [lz4, raw] = [await wear(...args), await wear(...args, "--codec", "raw")];
    expect(lz4.results.mean_record_bytes).toBeLessThan(3000);
    expect(raw.results.mean_record_bytes).toBeGreaterThan(4096);
  });

  it("draws three plots with the formulas' curves, and says where", async () => {
    const plots = join(folder, "new", "plots");
    const args = [...SMALL, "--workload", "uniform", "--policy", "fifo", "--svg", plots];
    const { code, stderr } = await pagefold("wear", ...args);
    expect(code).toBe(0);
    expect(stderr.trim().split("\n")).toHaveLength(3);
    expect((await readdir(plots)).sort()).toEqual([
      "amplification.svg",
      "erases.svg",
      "live-shares.svg",
    ]);
    const svg = await readFile(join(plots, "amplification.svg"), "utf8");
    expect(svg).toMatch(/^<svg /);
    expect(svg).toContain("formula: fifo");
  });

  it.each([
    [["--workload", "trace:"], '--workload cannot be "trace:"'],
    [["--workload", "hot-cold:10"], "give uniform, hot-cold:R/F"],
    [["--workload", "zipf:2.1"], "zipf:THETA (0 to 2)"],
    [["--utilisation", "0.99"], "from 0.2 to 0.95"],
    [["--record", "5000"], "from 64 to 4096"],
    [["--segment", "3M"], "a power of two from 64K to 64M"],
    [["--size", "0"], "--size cannot be"],
    [["--size", "16M"], "makes 16 segments of --segment, and at least 64 are needed"],
    [["--size", "64M", "--utilisation", "95%"], "leaves too few of 64 segments to clean with"],
    [["--policy", "fifo,best"], '--policy cannot be "best"'],
    [["--days", "0"], "from 1 to 36500"],
    [["--endurance", "0"], "from 1 to 1000000"],
    [["--quick"], "add --check, or leave it out"],
    [["--check", "--days", "3"], "takes no --days"],
    [["--codec", "zstd"], "--codec needs pages to compress"],
    [["--workload", "trace:x", "--record", "100"], "a trace has its own"],
  ])("refuses %j with the value, the limit and what to give", async (args, reason) => {
    await expect(run(...args)).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining(reason),
    });
  });

  it("exits with 2 and one line where the command line is wrong", async () => {
    const { code, stdout, stderr } = await pagefold("wear", "--policy", "fifo,best");
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(stderr).toContain('--policy cannot be "best"');
  });

  it("says of zram's way that nothing wears where all writes are of pages that wait", async () => {
    const law = ["--workload", "hot-cold:99.9999999999/0.01"];
    const { results } = await wear(...SMALL, ...law, "--policy", "fifo");
    expect(results.zram).toMatchObject({ years: null, erases: { min: 0, mean: 0, max: 0 } });
  });

  it.each([
    ["/proc/none/plots", "/proc/none/plots cannot be made: its file system takes no new folders"],
    ["FOLDER/file", "FOLDER/file is no folder; name another with --svg"],
    ["FOLDER/file/plots", "FOLDER/file/plots cannot be written: a part of the path is not a dir"],
  ])("refuses to plot into %s before anything is run", async (named, reason) => {
    await writeFile(join(folder, "file"), "precious\n");
    const svg = named.replace("FOLDER", folder);
    // A medium too small for a run would be refused as soon as one begins.
    const running = run("--size", "16M", "--svg", svg);
    const message = expect.stringContaining(reason.replace("FOLDER", folder));
    await expect(running).rejects.toMatchObject({ message });
  });

  it("exits with 1 where the trace is missing", async () => {
    const { code, stderr } = await pagefold("wear", "--workload", `trace:${join(folder, "none")}`);
    expect(code).toBe(1);
    expect(stderr).toContain("there is no such file");
  });
});

describe("pagefold wear --check", () => {
  it("prints one table that says it is small, and exits with 0 within the bounds", async () => {
    const { code, stdout } = await pagefold("wear", "--check", "--quick", "--seed", "3");
    expect(code).toBe(0);
    expect(stdout).toContain("on 128 segments, seed 3 (--quick: few, small, with wider bounds");
    expect(stdout).not.toContain("FAIL");
  });

  it("prints one JSON object with a row for each check", async () => {
    const printed = await run("--check", "--quick", "--seed", "3", "--json");
    const { results } = JSON.parse(printed) as { readonly results: WearCheckResult };
    expect(results).toMatchObject({ full: false, segments: 128, seed: 3, failed: 0 });
    for (const row of results.rows) {
      if (row.reference === null) expect(row.measured).toBeLessThanOrEqual(row.bound);
      else expect(row.error).toBeCloseTo(row.measured / row.reference - 1, 9);
    }
  });
});
