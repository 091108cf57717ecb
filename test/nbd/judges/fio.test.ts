/**
 * fio writes what it can check: every block carries a checksum and where it belongs. Sizes are mixed and aligned to
 * sectors alone, so most requests begin and end within pages.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { testSeed } from "../../support/seed.ts";
import { type Served, serveForAll } from "../../support/served.ts";
import { judge, run, succeed } from "./tools.ts";

const { title, isAbsent } = judge("fio", "fio", "qemu-io");

interface Job {
  readonly error: number;
  readonly read: { readonly total_ios: number };
  readonly write: { readonly total_ios: number };
  readonly trim: { readonly total_ios: number };
}

const SIZE = "--size=64M";

let served: Served;

/** Runs jobs, each with its lines, all at once. */
async function runJobs(
  name: string,
  { jobs, common = [] }: { jobs: readonly (readonly string[])[]; common?: readonly string[] },
) {
  const lines = [
    "[global]",
    "ioengine=nbd",
    `uri=${served.uri}`,
    "thread=1",
    "iodepth=32",
    "bsrange=512-1m",
    "blockalign=512",
    "verify=crc32c",
    "verify_fatal=1",
    "verify_state_save=0",
    `randseed=${testSeed(`fio ${name}`)}`,
    ...common,
    ...jobs.flatMap((job, index) => [`[job${index}]`, ...job]),
  ];
  const path = join(served.folder, `${name}.fio`);
  writeFileSync(path, `${lines.join("\n")}\n`);
  const args = ["--output-format=json", `--output=${path}.json`, path];
  return { args, path, ...(await run("fio", args, { cwd: served.folder })) };
}

async function expectVerified(
  name: string,
  options: { jobs: readonly (readonly string[])[]; common?: readonly string[] },
): Promise<readonly Job[]> {
  const { code, stdout, stderr, path } = await runJobs(name, options);
  expect(code, stdout + stderr).toBe(0);
  const text = readFileSync(`${path}.json`, "utf8");
  const { jobs } = JSON.parse(text.slice(text.indexOf("{"))) as { jobs: readonly Job[] };
  expect(jobs.map(({ error }) => error)).toEqual(options.jobs.map(() => 0));
  return jobs;
}

/** Two connections, each with a half of the export. */
const halves = (...lines: readonly string[]) => [
  [...lines, "offset=0", "size=32m"],
  [...lines, "offset=32m", "size=32m"],
];

describe.skipIf(isAbsent)(title, () => {
  beforeAll(async () => {
    served = await serveForAll([SIZE]);
    return () => served.stop();
  });

  it("verifies random writes of mixed sizes at depth 32, over two connections", async () => {
    const jobs = await expectVerified("randwrite", { jobs: halves("rw=randwrite") });
    expect(jobs.map(({ read, write }) => read.total_ios - write.total_ios)).toEqual([0, 0]);
  });

  it("verifies what compresses, its blocks checked soon after they are written", async () => {
    const lines = ["rw=randwrite", 'verify_pattern="page %o"', "verify_backlog=64"];
    await expectVerified("pattern", { jobs: halves(...lines) });
  });

  it("verifies reads and writes in turns", async () => {
    await expectVerified("randrw", { jobs: halves("rw=randrw") });
  });

  it("verifies writes to places just trimmed, while another connection trims elsewhere", async () => {
    // Jobs of fio 3.33 that trim and write do so from offset 0 only.
    const [written, trimmed] = await expectVerified("trim", {
      jobs: [
        ["rw=randtrimwrite", "size=32m"],
        ["rw=randtrim", "offset=32m", "size=32m"],
      ],
    });
    expect(written!.trim.total_ios).toBeGreaterThan(0);
    expect(trimmed!.trim.total_ios).toBeGreaterThan(0);
    expect(written!.read.total_ios).toBe(written!.write.total_ios);
  });

  it("verifies pages in order, and each block's checksum within large requests", async () => {
    await expectVerified("write", {
      jobs: halves("rw=write"),
      common: ["verify_interval=4096", "bsrange=4096-1m", "blockalign=4096"],
    });
  });

  it("finds a byte that somebody else changed", async () => {
    const jobs = [["rw=write", "size=1m", "bsrange=4096-4096"]];
    expect((await runJobs("clean", { jobs })).code).toBe(0);
    await succeed("qemu-io", ["-f", "raw", "-c", "write -P 1 70000 1", served.uri]);
    const { code, stderr } = await runJobs("damaged", { jobs, common: ["verify_only=1"] });
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/verify: bad|crc32c: verify failed/);
  });

  it("leaves exact accounts and no failed request behind", async () => {
    const { identity_difference, exports } = await served.status();
    expect(identity_difference).toBe(0);
    expect(exports[0]!.requests.errors).toBe(0);
  });
});
