/** `replay --overflow`: a recorded guest whose pages do not fit into memory, its log, and zram's way beside it. */

import { readdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { OverflowStatus, ReplayResult, ZramWriteBack } from "../../src/report/result.ts";
import { pagefold } from "./pagefold.ts";

const TRACE = fileURLToPath(new URL("../../fixtures/guest-swap.trace", import.meta.url));
const PAGE = 4096;
/** Half of the 7,143,424 bytes that the trace takes when all of it is in memory. */
const HALF = "3488K";

let folder = "";
let log: readonly string[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "pagefold-replay-overflow-"));
  log = ["--memory-limit", HALF, "--overflow", join(folder, "swap.log"), "--overflow-size", "32M"];
});

afterAll(() => rm(folder, { recursive: true }));

interface Found extends ReplayResult {
  readonly overflow: OverflowStatus;
  readonly zram_write_back: ZramWriteBack;
}

async function replayed(...args: readonly string[]): Promise<Found> {
  const { code, stdout, stderr } = await pagefold("replay", "--json", ...log, ...args, TRACE);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return JSON.parse(stdout).results as Found;
}

describe("pagefold replay --overflow", () => {
  let found: Found;

  beforeAll(async () => {
    found = await replayed();
  });

  it("reads every page as the trace wrote it, though they did not fit into memory", () => {
    expect(found).toMatchObject({ failed: 0, verified: { different_pages: 0, unknown_pages: 0 } });
    expect(found.verified.pages).toBeGreaterThan(5000);
    expect(found.store?.bd_reads).toBeGreaterThan(0);
    expect(found.accounting?.difference).toBe(0);
  });

  it("gives what was programmed for a byte swapped out", () => {
    const { overflow } = found;
    const { written_back_pages, programmed_bytes, record_bytes } = overflow;
    expect(written_back_pages).toBeGreaterThan(1000);
    expect(overflow.programmed_per_swapped_byte).toBe(
      programmed_bytes / (PAGE * written_back_pages),
    );
    expect(overflow.write_amplification).toBe(programmed_bytes / record_bytes);
    expect(overflow.lost_objects).toBe(0);
  });

  it("programs little more than what is stored of a page, as often as cleaning writes it", () => {
    const { overflow } = found;
    const storedShare = overflow.record_bytes / overflow.written_back / PAGE;
    const bound = 1.15 * storedShare * overflow.write_amplification!;
    expect(overflow.programmed_per_swapped_byte).toBeLessThanOrEqual(bound);
  });

  it("gives zram's way of writing the same pages: a block each, which the log is far below", () => {
    const { zram_write_back: zram, overflow } = found;
    expect(zram.pages).toBe(overflow.written_back_pages);
    expect(zram.programmed_bytes).toBe(PAGE * zram.pages);
    expect(zram.blocks).toBeLessThanOrEqual(zram.pages);
    expect(zram.block_writes_mean).toBe(zram.pages / zram.blocks);
    expect(zram.block_writes_max).toBeGreaterThanOrEqual(zram.block_writes_mean);
    expect(overflow.programmed_bytes).toBeLessThan(zram.programmed_bytes / 2);
  });

  it("writes less with --overflow-recompress", async () => {
    const denser = await replayed("--recompress", "zstd", "--overflow-recompress");
    const perPage = (of: OverflowStatus) => of.record_bytes / of.written_back;
    expect(perPage(denser.overflow)).toBeLessThan(0.95 * perPage(found.overflow));
    expect(denser.verified.different_pages).toBe(0);
    expect(denser.overflow.programmed_bytes).toBeLessThan(
      denser.zram_write_back.programmed_bytes / 3,
    );
  });

  it("shows both as a section, and no forecast: a replay takes no time of a life", async () => {
    const { code, stdout, stderr } = await pagefold("replay", ...log, TRACE);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain(`overflow log ${join(folder, "swap.log")}\n`);
    expect(stdout).toContain("\nOn the overflow log  ");
    expect(stdout).toMatch(/ per byte swapped +0\.\d\d /);
    expect(stdout).toMatch(/zram would have written these [\d,]+ pages as blocks of 4096 bytes, /);
    expect(stdout).toMatch(/; the log wrote \d+\.\d % of that\.\n/);
    expect(stdout).not.toContain("forecast");
  });

  it("leaves the log's file, and no lock", () => {
    expect(readdirSync(folder)).toEqual(["swap.log"]);
  });

  it.each([
    { args: ["--overflow", "FOLDER/x", "--overflow-size", "8M"], says: "give --memory-limit SIZE" },
    {
      args: ["--overflow-plain"],
      says: "--overflow-plain without --overflow: no log is asked for",
    },
    { args: ["--recompress", "zstd"], says: "--recompress is for what leaves memory with --over" },
    {
      args: ["--memory-limit", "1M", "--overflow", "FOLDER/x", "--overflow-size", "4M"],
      says: "4 whole segments of 1.0 MiB; the log needs 6",
    },
    {
      args: [
        ...["--uri", "nbd://localhost", "--overflow", "FOLDER/x"],
        ...["--overflow-size", "8M", "--memory-limit", "1M"],
      ],
      says: "--overflow and --no-dedup are for a store of this process, which --uri replaces",
    },
  ])("refuses $args in one line, exits with 2, and leaves nothing", async ({ args, says }) => {
    const given = args.map((arg) => arg.replace("FOLDER", folder));
    const { code, stdout, stderr } = await pagefold("replay", ...given, TRACE);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/^pagefold: .+\n$/);
    expect(stderr).toContain(says);
    expect(readdirSync(folder)).not.toContain("x");
  });
});
