/**
 * What SIGKILL may lose of what was written through a served cache: what no answered flush came after, nothing else. A
 * killed process does not lose what the system took from it, so strace tells whether a flush was answered after a sync.
 */

import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { NbdClient } from "../../src/nbd/client/client.ts";
import { judge } from "../nbd/judges/tools.ts";
import { compileServe } from "../support/compiled.ts";
import { testSeed } from "../support/seed.ts";
import { makeScratch, type Scratch, scratchOfTest, serve } from "../support/served.ts";
import { KilledServers } from "./crash-kill.ts";
import { tracedReplies } from "./crash-trace.ts";

/** In each of the three settings. */
const KILLS = 34;

const TRACED = "write,writev,sendto,sendmsg,pwrite64,pwritev,fdatasync,fsync,ftruncate";

const strace = judge("strace of a cache's server", "strace");
const mayTrace = !strace.isAbsent && spawnSync("strace", ["-o", "/dev/null", "true"]).status === 0;
if (!strace.isAbsent && !mayTrace) console.log("strace: skipped, it may not trace here");

let scratch: Scratch;
let program: string;

beforeAll(() => {
  scratch = makeScratch();
  const folder = join(scratch.folder, "program");
  mkdirSync(folder);
  program = compileServe(folder);
}, 120_000);

afterAll(() => scratch.remove());

describe.concurrent("SIGKILL", { timeout: 300_000 }, () => {
  it.each([
    ["write-back", false, 0],
    ["write-through", false, 1],
    ["write-back", true, 2],
  ] as const)(
    "loses nothing flushed in %s mode (overflow log: %s)",
    async (mode, overflow, lane) => {
      const folder = join(scratch.folder, `lane-${lane}`);
      mkdirSync(folder);
      const seed = testSeed(`${mode} kills`) + lane;
      const servers = new KilledServers(folder, { mode, seed, kills: KILLS, program, overflow });
      const { wrong, ...counts } = await servers.run();
      console.log(`${mode}, overflow log ${overflow}: ${JSON.stringify(counts)}`);
      expect(wrong).toEqual([]);
      expect(counts.cutShort).toBeGreaterThan(0);
      expect(counts.flushes).toBeGreaterThan(KILLS);
      expect(counts.changedBytes).toBeGreaterThan(KILLS * 4096);
      const last = await servers.start();
      try {
        const client = await NbdClient.connect(last.uri);
        const found = new Uint8Array(client.info.sizeBytes);
        await client.read(0, found);
        await client.disconnect();
        const { store } = await last.status();
        if (overflow) expect(store.bd_count).toBeGreaterThan(0);
        expect(Buffer.compare(found, readFileSync(servers.path))).toBe(0);
        expect((await last.end()).code).toBe(0);
        expect(existsSync(`${servers.path}.lock`)).toBe(false);
      } finally {
        await last.stop();
      }
    },
  );
});

describe.skipIf(!mayTrace)(strace.title, () => {
  it.each(["write-back", "write-through"])(
    "sees in %s mode a sync before a flush is answered",
    async (mode) => {
      const folder = realpathSync(scratchOfTest());
      const path = join(folder, "disk.img");
      const tracePath = join(folder, "trace");
      writeFileSync(path, new Uint8Array(2 ** 20));
      const traced = ["-D", "-f", "-y", "-s", "16", "-o", tracePath, "-e", `trace=${TRACED}`, "--"];
      const served = await serve(["--cache-of", path, "--cache-mode", mode], {
        launch: (args, options) =>
          spawn("strace", [...traced, process.execPath, program, ...args], options),
      });
      const client = await NbdClient.connect(served.uri);
      for (let turn = 0; turn < 10; turn++) {
        const bytes = new Uint8Array(9000);
        await client.write(turn * 5000, bytes.fill(turn + 1));
        await client.flush();
        await client.write(turn * 7000, bytes.fill(turn + 100), { fua: true });
        await client.writeZeroes(turn * 11_000, 6000, { fua: true });
      }
      await client.disconnect();
      await served.end();
      while (!/ \+\+\+ exited with 0 \+\+\+\n$/.test(readFileSync(tracePath, "utf8")))
        await wait(10);
      const replies = tracedReplies(readFileSync(tracePath, "utf8"), path);
      expect(replies.length).toBe(40);
      for (const [index, { writes, unsynced, syncs }] of replies.entries()) {
        if (index % 4 === 0) continue;
        const before = replies[index - 1]!;
        expect(unsynced, `reply ${index}`).toBe(0);
        expect(syncs).toBeGreaterThan(before.syncs);
        expect(writes).toBeGreaterThan(
          (index % 4 === 1 ? replies[index - 2]?.writes : before.writes) ?? 0,
        );
      }
    },
  );
});

describe("tracedReplies", () => {
  const write = '7 pwrite64(5</disk>, "a", 1, 0) = 1';
  const begun = '7 pwrite64(5</disk>, "a", 1, 0 <unfinished ...>';
  const ended = "7 <... pwrite64 resumed>) = 1";
  const sync = "8 fdatasync(5</disk>) = 0";
  const reply = '9 write(6<socket:[1]>, "gDf\\230\\0", 16) = 16';
  const unsyncedIn = (...lines: string[]) =>
    tracedReplies(lines.join("\n"), "/disk").map(({ unsynced }) => unsynced);

  it("counts a write as synced after a sync that began after its end and ended well", () => {
    expect(unsyncedIn(reply, write, reply, sync, reply)).toEqual([0, 1, 0]);
    expect(unsyncedIn(begun, ended, sync, reply)).toEqual([0]);
    expect(unsyncedIn(begun, sync, ended, reply)).toEqual([1]);
    expect(unsyncedIn(begun, sync, reply)).toEqual([1]);
    expect(unsyncedIn(write, "8 fdatasync(5</disk>) = -1 EIO (Input/output error)", reply)).toEqual(
      [1],
    );
    expect(unsyncedIn(write, "8 fdatasync(4</log>) = 0", reply)).toEqual([1]);
  });

  it("takes no sync for ended that is under way", () => {
    const under = "8 fdatasync(5</disk> <unfinished ...>";
    const over = "8 <... fdatasync resumed>) = 0";
    expect(unsyncedIn(write, under, reply, over, reply)).toEqual([1, 0]);
    expect(unsyncedIn(under, write, over, reply)).toEqual([1]);
  });
});
