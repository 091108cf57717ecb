/**
 * What FileMedium gives back. Some tests put a fallocate of their own before the system's, which notes how it is
 * called.
 */

import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FileMedium } from "../../../src/overflow/media/file.ts";
import { runTool } from "../../../src/overflow/media/run-tool.ts";

const MIB = 2 ** 20;
const SEGMENT = 2 ** 17;

let folder = "";
let path = "";
let medium: FileMedium;
const told: string[] = [];
const searchPath = process.env.PATH;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "pagefold-trim-"));
  path = join(folder, "swap.log");
  told.length = 0;
  medium = await FileMedium.open({ path, sizeBytes: MIB, log: (line) => void told.push(line) });
  await medium.write(0, new Uint8Array(MIB).fill(1));
  await medium.flush();
});

afterEach(async () => {
  process.env.PATH = searchPath;
  await medium.close();
  await rm(folder, { recursive: true });
});

/** From now on `fallocate` is this shell script; `$*` is noted in `calls` first. */
async function pretend(script: string): Promise<void> {
  const tools = join(folder, "tools");
  await mkdir(tools);
  const text = `#!/bin/sh\necho "$*" >> '${folder}/calls'\ncd '${folder}'\n${script}\n`;
  await writeFile(join(tools, "fallocate"), text);
  await chmod(join(tools, "fallocate"), 0o755);
  process.env.PATH = `${tools}:${searchPath}`;
}

async function calls(): Promise<string[]> {
  return (await readFile(join(folder, "calls"), "utf8")).trim().split("\n");
}

/** Whether all bytes of a range have that value. */
async function isFilled(
  value: number,
  { from, to }: { from: number; to: number },
): Promise<boolean> {
  const target = new Uint8Array(to - from);
  await medium.read(from, target);
  return target.every((byte) => byte === value);
}

async function whyNoHoles(): Promise<string> {
  const probe = await mkdtemp(join(tmpdir(), "pagefold-probe-"));
  const file = await FileMedium.open({
    path: join(probe, "file"),
    sizeBytes: MIB,
    log: (line) => void told.push(line),
  });
  await file.erase(0, MIB);
  await file.trimNow();
  await file.close();
  await rm(probe, { recursive: true });
  return told.length === 0 ? "" : " (skipped: no holes can be punched here)";
}

const noHoles = await whyNoHoles();

describe("FileMedium.erase", () => {
  it.skipIf(noHoles !== "")(
    `gives the room back, and leaves the rest alone${noHoles}`,
    async () => {
      const before = (await stat(path)).blocks;
      await medium.erase(2 * SEGMENT, 3 * SEGMENT);
      await medium.trimNow();
      const { blocks, size } = await stat(path);
      expect((before - blocks) * 512).toBe(3 * SEGMENT);
      expect(size).toBe(MIB);
      expect(await isFilled(1, { from: 0, to: 2 * SEGMENT })).toBe(true);
      expect(await isFilled(0, { from: 2 * SEGMENT, to: 5 * SEGMENT })).toBe(true);
      expect(await isFilled(1, { from: 5 * SEGMENT, to: MIB })).toBe(true);
      expect(told).toEqual([]);
    },
  );

  it("does not trim what was written again, nor what lies in it in part", async () => {
    await medium.erase(0, 4 * SEGMENT);
    await medium.write(SEGMENT, new Uint8Array(SEGMENT).fill(2));
    await medium.trimNow();
    expect(await isFilled(2, { from: SEGMENT, to: 2 * SEGMENT })).toBe(true);
  });

  it("joins ranges, in whatever order they come, around what was written again", async () => {
    await pretend("");
    for (const segment of [4, 0, 1, 6, 5, 2]) await medium.erase(segment * SEGMENT, SEGMENT);
    await medium.write(SEGMENT + 4096, new Uint8Array(8192));
    await medium.trimNow();
    const ranges = [
      [0, SEGMENT + 4096],
      [SEGMENT + 12_288, 2 * SEGMENT - 12_288],
      [4 * SEGMENT, 3 * SEGMENT],
    ];
    const lines = ranges.map(
      ([offset, length]) => `--punch-hole --offset ${offset} --length ${length} /proc/self/fd/3`,
    );
    expect(await calls()).toEqual(lines);
  });

  it("trims by itself some time later", async () => {
    await pretend("touch done");
    await medium.erase(0, SEGMENT);
    while (!existsSync(join(folder, "done"))) await new Promise((wake) => setTimeout(wake, 20));
    expect(await calls()).toHaveLength(1);
  });

  it("runs one tool at a time", async () => {
    await pretend("mkdir running || echo twice >> calls; sleep 0.05; rmdir running");
    const trims: Promise<void>[] = [];
    for (const segment of [0, 2, 4, 6]) {
      await medium.erase(segment * SEGMENT, SEGMENT);
      trims.push(medium.trimNow());
    }
    await Promise.all(trims);
    const made = await calls();
    expect(made).toHaveLength(4);
    expect(made).not.toContain("twice");
  });

  it("keeps a write waiting for the trim of its range, and no other", async () => {
    // At most 3 s, so that it ends where the test fails too.
    await pretend("for turn in $(seq 300); do test -e go && break; sleep 0.01; done; touch done");
    await medium.erase(0, SEGMENT);
    const trim = medium.trimNow();
    let isWritten = false;
    const write = medium.write(4096, new Uint8Array(4096).fill(7)).then(() => {
      isWritten = true;
      return existsSync(join(folder, "done"));
    });
    await medium.write(SEGMENT, new Uint8Array(4096).fill(8));
    await medium.flush();
    expect(isWritten).toBe(false);
    await writeFile(join(folder, "go"), "");
    expect(await write).toBe(true);
    await trim;
    expect(await isFilled(7, { from: 4096, to: 8192 })).toBe(true);
  });

  it("says once that a tool fails, and calls it no more", async () => {
    await pretend("echo 'fallocate: Operation not supported' >&2; exit 1");
    for (const segment of [0, 2, 4]) await medium.erase(segment * SEGMENT, SEGMENT);
    await medium.trimNow();
    await medium.erase(6 * SEGMENT, SEGMENT);
    await medium.trimNow();
    expect(await calls()).toHaveLength(1);
    expect(told).toHaveLength(1);
    expect(told[0]).toContain(path);
    expect(told[0]).toContain("fallocate: Operation not supported");
  });

  const isElsewhere = existsSync("/usr/sbin/fallocate") || existsSync("/sbin/fallocate");
  const title = isElsewhere ? " (skipped: it is found without PATH)" : "";
  it.skipIf(isElsewhere)(`says once that the tool is missing${title}`, async () => {
    process.env.PATH = folder;
    for (let round = 0; round < 2; round++) {
      await medium.erase(0, SEGMENT);
      await medium.trimNow();
    }
    expect(told).toEqual([expect.stringMatching(/fallocate is not installed.*util-linux/)]);
  });

  it("gives nothing back where that was not wanted", async () => {
    const other = join(folder, "other.log");
    const log = (line: string): void => void told.push(line);
    const untrimmed = await FileMedium.open({ path: other, sizeBytes: MIB, log, trim: false });
    await pretend("");
    await untrimmed.erase(0, MIB);
    await untrimmed.trimNow();
    await untrimmed.close();
    expect(existsSync(join(folder, "calls"))).toBe(false);
  });

  it("is over with close: what was not trimmed yet stays", async () => {
    await pretend("");
    await medium.erase(0, MIB);
    await medium.close();
    expect(existsSync(join(folder, "calls"))).toBe(false);
  });
});

describe("runTool", () => {
  it("gives what the tool said when it failed", async () => {
    const args = ["-c", "echo 'no  luck' >&2; exit 3"];
    expect(await runTool("sh", { args, fd: 0 })).toBe("no luck");
    expect(await runTool("sh", { args: ["-c", "exit 3"], fd: 0 })).toBe("sh ended with 3");
    expect(await runTool("sh", { args: ["-c", "exit 0"], fd: 0 })).toBe(null);
  });

  it("gives a sentence for a descriptor that is none", async () => {
    expect(await runTool("sh", { args: ["-c", "exit 0"], fd: 987_654 })).not.toBe(null);
  });
});
