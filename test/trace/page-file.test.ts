import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SeededRandom } from "../../src/base/random.ts";
import { type ReadPagesOptions, readPageFiles } from "../../src/trace/page-file.ts";

const PAGE = 4096;
let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "pagefold-page-file-"));
});

afterAll(() => rm(folder, { recursive: true }));

function randomBytes(length: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(length);
  new SeededRandom(seed).fill(bytes);
  return bytes;
}

/** Writes a file of the test's folder: its path. */
async function file(name: string, bytes: Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, bytes);
  return path;
}

async function readAll(paths: readonly string[], options: ReadPagesOptions = {}): Promise<Buffer> {
  const batches: Buffer[] = [];
  for await (const batch of readPageFiles(paths, options)) batches.push(Buffer.from(batch));
  return Buffer.concat(batches);
}

/** A gzip file of exactly 64 KiB, the length Node reads at once unless told otherwise. */
function gzipOf64KiB(bytes: Buffer): Buffer {
  const plain = gzipSync(bytes, { level: 0 });
  const head = Buffer.from(plain.subarray(0, 10));
  head[3] = 8; // FNAME: a name of any length follows, ended by a zero byte
  const name = Buffer.alloc(65_536 - plain.length, "n");
  name[name.length - 1] = 0;
  return Buffer.concat([head, name, plain.subarray(10)]);
}

describe("readPageFiles", () => {
  it("gives back a raw file", async () => {
    const bytes = randomBytes(300 * PAGE);
    expect((await readAll([await file("raw", bytes)])).equals(bytes)).toBe(true);
  });

  it("knows gzip by its first bytes, whatever the name", async () => {
    const bytes = randomBytes(3 * PAGE);
    expect((await readAll([await file("zipped", gzipSync(bytes))])).equals(bytes)).toBe(true);
  });

  it("takes a raw file for raw, even named .gz", async () => {
    const bytes = randomBytes(3 * PAGE);
    expect((await readAll([await file("raw.gz", bytes)])).equals(bytes)).toBe(true);
  });

  it("reads a gzip file of several members", async () => {
    const first = randomBytes(15 * PAGE, 2);
    const second = randomBytes(2 * PAGE, 3);
    const path = await file("members.gz", Buffer.concat([gzipOf64KiB(first), gzipSync(second)]));
    expect((await readAll([path])).equals(Buffer.concat([first, second]))).toBe(true);
  });

  it("reads several files as one, in order", async () => {
    const [one, two] = [randomBytes(5 * PAGE, 4), randomBytes(2 * PAGE, 5)];
    const paths = [await file("one", one), await file("two.gz", gzipSync(two))];
    expect((await readAll(paths)).equals(Buffer.concat([one, two]))).toBe(true);
  });

  it("gives full batches and one shorter at a file's end", async () => {
    const path = await file("batches", randomBytes(21 * PAGE));
    const lengths: number[] = [];
    for await (const batch of readPageFiles([path], { batchPages: 8 })) lengths.push(batch.length);
    expect(lengths).toEqual([8 * PAGE, 8 * PAGE, 5 * PAGE]);
  });

  it("tells how much of the files was read, to the end", async () => {
    const zipped = gzipSync(randomBytes(40 * PAGE));
    const paths = [await file("p1", randomBytes(700 * PAGE)), await file("p2", zipped)];
    const total = 700 * PAGE + zipped.length;
    const steps: number[] = [];
    await readAll(paths, {
      onProgress: ({ bytesRead, bytesTotal }) => {
        expect(bytesTotal).toBe(total);
        steps.push(bytesRead);
      },
    });
    expect(steps).toEqual([...steps].sort((a, b) => a - b));
    expect(steps.at(-1)).toBe(total);
  });

  it("stops when its signal aborts", async () => {
    const path = await file("abort", randomBytes(600 * PAGE));
    const abort = new AbortController();
    const reading = (async () => {
      for await (const _ of readPageFiles([path], { signal: abort.signal })) abort.abort();
    })();
    await expect(reading).rejects.toThrow("aborted");
  });
});

describe("readPageFiles refuses", () => {
  const refused = (paths: readonly string[]) => expect(readAll(paths)).rejects;

  it("a raw file that is no whole number of pages, with what is left over and two remedies", async () => {
    const path = await file("cut", randomBytes(2 * PAGE + 5));
    await refused([path]).toMatchObject({
      code: "IO",
      message: `${path} is not a whole number of 4096-byte pages: its 8197 bytes are 2 pages and 5 left over; drop those with "head -c 8192 ${path} > FIXED" or fill up the last page with zeros: "truncate -s 12288 ${path}"`,
    });
  });

  it("a gzipped file that is no whole number of pages", async () => {
    const path = await file("cut.gz", gzipSync(randomBytes(PAGE + 1)));
    await refused([path]).toMatchObject({
      message: `${path} is not a whole number of 4096-byte pages: its 4097 bytes when decompressed are 1 pages and 1 left over; drop those with "gzip -dc ${path} | head -c 4096 | gzip > FIXED.gz" or fill up the last page with zeros: "(gzip -dc ${path}; head -c 4095 /dev/zero) | gzip > FIXED.gz"`,
    });
  });

  it("less than a page, without the remedy that would leave nothing", async () => {
    const path = await file("short", randomBytes(100));
    await refused([path]).toMatchObject({ message: expect.not.stringContaining("drop") });
  });

  it("an empty file", async () => {
    await refused([await file("empty", Buffer.alloc(0))]).toMatchObject({
      code: "IO",
      message: expect.stringContaining(
        "empty: 0 bytes, and a file of pages holds at least one page",
      ),
    });
  });

  it("a gzip file of nothing", async () => {
    await refused([await file("empty.gz", gzipSync(Buffer.alloc(0)))]).toMatchObject({
      message: expect.stringContaining("is empty when decompressed"),
    });
  });

  it("a directory", async () => {
    await refused([folder]).toMatchObject({
      code: "IO",
      message: expect.stringContaining("is a directory; name the page files in it"),
    });
  });

  it("a file that is not there", async () => {
    await refused([join(folder, "none")]).toMatchObject({
      code: "NOT_FOUND",
      message: expect.stringContaining("there is no such file"),
    });
  });

  it("standard input and devices, which cannot be read twice", async () => {
    await refused(["-"]).toThrow("standard input");
    await refused(["/dev/null"]).toThrow("pipe or device");
  });

  it("a gzip file cut short", async () => {
    const zipped = gzipSync(randomBytes(50 * PAGE));
    const path = await file("short.gz", zipped.subarray(0, 100_000));
    await refused([path]).toMatchObject({
      code: "CORRUPT",
      message: expect.stringMatching(
        /is a gzip file cut short: its 100000 bytes end inside the data/,
      ),
    });
  });

  it("a gzip file cut in its checksum", async () => {
    const path = await file("tail.gz", gzipSync(randomBytes(PAGE)).subarray(0, -2));
    await refused([path]).toThrow("cut short");
  });

  it("a gzip file with a flipped bit", async () => {
    const zipped = gzipSync(randomBytes(50 * PAGE));
    zipped[100_000] = zipped[100_000]! ^ 1;
    await refused([await file("flip.gz", zipped)]).toMatchObject({
      code: "CORRUPT",
      message: expect.stringContaining("is a damaged gzip file"),
    });
  });

  it("bytes after the end of a gzip file", async () => {
    const path = await file(
      "junk.gz",
      Buffer.concat([gzipSync(randomBytes(PAGE)), Buffer.from("junk")]),
    );
    await refused([path]).toThrow("damaged");
  });

  it("a bad file before it hands out pages of the good one before it", async () => {
    const paths = [await file("good", randomBytes(PAGE)), await file("bad", randomBytes(PAGE - 1))];
    let batches = 0;
    const reading = (async () => {
      for await (const _ of readPageFiles(paths)) batches += 1;
    })();
    await expect(reading).rejects.toThrow("left over");
    expect(batches).toBe(0);
  });

  it("quotes odd names in its commands", async () => {
    const path = await file("a b'c", randomBytes(PAGE + 1));
    await refused([path]).toMatchObject({ message: expect.stringContaining(`a b'\\''c' > FIXED`) });
  });
});
