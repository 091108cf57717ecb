import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { statSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { finished, pagefold, start, unprivileged, whyNotUnprivileged } from "./pagefold.ts";

let folder = "";
let child: ChildProcess;

/** Why process 1 could be read by an unprivileged user, or "". */
function whyNotPermitted(): string {
  if (!isLinux) return "needs Linux";
  if (process.getuid!() !== 0 && statSync("/proc/1").uid === process.getuid!()) {
    return "process 1 is our own";
  }
  return whyNotUnprivileged();
}

const isLinux = process.platform === "linux";

describe.skipIf(!isLinux)(`pagefold capture${isLinux ? "" : " (skipped: needs Linux)"}`, () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "pagefold-capture-cli-"));
    child = spawn(process.execPath, ["-e", "console.log(1); setInterval(() => 0, 1e6)"]);
    await once(child.stdout!, "data");
  });

  afterAll(async () => {
    child.kill("SIGKILL");
    await rm(folder, { recursive: true });
  });

  const into = (name: string) => ["--pid", String(child.pid), "-o", join(folder, name)];

  it("writes a file that analyze reads, and says what it left out", async () => {
    const { code, stdout, stderr } = await pagefold(
      "capture",
      ...into("a.pages.gz"),
      "--limit-pages",
      "500",
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(
      /^500 pages of process \d+ \(node\)[\s\S]*Not readable[\s\S]*Left out[\s\S]*files/,
    );
    const analysis = await pagefold(
      "analyze",
      "--json",
      "--codecs",
      "lz4",
      join(folder, "a.pages.gz"),
    );
    expect(JSON.parse(analysis.stdout).input.pages).toBe(500);
  });

  it("prints one JSON object", async () => {
    const { code, stdout } = await pagefold("capture", ...into("b.pages"), "--json");
    const { command, results } = JSON.parse(stdout);
    expect({ code, command }).toEqual({ code: 0, command: "capture" });
    expect(await readFile(join(folder, "b.pages"))).toHaveLength(results.pages * 4096);
  });

  it("refuses a file that exists, exits with 1, and takes --force", async () => {
    await pagefold("capture", ...into("c.pages"), "--limit-pages", "1");
    const { code, stderr } = await pagefold("capture", ...into("c.pages"));
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^pagefold: .*c\.pages exists already and is not overwritten; name another file or add --force\n$/,
    );
    expect(
      (await pagefold("capture", ...into("c.pages"), "--force", "--limit-pages", "2")).code,
    ).toBe(0);
  });

  it.each([
    {
      pid: "0",
      code: 2,
      says: /--pid cannot be "0": give a process id, a whole number from 1 to 4194304/,
    },
    { pid: "-7", code: 2, says: /--pid cannot be "-7"/ },
    { pid: "abc", code: 2, says: /--pid cannot be "abc"/ },
    { pid: "4194304", code: 1, says: /there is no process 4194304; list the running ones/ },
  ])("refuses --pid $pid, exits with $code and writes nothing", async ({ pid, code, says }) => {
    const before = await readdir(folder);
    const result = await pagefold("capture", "--pid", pid, "-o", join(folder, "none"));
    expect(result.code).toBe(code);
    expect(result.stderr).toMatch(says);
    expect(await readdir(folder)).toEqual(before);
  });

  const reason = whyNotPermitted();
  it.skipIf(reason !== "")(
    `says whose process it may not read, and what would help${reason && ` (skipped: ${reason})`}`,
    async () => {
      const args = ["capture", "--pid", "1", "-o", join(tmpdir(), "pagefold-none")];
      const { code, stderr } = await finished(start(args, unprivileged()));
      expect(code).toBe(1);
      expect(stderr).toMatch(
        /^pagefold: process 1 .*belongs to .*not permitted to read its memory; run pagefold as root/,
      );
    },
  );

  it("needs a process and a file", async () => {
    const { code, stderr } = await pagefold("capture", "--pid", "1");
    expect(code).toBe(2);
    expect(stderr).toBe(
      "pagefold: required option '-o, --output <file>' not specified; see pagefold capture --help\n",
    );
  });
});
