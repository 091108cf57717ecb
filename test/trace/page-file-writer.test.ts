import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SeededRandom } from "../../src/base/random.ts";
import { createPageFile } from "../../src/trace/page-file-writer.ts";

const PAGE = 4096;
let folder = "";

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "pagefold-writer-"));
});

afterEach(() => rm(folder, { recursive: true }));

function pages(count: number): Buffer {
  const bytes = Buffer.alloc(count * PAGE);
  new SeededRandom(count).fill(bytes);
  return bytes;
}

describe("createPageFile", () => {
  it("writes raw pages, in order, from a buffer that is reused", async () => {
    const path = join(folder, "out.pages");
    const writer = await createPageFile(path);
    const buffer = pages(3);
    const expected = Buffer.concat([buffer, pages(2)]);
    await writer.write(buffer);
    buffer.set(pages(2));
    await writer.write(buffer.subarray(0, 2 * PAGE));
    expect(writer.pages).toBe(5);
    expect(await writer.finish()).toEqual({ path, fileBytes: 5 * PAGE });
    expect((await readFile(path)).equals(expected)).toBe(true);
  });

  it("gzips where the name ends in .gz", async () => {
    const path = join(folder, "out.pages.gz");
    const writer = await createPageFile(path);
    const buffer = pages(300);
    const expected = Buffer.concat([buffer, pages(300).fill(7)]);
    await writer.write(buffer);
    buffer.fill(7);
    await writer.write(buffer);
    const { fileBytes } = await writer.finish();
    const file = await readFile(path);
    expect(file).toHaveLength(fileBytes);
    expect(gunzipSync(file).equals(expected)).toBe(true);
  });

  it("shows nothing under the name before the end", async () => {
    const writer = await createPageFile(join(folder, "out"));
    await writer.write(pages(1));
    expect(await readdir(folder)).toEqual([expect.stringMatching(/^\.out\.[0-9a-f]{8}\.partial$/)]);
    await writer.finish();
    expect(await readdir(folder)).toEqual(["out"]);
  });

  it.each(["out", "out.gz"])("leaves nothing of %s after abort", async (name) => {
    const writer = await createPageFile(join(folder, name));
    await writer.write(pages(10));
    await writer.abort();
    expect(await readdir(folder)).toEqual([]);
  });

  it("makes a file only its owner may read", async () => {
    const path = join(folder, "out");
    await (await createPageFile(path)).finish();
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it("refuses a name that is taken, and leaves that file alone", async () => {
    const path = join(folder, "taken");
    await writeFile(path, "old");
    await expect(createPageFile(path)).rejects.toMatchObject({
      code: "BUSY",
      message: `${path} exists already and is not overwritten; name another file or add --force`,
    });
    expect(await readFile(path, "utf8")).toBe("old");
  });

  it("refuses a name that was taken while it wrote", async () => {
    const path = join(folder, "race");
    const writer = await createPageFile(path);
    await writeFile(path, "other");
    await expect(writer.finish()).rejects.toThrow("exists already");
    await writer.abort();
    expect(await readdir(folder)).toEqual(["race"]);
    expect(await readFile(path, "utf8")).toBe("other");
  });

  it("keeps the old file until the new one is whole, when told to overwrite", async () => {
    const path = join(folder, "old");
    await writeFile(path, "old");
    const writer = await createPageFile(path, { overwrite: true });
    await writer.write(pages(1));
    expect(await readFile(path, "utf8")).toBe("old");
    await writer.finish();
    expect((await readFile(path)).equals(pages(1))).toBe(true);
  });

  it("writes through a symbolic link to the file it names", async () => {
    await mkdir(join(folder, "real"));
    await writeFile(join(folder, "real", "file"), "old");
    await symlink(join(folder, "real", "file"), join(folder, "link"));
    const writer = await createPageFile(join(folder, "link"), { overwrite: true });
    await writer.write(pages(1));
    await writer.finish();
    expect((await readFile(join(folder, "real", "file"))).equals(pages(1))).toBe(true);
  });

  it("never replaces a device, even when told to overwrite", async () => {
    await expect(createPageFile("/dev/null", { overwrite: true })).rejects.toThrow(
      "pipe or device",
    );
  });

  it("refuses a directory", async () => {
    await expect(createPageFile(folder)).rejects.toThrow("is a directory; name a file in it");
  });

  it("refuses a folder that is not there", async () => {
    await expect(createPageFile(join(folder, "no", "out"))).rejects.toMatchObject({
      code: "NOT_FOUND",
    });
  });
});
