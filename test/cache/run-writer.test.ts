import { describe, expect, it } from "vitest";
import { PagefoldError } from "../../src/base/errors.ts";
import { SeededRandom } from "../../src/base/random.ts";
import { CachedPages } from "../../src/cache/cached-pages.ts";
import { OriginPages } from "../../src/cache/origin-pages.ts";
import { PageRanges } from "../../src/cache/page-ranges.ts";
import { type RunReport, RunWriter } from "../../src/cache/run-writer.ts";
import { CLEAN, DIRTY, WRITTEN } from "../../src/cache/slot-state.ts";
import { UncleanList } from "../../src/cache/unclean-list.ts";
import { checkStoreOptions } from "../../src/device/options.ts";
import { StoreCore } from "../../src/device/store-core.ts";
import { Gate } from "../support/hooked-medium.ts";
import { MemoryOrigin } from "../support/origins.ts";
import { differenceOf, numberedPage } from "../support/pages.ts";
import { numbered, PAGE } from "./opened.ts";

const UNHEARD: RunReport = { failed: () => {}, left: () => {} };

/** A writer of pages 0 to 9, all of them cached and dirty: each has its number and 100. */
function writerOf() {
  const random = new SeededRandom(1);
  const core = new StoreCore(checkStoreOptions({ random: (target) => random.fill(target) }));
  const table = core.openExport({ slots: 64, slotLimit: 64, name: "", domain: "" });
  const cached = new CachedPages(core, table);
  const unclean = new UncleanList(cached.state);
  for (let page = 0; page < 10; page++) {
    cached.engine.page.set(numberedPage(100 + page));
    unclean.markDirty(cached.put(page, 0));
  }
  const source = new MemoryOrigin(numbered(20));
  const openedBytes = source.bytes.length;
  const sizeBytes = openedBytes;
  const origin = new OriginPages({ origin: source, sizeBytes, openedBytes, onEvent: () => {} });
  const ranges = new PageRanges();
  const failures: string[] = [];
  const writer = new RunWriter({ cached, origin, ranges }, unclean);
  const write = async (first: number, count: number) => {
    const started = await writer.start(first, count, {
      failed: ({ message }) => failures.push(message),
      left: (page) => failures.push(`left ${page}`),
    });
    await started?.done;
    return started !== null;
  };
  const statesOf = (first: number, end: number) =>
    Array.from({ length: end - first }, (_, at) => cached.state[cached.find(first + at)]);
  return { write, writer, source, ranges, failures, statesOf, cached, unclean };
}

describe("RunWriter", () => {
  it("writes the run at once, and says that a sync is owed for it", async () => {
    const { write, source, statesOf, failures } = writerOf();
    await write(2, 5);
    expect(source.of("write")).toEqual([{ kind: "write", offset: 2 * PAGE, length: 5 * PAGE }]);
    for (let page = 2; page < 7; page++) {
      const found = source.bytes.subarray(page * PAGE, (page + 1) * PAGE);
      expect(differenceOf(found, numberedPage(100 + page))).toBeNull();
    }
    expect(statesOf(0, 10)).toEqual([1, 1, 2, 2, 2, 2, 2, 1, 1, 1]);
    expect(failures).toEqual([]);
  });

  it("does nothing where somebody else writes one of the pages", async () => {
    const { write, source, ranges, statesOf } = writerOf();
    const release = ranges.takeNow(4, 5);
    expect(await write(2, 5)).toBe(false);
    expect(source.calls).toEqual([]);
    expect(statesOf(2, 7)).toEqual([DIRTY, DIRTY, DIRTY, DIRTY, DIRTY]);
    release?.();
    expect(await write(2, 5)).toBe(true);
  });

  it("keeps others from the pages until they are there, failed or not", async () => {
    for (const isFailing of [false, true]) {
      const { writer, source, ranges } = writerOf();
      const gate = new Gate();
      source.before = async () => {
        await gate.pass();
        if (isFailing) throw new PagefoldError("IO", "bad sector");
      };
      const started = await writer.start(2, 1, UNHEARD);
      await gate.reached();
      expect([1, 2, 3].map((page) => ranges.isTaken(page, page + 1))).toEqual([false, true, false]);
      gate.open();
      await started?.done;
      expect(ranges.isTaken(0, 10)).toBe(false);
    }
  });

  it("keeps a page dirty that is written after its bytes were taken", async () => {
    const { writer, source, cached, unclean, statesOf } = writerOf();
    const gate = new Gate();
    source.before = () => gate.pass();
    const started = await writer.start(2, 2, UNHEARD);
    await gate.reached();
    cached.engine.page.set(numberedPage(300));
    unclean.markDirty(cached.put(3, 0));
    gate.open();
    await started?.done;
    expect(statesOf(2, 4)).toEqual([WRITTEN, DIRTY | WRITTEN]);
    expect(differenceOf(source.bytes.subarray(3 * PAGE, 4 * PAGE), numberedPage(103))).toBeNull();
  });

  it("tries each page of a run that failed by itself, and tells of each that fails", async () => {
    const { write, source, statesOf, failures } = writerOf();
    source.before = ({ offset, length }) => {
      for (const bad of [3, 4, 6]) {
        if (offset <= bad * PAGE && bad * PAGE < offset + length)
          throw new PagefoldError("IO", `bad sector ${bad}`);
      }
    };
    await write(2, 6);
    expect(statesOf(2, 8).map((state) => (state! & DIRTY) !== CLEAN)).toEqual([
      false,
      true,
      true,
      false,
      true,
      false,
    ]);
    expect(failures).toEqual(["bad sector 3", "bad sector 4", "bad sector 6"]);
  });

  it("tells once of a run of one page that fails", async () => {
    const { write, source, statesOf, failures } = writerOf();
    source.before = () => {
      throw new PagefoldError("IO", "bad sector");
    };
    await write(2, 1);
    expect(failures).toEqual(["bad sector"]);
    expect(statesOf(2, 3)[0]! & DIRTY).toBe(DIRTY);
    expect(source.calls.length).toBe(1);
  });

  it("leaves out a page that the store cannot give, and writes the others", async () => {
    const { write, source, cached, statesOf, failures } = writerOf();
    const { table } = cached;
    const load = table.loadStaged.bind(table);
    const slot = cached.find(4);
    table.loadStaged = (index, staged) => {
      if (index === slot) throw new PagefoldError("CORRUPT", "it does not decode");
      return load(index, staged);
    };
    await write(2, 5);
    expect(failures.length).toBe(1);
    expect(failures[0]).toMatch(/4096 bytes at 16384 cannot be read back.*write them anew/);
    expect(statesOf(2, 7)).toEqual([WRITTEN, WRITTEN, DIRTY, WRITTEN, WRITTEN]);
    expect(differenceOf(source.bytes.subarray(4 * PAGE, 5 * PAGE), numberedPage(4))).toBeNull();
    expect(differenceOf(source.bytes.subarray(5 * PAGE, 6 * PAGE), numberedPage(105))).toBeNull();
  });
});
