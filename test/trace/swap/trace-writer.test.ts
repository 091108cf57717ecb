import { chmod, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { PagefoldError } from "../../../src/base/errors.ts";
import { SeededRandom } from "../../../src/base/random.ts";
import type { TraceFile } from "../../../src/trace/swap/trace-file.ts";
import { TraceWriter } from "../../../src/trace/swap/trace-writer.ts";
import { EXPORTS, readTrace, recordTrace, writeAt } from "./operations.ts";

const PAGE = 4096;
const MIB = 2 ** 20;
let folder = "";
let path = "";

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "pagefold-trace-writer-"));
  path = join(folder, "trace");
});

afterEach(() => rm(folder, { recursive: true }));

const noise = (bytes: number): Uint8Array => {
  const page = new Uint8Array(bytes);
  new SeededRandom(bytes).fill(page);
  return page;
};

/** A file whose writing waits until it is let go, and then fails where told. */
class HeldFile implements TraceFile {
  bytes = 0;
  appends = 0;
  isClosed = false;
  failsWith: PagefoldError | undefined;
  #release: () => void = () => {};
  #held: Promise<void> = Promise.resolve();

  hold(): void {
    this.#held = new Promise((resolve) => {
      this.#release = resolve;
    });
  }

  release(): void {
    this.#release();
  }

  async append(bytes: Uint8Array): Promise<void> {
    this.appends += 1;
    await this.#held;
    if (this.failsWith !== undefined) throw this.failsWith;
    this.bytes += bytes.length;
  }

  async close(): Promise<void> {
    this.isClosed = true;
  }
}

describe("TraceWriter.create", () => {
  it("makes a file only its owner may read", async () => {
    await recordTrace(path, []);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it("refuses a name that is taken, and leaves that file alone", async () => {
    await writeFile(path, "old");
    await expect(TraceWriter.create(path, { exports: EXPORTS })).rejects.toMatchObject({
      code: "BUSY",
      message: `${path} exists already and is not overwritten; name another file or remove that one`,
    });
    expect(await readFile(path, "utf8")).toBe("old");
  });

  it("replaces a file when told to, and who could read that cannot read this", async () => {
    await writeFile(path, "old");
    await chmod(path, 0o644);
    await recordTrace(path, []);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await readTrace(path)).isComplete).toBe(true);
  });

  it("replaces a link when told to, not the file it names", async () => {
    await writeFile(join(folder, "other"), "old");
    await symlink("other", path);
    await recordTrace(path, []);
    expect(await readFile(join(folder, "other"), "utf8")).toBe("old");
  });

  it.each(["/dev/null", "folder"])("never replaces %s", async (name) => {
    await mkdir(join(folder, "folder"));
    const options = { exports: EXPORTS, overwrite: true };
    const work = TraceWriter.create(join(name === "folder" ? folder : "", name), options);
    await expect(work).rejects.toThrow("is no ordinary file but a directory, pipe or device");
  });

  it("refuses a folder that is not there", async () => {
    const work = TraceWriter.create(join(folder, "no", "trace"), { exports: EXPORTS });
    await expect(work).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
});

describe("TraceWriter", () => {
  it("has a request in the file a second later, without being closed", async () => {
    const writer = await recordTrace(path, [writeAt(0, noise(PAGE))], { close: false });
    await vi.waitFor(async () => expect((await readTrace(path)).records).toBe(1), {
      timeout: 20_000,
    });
    expect((await readTrace(path)).isComplete).toBe(false);
    await writer.close();
  });

  it("counts as backlog what is not in the file yet", async () => {
    const file = new HeldFile();
    const writer = new TraceWriter(file, { exports: EXPORTS });
    expect(writer.backlogBytes).toBe(0);
    file.hold();
    for (let page = 0; page < 60; page++) writer.write(0, page * PAGE, noise(PAGE + page));
    const backlog = writer.backlogBytes;
    expect(backlog).toBeGreaterThan(59 * PAGE);
    file.release();
    await writer.close();
    expect(writer.backlogBytes).toBe(0);
  });

  it("has nothing to wait for until the backlog is long, and then until it is not", async () => {
    const file = new HeldFile();
    const exports = [{ name: "", domain: "", sizeBytes: 64 * MIB }];
    const writer = new TraceWriter(file, { exports });
    file.hold();
    let waiting = writer.drained();
    let written = 0;
    for (; waiting === undefined; written++) {
      writer.write(0, written * MIB, noise(MIB + written * 7).subarray(0, MIB));
      waiting = writer.drained();
    }
    expect(written).toBeGreaterThanOrEqual(16);
    expect(written).toBeLessThan(18);
    expect(writer.drained()).toBe(waiting);
    file.release();
    await waiting;
    expect(writer.backlogBytes).toBeLessThan(9 * MIB);
    expect(writer.drained()).toBeUndefined();
    await writer.close();
  });

  it("says once that the file cannot be written, stops, and takes what comes as if it went on", async () => {
    const file = new HeldFile();
    const errors: PagefoldError[] = [];
    const onError = (error: PagefoldError) => errors.push(error);
    const writer = new TraceWriter(file, { exports: EXPORTS, onError });
    const full = new PagefoldError("NO_SPACE", "no space is left");
    file.failsWith = full;
    for (let round = 0; round < 5; round++) {
      for (let page = 0; page < 64; page++) {
        writer.write(0, page * PAGE, noise(PAGE + page + 64 * round).subarray(0, PAGE));
      }
      await vi.waitFor(() => expect(errors).toHaveLength(1));
    }
    writer.read(0, 0, PAGE);
    writer.flush(1);
    await writer.close();
    expect(errors).toEqual([full]);
    expect(file.appends).toBe(1);
    expect(file.isClosed).toBe(true);
    expect(writer.backlogBytes).toBe(0);
    expect(writer.drained()).toBeUndefined();
  });

  it("lets go who waits when the file fails", async () => {
    const file = new HeldFile();
    const exports = [{ name: "", domain: "", sizeBytes: 64 * MIB }];
    const writer = new TraceWriter(file, { exports });
    file.hold();
    file.failsWith = new PagefoldError("NO_SPACE", "no space is left");
    for (let at = 0; writer.drained() === undefined; at++) {
      writer.write(0, 0, noise(MIB + at * 7).subarray(0, MIB));
    }
    file.release();
    await writer.drained();
    expect(writer.backlogBytes).toBeLessThan(9 * MIB);
    await writer.close();
  });

  it("drops what is recorded after it was closed", async () => {
    const writer = await recordTrace(path, []);
    writer.read(0, 0, PAGE);
    writer.write(0, 0, noise(PAGE));
    await writer.close();
    expect(await readTrace(path)).toMatchObject({ isComplete: true, records: 0 });
  });

  it("refuses to record a request past the end of its export", async () => {
    const writer = new TraceWriter(new HeldFile(), { exports: EXPORTS });
    expect(() => writer.read(1, 24 * PAGE, 1)).toThrow("not within an export");
    expect(() => writer.read(2, 0, 1)).toThrow("not within an export");
    await writer.close();
  });
});
