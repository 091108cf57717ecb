/** Captures of real child processes whose memory holds what the test knows. Linux only. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, readFileSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { captureProcess } from "../../src/trace/capture.ts";

const PAGE = 4096;
const WORDS = 24;
const WORD_PAGES = 64;

/** Regions of 64 pages of one word each; 32 MiB that are read only; 32 MiB that are never touched. */
const PROGRAM = `
  const written = Buffer.allocUnsafeSlow(${WORDS * WORD_PAGES * PAGE});
  for (let word = 0; word < ${WORDS}; word++) {
    new Uint32Array(written.buffer, word * ${WORD_PAGES * PAGE}, ${(WORD_PAGES * PAGE) / 4}).fill(0x5a5a0000 | word);
  }
  const large = Buffer.allocUnsafeSlow(64 << 20);
  let sum = 0;
  for (let offset = 0; offset < 32 << 20; offset += ${PAGE}) sum += large[offset];
  console.log("ready");
  setInterval(() => [written, large, sum], 1e6);
`;

let folder = "";
let child: ChildProcess;
let pid = 0;

function whyNot(): string {
  if (process.platform !== "linux") return "needs Linux";
  try {
    accessSync("/proc/self/pagemap");
  } catch {
    return "needs a readable /proc/self/pagemap";
  }
  return "";
}

const reason = whyNot();

describe.skipIf(reason !== "")(`captureProcess${reason && ` (skipped: ${reason})`}`, () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "pagefold-capture-"));
    child = spawn(process.execPath, ["-e", PROGRAM], { stdio: ["ignore", "pipe", "inherit"] });
    pid = child.pid!;
    await once(child.stdout!, "data");
    // Its memory stands still, so two looks at it can be compared.
    child.kill("SIGSTOP");
  });

  afterAll(async () => {
    child.kill("SIGKILL");
    await rm(folder, { recursive: true });
  });

  it("takes the pages the process has written", async () => {
    const output = join(folder, "written");
    const result = await captureProcess(pid, { output });
    const file = await readFile(output);
    expect(file).toHaveLength(result.pages * PAGE);
    const found = new Map<number, number>();
    for (let offset = 0; offset < file.length; offset += PAGE) {
      const word = file.readUInt32LE(offset);
      const page = new Uint32Array(new Uint8Array(file.subarray(offset, offset + PAGE)).buffer);
      if (word >>> 16 === 0x5a5a && page.every((one) => one === word)) {
        found.set(word & 0xffff, (found.get(word & 0xffff) ?? 0) + 1);
      }
    }
    // An allocation need not begin at a page: the page between two regions holds some of each.
    for (let word = 0; word < WORDS; word++) {
      expect(found.get(word)).toBeGreaterThanOrEqual(WORD_PAGES - 1);
    }
  });

  it("takes exactly the pages the kernel counts as anonymous", async () => {
    const smaps = readFileSync(`/proc/${pid}/smaps`, "utf8");
    const kibibytes = [...smaps.matchAll(/^(?:Anonymous|Swap): +(\d+) kB$/gm)];
    const pages = kibibytes.reduce((sum, match) => sum + Number(match[1]) / 4, 0);
    const result = await captureProcess(pid, { output: join(folder, "exact") });
    expect(result.pages).toBe(pages);
  });

  it("accounts for every mapped page outside the kernel's own mappings", async () => {
    const maps = readFileSync(`/proc/${pid}/maps`, "utf8");
    let mapped = 0;
    for (const [, first, end, name] of maps.matchAll(/^(\w+)-(\w+) .{4} \S+ \S+ \S+ *(.*)$/gm)) {
      if (/^\[v/.test(name!)) continue;
      mapped += Number((BigInt(`0x${end}`) - BigInt(`0x${first}`)) / BigInt(PAGE));
    }
    const result = await captureProcess(pid, { output: join(folder, "all") });
    const others = [...Object.values(result.unreadable), ...Object.values(result.left_out)];
    expect(others.reduce((sum, pages) => sum + pages, result.pages)).toBe(mapped);
  });

  it("leaves out pages that were read but never written, and pages never touched", async () => {
    const { left_out } = await captureProcess(pid, { output: join(folder, "zero") });
    expect(left_out.shared_zero_page).toBeGreaterThanOrEqual((32 << 20) / PAGE - 1);
    expect(left_out.never_touched).toBeGreaterThanOrEqual((32 << 20) / PAGE - 1);
  });

  it("stops at a limit of pages", async () => {
    const output = join(folder, "limited");
    const result = await captureProcess(pid, { output, limitPages: 300 });
    expect(result).toMatchObject({ pages: 300, file_bytes: 300 * PAGE, limit_reached: true });
  });

  it("leaves nothing behind when it is interrupted", async () => {
    const abort = new AbortController();
    const before = await readdir(folder);
    const capturing = captureProcess(pid, {
      output: join(folder, "interrupted"),
      onProgress: () => abort.abort(),
      signal: abort.signal,
    });
    await expect(capturing).rejects.toThrow("aborted");
    expect(await readdir(folder)).toEqual(before);
  });

  it("refuses an output that exists and reads nothing", async () => {
    const output = join(folder, "exists");
    await writeFile(output, "old");
    await expect(captureProcess(pid, { output })).rejects.toMatchObject({ code: "BUSY" });
    expect(await readFile(output, "utf8")).toBe("old");
  });

  it("refuses a process that has ended", async () => {
    const ended = spawn(process.execPath, ["-e", ""]);
    await once(ended, "exit");
    await expect(captureProcess(ended.pid!, { output: join(folder, "x") })).rejects.toMatchObject({
      code: "NOT_FOUND",
      message: `there is no process ${ended.pid}; list the running ones with ps -e`,
    });
  });

  it.each([0, -1, 1.5, 2 ** 22 + 1, Number.NaN])("refuses %s as a process id", async (wrong) => {
    await expect(captureProcess(wrong, { output: join(folder, "x") })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining("a whole number from 1 to 4194304"),
    });
  });

  const kernelThread = whichKernelThread();
  it.skipIf(kernelThread === 0)("refuses a kernel thread", async () => {
    await expect(captureProcess(kernelThread, { output: join(folder, "x") })).rejects.toMatchObject(
      {
        code: expect.stringMatching("UNSUPPORTED|NOT_PERMITTED"),
      },
    );
  });
});

/** Process 2 is kthreadd, where the kernel's threads can be seen at all. */
function whichKernelThread(): number {
  try {
    return readFileSync("/proc/2/comm", "utf8").trim() === "kthreadd" ? 2 : 0;
  } catch {
    return 0;
  }
}
