/** nbdcopy out of a cached file and into it: the file itself is compared byte by byte, during and after the server. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { scratchOfTest } from "../../support/served.ts";
import { CACHED_BYTES, CACHES, type Cached, imageOfTest, serveCached } from "./cached.ts";
import { expectSameFile } from "./image.ts";
import { judge, succeed } from "./tools.ts";

const { title, isAbsent } = judge("nbdcopy and a cache", "nbdcopy");

const WIDE = ["--connections=2", "--requests=16"];

/** Nothing of what the image has. */
function otherFile(): string {
  const path = join(scratchOfTest(), "other");
  writeFileSync(path, Buffer.alloc(CACHED_BYTES, 0xee));
  return path;
}

describe.skipIf(isAbsent).each(CACHES)(`${title} $name`, ({ cache }) => {
  let cached: Cached;
  beforeAll(async () => {
    cached = await serveCached(cache);
    return () => cached.served.stop();
  });

  it("copies the file out, in order and over two connections", async () => {
    const { served, origin } = cached;
    const out = join(scratchOfTest(), "out");
    await succeed("nbdcopy", [served.uri, out]);
    expectSameFile(out, origin);
    await succeed("nbdcopy", [...WIDE, "--request-size=32768", served.uri, out]);
    expectSameFile(out, origin);
    expect((await served.status()).cache!.evicted_pages).toBeGreaterThan(1000);
  });

  it("has in the file what was copied in, when it is flushed", async () => {
    const { served, origin } = cached;
    const other = otherFile();
    await succeed("nbdcopy", ["--flush", other, served.uri]);
    expectSameFile(origin, other);
    const image = imageOfTest();
    await succeed("nbdcopy", ["--flush", ...WIDE, image, served.uri]);
    expectSameFile(origin, image);
    await succeed("nbdcopy", [...WIDE, served.uri, `${image}.out`]);
    expectSameFile(`${image}.out`, image);
  });

  it("has in the file what was copied in, when the server has ended", async () => {
    const { served, origin, end } = cached;
    await succeed("nbdcopy", [otherFile(), served.uri]);
    const image = imageOfTest();
    await succeed("nbdcopy", ["--allocated", "--request-size=262144", image, served.uri]);
    await end();
    expectSameFile(origin, image);
  });
});
