/**
 * A long run of a server under everything at once: fio writes, reads, trims and verifies over four connections to two
 * exports, while the store is compacted, marked idle and recompressed. PAGEFOLD_SOAK_SECONDS says how long; 1800 else.
 */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { stopwatchClock } from "../../src/base/clock.ts";
import { formatSize } from "../../src/base/units.ts";
import type { ControlRequest } from "../../src/nbd/control.ts";
import type { ServerStatus } from "../../src/report/result.ts";
import { judge, run } from "../nbd/judges/tools.ts";
import { testSeed } from "../support/seed.ts";
import { type Served, serve } from "../support/served.ts";

const SECONDS = Number(process.env.PAGEFOLD_SOAK_SECONDS ?? 1800);
const PROGRESS_SECONDS = 30;
/** Between two works of maintenance. */
const PAUSE_MS = 200;
const MIB = 2 ** 20;

const { title, isAbsent } = judge("fio's soak", "fio");

const MAINTENANCE: readonly ControlRequest[] = [
  { command: "compact" },
  { command: "idle" },
  { command: "recompress", options: { type: "idle", maxPages: 2000 } },
  { command: "idle", options: { age_seconds: 1 } },
  { command: "recompress", options: { type: "huge", maxPages: 500 } },
  { command: "compact" },
  { command: "recompress", options: { maxPages: 500 } },
];

const COMMON = [
  "[global]",
  "ioengine=nbd",
  "thread=1",
  "iodepth=32",
  "bsrange=512-1m",
  "blockalign=512",
  "verify=crc32c",
  "verify_fatal=1",
  "verify_state_save=0",
];

/** Noise that is stored raw, text that compresses and has duplicates, zeros of trims, and reads among the writes. */
function roundJobs(served: Served): string[] {
  const [a, b] = [served.uriOf("a"), served.uriOf("b")];
  const text = 'verify_pattern="soak"%o';
  return [
    ...["[noise]", `uri=${a}`, "rw=randwrite", "offset=0", "size=64m"],
    ...["[text]", `uri=${a}`, "rw=randwrite", "offset=64m", "size=64m", text],
    ...["[trims]", `uri=${b}`, "rw=randtrimwrite", "offset=0", "size=64m", text],
    ...["[mixed]", `uri=${b}`, "rw=randrw", "offset=64m", "size=64m", "verify_backlog=256"],
  ];
}

/** Written once, and checked at every end of a round: nothing of a round touches it. */
function keepsake(served: Served, mode: "do_verify=0" | "verify_only=1"): string[] {
  const place = ["rw=randwrite", "offset=128m", "size=32m", 'verify_pattern="kept"%o', mode];
  return ["a", "b"].flatMap((name) => [`[kept-${name}]`, `uri=${served.uriOf(name)}`, ...place]);
}

async function fio(served: Served, { seed, jobs }: { seed: number; jobs: readonly string[] }) {
  const path = join(served.folder, "soak.fio");
  writeFileSync(path, `${[...COMMON, `randseed=${seed}`, ...jobs].join("\n")}\n`);
  const { code, stdout, stderr } = await run("fio", [path], { cwd: served.folder });
  expect(code, `seed ${seed}\n${stdout}${stderr}`).toBe(0);
}

/** What the process may take at most. */
function memoryBound({ store }: ServerStatus): number {
  return 1.25 * (store.mem_used_total + store.metadata_size) + 128 * MIB;
}

function progress(status: ServerStatus, when: string): string {
  const { server, store, exports } = status;
  const sum = (kind: string) => exports.reduce((all, { requests }) => all + requests[kind]!, 0);
  return [
    `${Math.round(server.uptime_seconds)} s, ${when}`,
    `${sum("reads")} reads, ${sum("writes")} writes, ${sum("trims")} trims`,
    `${formatSize(sum("bytes_written"))} written, mem_used_total ${formatSize(store.mem_used_total)}`,
    `process ${formatSize(server.rss_bytes)} of ${formatSize(memoryBound(status))}`,
  ].join("; ");
}

/** Maintains the store until `isOver`; returns how often. */
async function maintain(served: Served, isOver: () => boolean): Promise<number> {
  let works = 0;
  for (; !isOver(); works++) {
    await served.control(MAINTENANCE[works % MAINTENANCE.length]!);
    expect((await served.status()).identity_difference).toBe(0);
    await wait(PAUSE_MS);
  }
  return works;
}

describe.skipIf(isAbsent)(title, () => {
  it(
    `verifies for ${SECONDS} s, under maintenance, with exact accounts and within bounds of memory`,
    async () => {
      const seed = testSeed("the soak");
      const served = await serve(["--export=a=192M", "--export=b=192M", "--recompress=zstd"]);
      const start = stopwatchClock.seconds();
      let isOver = false;
      const maintenance = maintain(served, () => isOver);
      maintenance.catch(() => {
        isOver = true;
      });
      let told = start;
      try {
        await fio(served, { seed, jobs: keepsake(served, "do_verify=0") });
        const isDone = () => isOver || stopwatchClock.seconds() - start >= SECONDS;
        for (let round = 1; !isDone(); round++) {
          await fio(served, { seed: seed + round, jobs: roundJobs(served) });
          await fio(served, { seed, jobs: keepsake(served, "verify_only=1") });
          if (stopwatchClock.seconds() - told < PROGRESS_SECONDS) continue;
          told = stopwatchClock.seconds();
          console.log(progress(await served.status(), `round ${round}`));
        }
      } finally {
        isOver = true;
      }
      const works = await maintenance;
      const last = await served.status();
      console.log(progress(last, `after ${works} works of maintenance`));
      expect(last.identity_difference).toBe(0);
      for (const { requests, failed_reads, failed_writes } of last.exports) {
        expect([requests.errors, failed_reads, failed_writes]).toEqual([0, 0, 0]);
      }
      expect(last.server.rss_bytes).toBeLessThanOrEqual(memoryBound(last));
      const { code, stderr } = await served.end();
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    },
    (SECONDS + 300) * 1000,
  );
});
