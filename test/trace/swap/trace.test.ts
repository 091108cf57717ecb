import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SeededRandom } from "../../../src/base/random.ts";
import { fixturePages } from "../../support/fixtures.ts";
import { randomPage, samePage } from "../../support/pages.ts";
import { testSeed } from "../../support/seed.ts";
import {
  comparable,
  EXPORTS,
  type Operation,
  operation,
  readTrace,
  recordTrace,
  writeAt,
} from "./operations.ts";

const PAGE = 4096;
let folder = "";
const seed = testSeed("trace");

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "pagefold-trace-"));
});

afterAll(() => rm(folder, { recursive: true }));

/** Records and reads back. */
async function roundTrip(
  operations: readonly Operation[],
  exports = EXPORTS,
  cachedBytes?: number,
) {
  const path = join(folder, "trace");
  await recordTrace(path, operations, { exports });
  return readTrace(path, cachedBytes === undefined ? {} : { cachedBytes });
}

/** A trace of one export, large enough for real pages. */
const LARGE = [{ name: "large", domain: "", sizeBytes: 2 ** 30 }];

describe("a trace", () => {
  it("gives back what was recorded: kinds, exports, places, times and bytes", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { maxLength: 60 }), async (operations) => {
        const trace = await roundTrip(operations);
        expect(comparable(trace.operations)).toEqual(comparable(operations));
        expect(trace.isComplete).toBe(true);
      }),
      { seed, numRuns: 150 },
    );
  });

  it("gives back its exports, their names, domains and sizes", async () => {
    const exports = [
      { name: "", domain: "", sizeBytes: 1 },
      { name: "größer", domain: "lab", sizeBytes: 2 ** 40 },
    ];
    expect((await roundTrip([], exports)).exports).toEqual(exports);
  });

  it("without a request is whole and holds none", async () => {
    const trace = await roundTrip([]);
    expect(trace).toMatchObject({ operations: [], isComplete: true, records: 0, contents: 0 });
  });

  it("gives back real pages, in a write that goes over several blocks", async () => {
    const pages = fixturePages("guest-c-python").subarray(0, 300 * PAGE);
    const operations = [writeAt(7 * PAGE, pages), writeAt(1000 * PAGE, pages.subarray(0, PAGE))];
    const trace = await roundTrip(operations, LARGE);
    expect(trace.operations.map(({ bytes }) => Buffer.compare(bytes!, pages) === 0)).toEqual([
      true,
      false,
    ]);
    expect(Buffer.compare(trace.operations[1]!.bytes!, pages.subarray(0, PAGE))).toBe(0);
  });

  it("holds each different page once, whatever export and request it was written by", async () => {
    const random = new SeededRandom(seed);
    const different = Array.from({ length: 100 }, () => randomPage(random));
    const operations = Array.from({ length: 500 }, (_, index) => ({
      ...writeAt((index % 20) * PAGE, different[random.below(100)]!),
      exportIndex: random.below(2),
    }));
    const written = new Set(operations.map(({ bytes }) => Buffer.from(bytes).toString("latin1")));
    const trace = await roundTrip(operations);
    expect(trace.contents).toBe(written.size);
    expect(trace.bytes).toBeLessThan(written.size * PAGE + 500 * 16);
  });

  it("holds no content for pages of one word and for parts of pages", async () => {
    const page = samePage(0x01234567, 0x89abcdef);
    const trace = await roundTrip([writeAt(0, page), writeAt(10, page.subarray(0, 8000))]);
    expect(trace.contents).toBe(0);
  });

  it("is a tenth of its pages' bytes or less where those repeat", async () => {
    const pages = fixturePages("guest-a-node").subarray(0, 256 * PAGE);
    const operations = Array.from({ length: 10 }, (_, at) => writeAt(at * pages.length, pages));
    expect((await roundTrip(operations, LARGE)).bytes).toBeLessThan(pages.length);
  });

  it("is read right where no content is kept at hand", async () => {
    const pages = fixturePages("guest-b-node").subarray(0, 200 * PAGE);
    const operations = [
      writeAt(0, pages),
      writeAt(PAGE, pages),
      writeAt(200 * PAGE, pages.subarray(150 * PAGE)),
      writeAt(300 * PAGE, pages.subarray(3 * PAGE, 5 * PAGE)),
    ];
    const trace = await roundTrip(operations, LARGE, 0);
    expect(comparable(trace.operations)).toEqual(comparable(operations));
  });

  it("leaves nothing beside it", async () => {
    await roundTrip([]);
    expect(await readdir(folder)).toEqual(["trace"]);
  });
});
