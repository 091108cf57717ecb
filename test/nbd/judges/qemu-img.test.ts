/** qemu-img: its block layer copies, maps, compares, and keeps a qcow2 image within an export. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { type Served, serveForAll } from "../../support/served.ts";
import { expectSameFile, IMAGE_BYTES, writeImage } from "./image.ts";
import { judge, run, succeed } from "./tools.ts";

const { title, isAbsent } = judge("qemu-img", "qemu-img", "qemu-io");

interface Run {
  readonly start: number;
  readonly length: number;
  readonly data: boolean;
  readonly zero: boolean;
}

let served: Served;
let image = "";

const img = (...args: readonly string[]) => succeed("qemu-img", args);

describe.skipIf(isAbsent)(title, () => {
  beforeAll(async () => {
    const size = IMAGE_BYTES;
    served = await serveForAll([`--size=${size}`, `--export=q=${size}`, "--export=qcow2=80M"]);
    image = join(served.folder, "image");
    writeImage(image);
    return () => served.stop();
  });

  const pathOf = (name: string) => join(served.folder, name);

  it("reads the size, as a raw disk's", async () => {
    const info = JSON.parse(await img("info", "--output=json", served.uri));
    expect(info).toMatchObject({ format: "raw", "virtual-size": IMAGE_BYTES });
  });

  it("converts a file into the export, out of order, and finds them identical", async () => {
    await img("convert", "-n", "-W", "-m", "16", "-f", "raw", "-O", "raw", image, served.uri);
    expect(await img("compare", "-f", "raw", "-F", "raw", image, served.uri)).toBe(
      "Images are identical.\n",
    );
    await img("convert", "-W", "-m", "16", "-f", "raw", "-O", "raw", served.uri, pathOf("back"));
    expectSameFile(pathOf("back"), image);
  });

  it("finds a difference of one byte", async () => {
    await img("convert", "-n", "-f", "raw", "-O", "raw", image, served.uri);
    await succeed("qemu-io", ["-f", "raw", "-c", "write -P 0xfe 33554431 1", served.uri]);
    const args = ["compare", "-f", "raw", "-F", "raw", image, served.uri];
    const { code, stdout } = await run("qemu-img", args);
    expect(code).toBe(1);
    expect(stdout).toContain(`Content mismatch at offset ${33_554_432 - 512}!`);
  });

  it("maps holes where nothing was written, and data where something was", async () => {
    await img("convert", "-n", "-f", "raw", "-O", "raw", image, served.uri);
    const ours = JSON.parse(await img("map", "--output=json", "-f", "raw", served.uri)) as Run[];
    const isData = (at: number) =>
      ours.some(({ start, length, data }) => data && at >= start && at < start + length);
    expect(ours[0]).toMatchObject({ start: 0, length: 3 * 2 ** 20, data: false, zero: true });
    expect(ours.reduce((sum, { length }) => sum + length, 0)).toBe(IMAGE_BYTES);
    expect(isData(4 * 2 ** 20)).toBe(true);
    expect(isData(IMAGE_BYTES - 1)).toBe(false);
  });

  it("writes zeros over everything of an export that held something", async () => {
    writeFileSync(pathOf("full"), Buffer.alloc(IMAGE_BYTES, 0xee));
    await img("convert", "-n", "-f", "raw", "-O", "raw", pathOf("full"), served.uriOf("q"));
    const empty = pathOf("empty.qcow2");
    await img("create", "-q", "-f", "qcow2", empty, String(IMAGE_BYTES));
    await img("convert", "-n", "-f", "qcow2", "-O", "raw", empty, served.uriOf("q"));
    expect(await img("compare", "-f", "qcow2", "-F", "raw", empty, served.uriOf("q"))).toContain(
      "identical",
    );
  });

  it("keeps a qcow2 image within an export, which stays sound under what qemu-io does", async () => {
    const uri = served.uriOf("qcow2");
    const io = (...commands: readonly string[]) =>
      succeed("qemu-io", ["-f", "qcow2", ...commands.flatMap((one) => ["-c", one]), uri]);
    const size = String(IMAGE_BYTES);
    await img("create", "-q", "-f", "qcow2", "-o", "cluster_size=4096", uri, size);
    await img("convert", "-n", "-f", "raw", "-O", "qcow2", image, uri);
    expect(await img("compare", "-f", "raw", "-F", "qcow2", image, uri)).toContain("identical");
    await io("discard 1M 4M", "write -z -u 8M 1M", "write -P 7 1000 100000", "flush");
    expect(await img("check", "-f", "qcow2", uri)).toContain("No errors were found on the image.");
    await io("read -P 7 1000 100000", "read -P 0 8M 1M");
  });
});
