/**
 * fio writes to a cached file what it can check, block by block, sizes mixed and aligned to sectors alone; then it
 * checks the file itself, when the server has ended.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { testSeed } from "../../support/seed.ts";
import { scratchOfTest } from "../../support/served.ts";
import { CACHES, type Cached, serveCached } from "./cached.ts";
import { expectSameFile } from "./image.ts";
import { judge, run, succeed } from "./tools.ts";

const { title, isAbsent } = judge("fio and a cache", "fio", "nbdcopy");

/** What every job has; fio's own folder is one of the test's. */
async function fio(lines: readonly string[]): Promise<void> {
  const folder = scratchOfTest();
  const path = join(folder, "job");
  const common = [
    ...["thread=1", "iodepth=16", "bsrange=512-128k", "blockalign=512"],
    ...["verify=crc32c", "verify_fatal=1", "verify_state_save=0"],
  ];
  writeFileSync(path, `${["[global]", ...common, ...lines].join("\n")}\n`);
  const args = ["--output-format=json", `--output=${path}.json`, path];
  const { code, stdout, stderr } = await run("fio", args, { cwd: folder });
  expect(code, stdout + stderr).toBe(0);
  const text = readFileSync(`${path}.json`, "utf8");
  const { jobs } = JSON.parse(text.slice(text.indexOf("{"))) as { jobs: { error: number }[] };
  expect(jobs.map(({ error }) => error)).toEqual(jobs.map(() => 0));
}

/** Two jobs at once, each with a half of the first 32 MiB. */
const halves = (...lines: readonly string[]) => [
  ...["[low]", "offset=0", "size=16m", ...lines],
  ...["[high]", "offset=16m", "size=16m", ...lines],
];

describe.skipIf(isAbsent).each(CACHES)(`${title} $name`, ({ cache }) => {
  let cached: Cached;
  beforeAll(async () => {
    cached = await serveCached(cache);
    return () => cached.served.stop();
  });

  it("verifies reads and writes in turns, flushed now and then", async () => {
    const place = ["ioengine=nbd", `uri=${cached.served.uri}`, "verify_backlog=64"];
    const seed = `randseed=${testSeed("fio reads and writes")}`;
    await fio([...place, seed, ...halves("rw=randrw", "fsync=50")]);
  });

  it("verifies random writes, over the server and in the file itself at its end", async () => {
    const { served, origin, end } = cached;
    const jobs = [`randseed=${testSeed("fio random writes")}`, ...halves("rw=randwrite")];
    await fio(["ioengine=nbd", `uri=${served.uri}`, ...jobs]);
    const { evicted_pages, origin_writes } = (await served.status()).cache!;
    expect(Math.min(evicted_pages, origin_writes)).toBeGreaterThan(100);
    const out = join(scratchOfTest(), "out");
    await succeed("nbdcopy", [served.uri, out]);
    await end();
    expectSameFile(origin, out);
    await fio(["ioengine=psync", `filename=${origin}`, "verify_only=1", ...jobs]);
  });
});
