import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brotliCompressSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { ManualClock } from "../../../src/base/clock.ts";
import { PagefoldError } from "../../../src/base/errors.ts";
import { encodeBlockHead, encodeFileHead } from "../../../src/trace/swap/format.ts";
import type { TraceFile } from "../../../src/trace/swap/trace-file.ts";
import { TraceWriter } from "../../../src/trace/swap/trace-writer.ts";
import { numberedPage, samePage } from "../../support/pages.ts";
import { comparable, EXPORTS, type Operation, readTrace, writeAt } from "./operations.ts";

const PAGE = 4096;
let folder = "";
let path = "";

/** A trace of three blocks, its bytes and what it holds. */
let bytes = Buffer.alloc(0);
let operations: readonly Operation[] = [];
/** Bytes after which another block is whole, and the records there are then. */
const steps: { readonly bytes: number; readonly records: number }[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "pagefold-damage-"));
  path = join(folder, "trace");
  const pieces: Buffer[] = [encodeFileHead(EXPORTS)];
  const file: TraceFile = {
    append: async (more) => void pieces.push(Buffer.from(more)),
    close: async () => {},
  };
  const clock = new ManualClock();
  const writer = new TraceWriter(file, { exports: EXPORTS, clock });
  const made: Operation[] = [];
  const record = (one: Operation) => {
    clock.advance(one.afterUs / 1e6);
    writer.write(one.exportIndex, one.offset, one.bytes!);
    made.push(one);
  };
  // A block is sealed a second after its first record.
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  for (let index = 0; index < 9; index++) {
    record(writeAt(index * PAGE, numberedPage(index % 5)));
    record(writeAt(100, Buffer.from(`part ${index}`)));
    record(writeAt(5 * PAGE, samePage(index)));
    if (index % 3 === 2) vi.advanceTimersByTime(1000);
  }
  vi.useRealTimers();
  await writer.close();
  operations = made;
  bytes = Buffer.concat(pieces);
  let end = pieces[0]!.length;
  let records = 0;
  steps.push({ bytes: end, records });
  for (const block of pieces.slice(1)) {
    end += block.length;
    records += block.readUInt32LE(12);
    steps.push({ bytes: end, records });
  }
});

afterAll(() => rm(folder, { recursive: true }));

/** What reading those bytes gives: the records, or the error. */
async function read(content: Buffer) {
  await writeFile(path, content);
  try {
    return await readTrace(path);
  } catch (cause) {
    if (cause instanceof PagefoldError) return cause;
    throw cause;
  }
}

describe("a trace cut short", () => {
  it("has three blocks and its end in these tests", () => {
    expect(steps).toHaveLength(5);
    expect(steps.at(-1)).toEqual({ bytes: bytes.length, records: operations.length });
  });

  it("at any byte of its head is refused", async () => {
    for (let length = 0; length < steps[0]!.bytes; length++) {
      const error = await read(bytes.subarray(0, length));
      expect(error, `${length} bytes`).toMatchObject({ code: length === 0 ? "IO" : "CORRUPT" });
    }
  });

  it("at any byte after its head is read up to its last whole block, and says so", async () => {
    const whole = comparable(operations);
    for (let length = steps[0]!.bytes; length < bytes.length; length++) {
      const trace = await read(bytes.subarray(0, length));
      if (trace instanceof PagefoldError) throw trace;
      const { records } = steps.findLast((step) => step.bytes <= length)!;
      expect(trace.isComplete).toBe(false);
      expect(trace.records, `${length} bytes`).toBe(records);
      expect(comparable(trace.operations)).toEqual(whole.slice(0, records));
    }
  });
});

describe("a damaged trace", () => {
  it("is refused whichever byte is changed, and never read as another", async () => {
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes);
      changed[at]! ^= 1 << (at % 8);
      const error = await read(changed);
      expect(error, `byte ${at}`).toBeInstanceOf(PagefoldError);
    }
  });

  it("says in which block, and how many records come before it", async () => {
    const changed = Buffer.from(bytes);
    changed[steps[1]!.bytes + 40]! ^= 1;
    const error = await read(changed);
    const { records, bytes: at } = steps[1]!;
    expect((error as PagefoldError).message).toBe(
      `${path} is a damaged trace: block 1, from byte ${at} on: the check of its body does not agree; ${records} records come before it; copy or record it again`,
    );
  });

  it("is refused where a block is missing", async () => {
    const [first, second] = [steps[0]!.bytes, steps[1]!.bytes];
    const error = await read(Buffer.concat([bytes.subarray(0, first), bytes.subarray(second)]));
    expect((error as PagefoldError).message).toContain("block 0");
  });

  it("is refused where bytes follow its end", async () => {
    const error = await read(Buffer.concat([bytes, Buffer.from([0])]));
    expect((error as PagefoldError).message).toContain("bytes follow its end");
  });
});

describe("another kind of file", () => {
  it.each([
    { what: "an empty file", content: Buffer.alloc(0) },
    { what: "text", content: Buffer.from("not a trace") },
    { what: "a trace that went through a conversion of text", content: Buffer.from("PFTRACE\r\n") },
  ])("is refused as such: $what", async ({ content }) => {
    expect(await read(content)).toMatchObject({
      code: "IO",
      message: `${path} is no swap trace: it does not begin as one; record one with pagefold serve --record`,
    });
  });

  it("is refused as such: a directory", async () => {
    await expect(readTrace(folder)).rejects.toThrow("is no ordinary file; name a trace");
  });

  it("is refused as such: no file", async () => {
    await expect(readTrace(join(folder, "none"))).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  it("of another version is refused with both versions", async () => {
    const changed = Buffer.from(bytes);
    changed.writeUInt32LE(7, 8);
    expect(await read(changed)).toMatchObject({
      code: "UNSUPPORTED",
      message: `${path} is a trace of version 7 and this pagefold reads version 1; replay it with the pagefold that recorded it`,
    });
  });
});

/** A trace whose checks agree and whose one block is as told. */
function forged(block: {
  body: Buffer;
  recordBytes?: number;
  records?: number;
  contents?: number;
  method?: number;
}): Buffer {
  const { body, recordBytes = body.length, records = 1, contents = 0, method = 0 } = block;
  const head = { number: 0, bodyBytes: body.length, recordBytes, records, contents, method };
  return Buffer.concat([encodeFileHead(EXPORTS), encodeBlockHead(head, body), body]);
}

/** Records: kind and flags, time, offset and length; 8 says pages, 16 another export. */
const PAGES = 8;
const OTHER = 16;

describe("a forged trace", () => {
  it.each([
    { what: "a kind there is not", records: [6, 0] },
    { what: "flags there are not", records: [0x20, 0] },
    { what: "an export there is not", records: [OTHER, 2, 0, 0, 1] },
    { what: "an offset before the export", records: [PAGES, 0, 1, 1] },
    { what: "an end after the export", records: [PAGES, 0, 0, 65] },
    { what: "a length that no export has", records: [2, 0, 0, 255, 255, 255, 255, 255, 255, 7] },
    { what: "a number of too many bytes", records: [0, 128, 128, 128, 128, 128, 128, 128, 128, 1] },
    { what: "a number above 2^53", records: [0, 255, 255, 255, 255, 255, 255, 255, 127] },
    { what: "a record that ends too early", records: [0, 0, 0] },
    { what: "a write without its bytes", records: [1, 0, 2, 9, 1, 2, 3] },
    { what: "a content there is not", records: [1 | PAGES, 0, 0, 1, 0] },
    { what: "a content before the first", records: [1 | PAGES, 0, 0, 1, 2] },
    { what: "a word that is cut", records: [1 | PAGES, 0, 0, 1, 1, 1, 2, 3] },
    { what: "bytes after its last record", records: [5, 0, 5] },
  ])("is refused: $what", async ({ records }) => {
    const error = await read(forged({ body: Buffer.from(records) }));
    expect(error).toMatchObject({ code: "CORRUPT" });
  });

  it.each([
    { what: "does not decompress", body: Buffer.from([1, 2, 3]), recordBytes: 100 },
    {
      what: "decompresses into more than it says",
      body: brotliCompressSync(Buffer.alloc(2 ** 24)),
      recordBytes: 100,
    },
    {
      what: "decompresses into less than it says",
      body: brotliCompressSync(Buffer.alloc(10)),
      recordBytes: 100,
    },
    { what: "asks for a gigabyte", body: Buffer.from([1]), recordBytes: 2 ** 30 },
  ])("is refused: a block that $what", async ({ body, recordBytes }) => {
    const error = await read(forged({ body, recordBytes, method: 1 }));
    expect(error).toMatchObject({ code: "CORRUPT" });
  });

  it("is refused: a head that asks for a gigabyte", async () => {
    const head = encodeFileHead(EXPORTS);
    head.writeUInt32LE(2 ** 30, 12);
    expect(await read(head)).toMatchObject({ code: "CORRUPT" });
  });
});
