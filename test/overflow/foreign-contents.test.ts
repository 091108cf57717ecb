/** A file named by mistake is left as it is. */

import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openDevice } from "../../src/device/store.ts";

const SIZE_BYTES = 2 ** 20;
const SEGMENT_BYTES = 2 ** 16;

describe("openDevice with an overflow path", () => {
  let folder = "";
  let path = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "pagefold-foreign-"));
    path = join(folder, "file");
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const open = () =>
    openDevice({
      sizeBytes: SIZE_BYTES,
      overflow: { path, sizeBytes: SIZE_BYTES, segmentBytes: SEGMENT_BYTES },
    });

  it.each(["x", `${"\0".repeat(1080)}\x53\xef`])("refuses a file that holds %j", async (text) => {
    writeFileSync(path, text, "latin1");
    await expect(open()).rejects.toMatchObject({ code: "BUSY" });
    expect(readFileSync(path, "latin1")).toBe(text);
    expect(() => statSync(`${path}.lock`)).toThrow("ENOENT");
  });

  it("takes an empty file, one of zeros, and a log of before", async () => {
    writeFileSync(path, "");
    await (await open()).close();
    await (await open()).close();
    expect(
      (
        await open().then(async (device) => [
          device.overflowStats()?.openings,
          await device.close(),
        ])
      )[0],
    ).toBe(3);
    rmSync(path);
    writeFileSync(path, "");
    truncateSync(path, SIZE_BYTES);
    await (await open()).close();
    expect(readFileSync(path).some((byte) => byte !== 0)).toBe(true);
  });
});
