/** libnbd's nbdcopy, both ways, over several connections at once: what comes back is compared byte by byte. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { PAGE_BYTES } from "../../../src/base/units.ts";
import { type Served, serve, serveForAll } from "../../support/served.ts";
import { expectSameFile, IMAGE_BYTES, takenBytes, writeImage } from "./image.ts";
import { judge, run, succeed } from "./tools.ts";

const { title, isAbsent } = judge("nbdcopy", "nbdcopy");

const WIDE = ["--connections=2", "--requests=16"];

let served: Served;
let image = "";
let pages = 0;

describe.skipIf(isAbsent)(title, () => {
  beforeAll(async () => {
    const size = IMAGE_BYTES;
    served = await serveForAll([
      `--size=${size}`,
      `--export=copy=${size},domain=apart`,
      "--export=small=1M",
    ]);
    image = join(served.folder, "image");
    pages = writeImage(image);
    return () => served.stop();
  });

  const pathOf = (name: string) => join(served.folder, name);

  it.each([
    { name: "over two connections", options: WIDE },
    { name: "in requests of 32 MiB", options: [`--request-size=${2 ** 25}`, "--requests=2"] },
    { name: "in requests of 4 KiB, one at a time", options: ["--request-size=4096", "-S", "0"] },
    { name: "without a look at holes", options: ["--no-extents", ...WIDE] },
  ])("copies a file in and out again $name", async ({ name, options }) => {
    const back = pathOf(name);
    // What was there before has to go, also where the file has holes.
    writeFileSync(back, Buffer.alloc(IMAGE_BYTES, 0xee));
    await succeed("nbdcopy", [back, served.uri]);
    await succeed("nbdcopy", [...options, image, served.uri]);
    await succeed("nbdcopy", [...options, served.uri, `${back}.out`]);
    expectSameFile(`${back}.out`, image);
  });

  it("leaves holes on both sides", async () => {
    await succeed("nbdcopy", [image, served.uri]);
    const [first] = (await served.status()).exports;
    expect(first?.orig_data_size).toBeLessThanOrEqual(pages * PAGE_BYTES);
    await succeed("nbdcopy", [served.uri, pathOf("sparse")]);
    expect(takenBytes(pathOf("sparse"))).toBeLessThan(IMAGE_BYTES - 2 ** 22);
    expectSameFile(pathOf("sparse"), image);
  });

  it("allocates every page where it is told to, as zeros that stay in use", async () => {
    await succeed("nbdcopy", ["--allocated", image, served.uriOf("copy")]);
    const copy = (await served.status()).exports[1];
    expect(copy?.orig_data_size).toBe(IMAGE_BYTES);
    await succeed("nbdcopy", [served.uriOf("copy"), pathOf("allocated")]);
    expectSameFile(pathOf("allocated"), image);
  });

  it("copies from one export to the other while both are in use", async () => {
    await succeed("nbdcopy", [...WIDE, image, served.uri]);
    await succeed("nbdcopy", [...WIDE, served.uri, served.uriOf("copy")]);
    await succeed("nbdcopy", [...WIDE, served.uriOf("copy"), pathOf("second")]);
    expectSameFile(pathOf("second"), image);
  });

  it("is refused what does not fit, and the server lives on", async () => {
    expect((await run("nbdcopy", [image, served.uriOf("small")])).code).toBe(1);
    expect((await served.status()).identity_difference).toBe(0);
  });

  it("hears of a limit that is reached as of a full disk", async () => {
    const limited = await serve([`--size=${IMAGE_BYTES}`, "--memory-limit=1M"]);
    const { code, stderr } = await run("nbdcopy", [image, limited.uri]);
    expect(code).toBe(1);
    expect(stderr).toContain("No space left on device");
    const { store, identity_difference } = await limited.status();
    expect(store.mem_used_total).toBeLessThanOrEqual(2 ** 20);
    expect(identity_difference).toBe(0);
  });
});
