/**
 * What `serve --overflow` refuses, as it is typed: in one sentence with the value and the remedy, and nothing is left
 * behind: no file, no lock, no socket.
 */

import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { registerServe } from "../../src/cli/serve.ts";
import { emphasisFor } from "../../src/report/terminal.ts";
import { scratchOfTest, serve, serveInVain } from "../support/served.ts";
import {
  loopDevice,
  mounted,
  smallFileSystem,
  whyNoLoopDevices,
  whyNoMounts,
} from "../support/system-devices.ts";
import { unprivileged, whyNotUnprivileged } from "./pagefold.ts";

const MIB = 2 ** 20;
/** Codes for which the program exits with 2. */
const USAGE = ["INVALID_ARGUMENT", "OUT_OF_RANGE"];

let folder = "";

beforeEach(() => {
  folder = scratchOfTest();
});

/** A server of FOLDER that would end at once if it did start, to spare a process for each refusal. */
async function refusalOf(line: string) {
  const notes: string[] = [];
  const program = new Command().exitOverride().configureOutput({ outputError: () => {} });
  registerServe(program, {
    signal: AbortSignal.abort(),
    progress: { update: () => {}, stop: () => {} },
    emphasis: emphasisFor(process.stdout, { NO_COLOR: "1" }),
    print: () => {},
    note: (said) => notes.push(said),
  });
  const given = `--socket=FOLDER/socket --size=1M ${line}`.replaceAll("FOLDER", folder).split(" ");
  try {
    await program.parseAsync(["node", "pagefold", "serve", ...given]);
  } catch (cause) {
    const { code, message } = cause as { readonly code: string; readonly message: string };
    return { code, message, isUsage: USAGE.includes(code), notes };
  }
  throw new Error(`${given.join(" ")}: it started`);
}

const LOG = "--memory-limit=1M --overflow=FOLDER/swap.log";

/** One sentence: a line, and no full stop before its end. */
const SENTENCE = /^[^\n]+[^.\n]$/;

describe("serve --overflow refuses, as a wrong command line,", () => {
  it.each([
    {
      line: "--overflow=FOLDER/swap.log --overflow-size=8M",
      says: /memory has no limit; give --mem/,
    },
    { line: "--memory-limit=1M --overflow=", says: /^--overflow cannot be "": give the path of a/ },
    { line: LOG, says: /swap\.log" needs --overflow-size SIZE, how much of it to use$/ },
    {
      line: "--overflow-size=8M",
      says: /^--overflow-size without --overflow: no log is asked for/,
    },
    { line: `${LOG} --overflow-size=x`, says: /^--overflow-size cannot be "x": give bytes or a/ },
    {
      line: `${LOG} --overflow-size=5M`,
      says: /is 5242880 \(5\.0 MiB\), 5 whole segments of 1\.0 MiB; the log needs 6, four for pages/,
    },
    {
      line: `${LOG} --overflow-size=300K --overflow-segment=64K`,
      says: /is 307200 \(300\.0 KiB\), 4 whole segments of 64\.0 KiB; .* give at least 393216/,
    },
    { line: `${LOG} --overflow-size=257G`, says: /is 275951648768; .* to 274877906944/ },
    {
      line: `${LOG} --overflow-size=8M --overflow-segment=96K`,
      says: /is 98304; it must be a power of two from 65536 \(64\.0 KiB\) to 67108864/,
    },
    {
      line: `${LOG} --overflow-size=1G --overflow-segment=128M`,
      says: /is 134217728; it must be a/,
    },
    {
      line: `${LOG} --overflow-size=8M --overflow-watermarks=90:80`,
      says: /^--overflow-watermarks cannot be "90:80": give LOW:HIGH, .* the lower one first/,
    },
    {
      line: `${LOG} --overflow-size=8M --overflow-watermarks=80:100`,
      says: /cannot be "80:100": give LOW:HIGH, two whole percentages from 1 to 99/,
    },
    {
      line: `${LOG} --overflow-size=8M --overflow-budget=0`,
      says: /^--overflow-budget cannot be "0": give the bytes a day may write, such as 20G, or leave/,
    },
    {
      line: `${LOG} --overflow-size=8M --overflow-budget=100`,
      says: /is 100; it must be a whole number from 4108 to /,
    },
    {
      line: `${LOG} --overflow-size=8M --overflow-cleaning=lazy`,
      says: /^there is no cleaning policy "lazy"; give fifo, greedy, cost-benefit, /,
    },
    {
      line: `${LOG} --overflow-size=8M --overflow-endurance=0`,
      says: /^--overflow-endurance cannot be "0": give a number of cycles, a whole number from 1/,
    },
    {
      line: `${LOG} --overflow-size=8M --overflow-recompress`,
      says: /^--overflow-recompress needs a codec to recompress with; give --recompress CODEC too/,
    },
    {
      line: "--memory-limit=1M --overflow=FOLDER --overflow-size=8M",
      says: /cannot hold the log, it is a directory: name a file, which is made where there is none/,
    },
    {
      line: "--memory-limit=1M --overflow=/dev/null --overflow-size=8M",
      says: /^\/dev\/null cannot hold the log, it is neither a regular file nor a block device/,
    },
  ])("$line", async ({ line, says }) => {
    const { message, isUsage } = await refusalOf(line);
    expect(message).toMatch(says);
    expect(message).toMatch(SENTENCE);
    expect(isUsage).toBe(true);
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe("serve --overflow refuses, as work that failed,", () => {
  it("a path whose folder is missing", async () => {
    const line = "--memory-limit=1M --overflow=FOLDER/none/swap.log --overflow-size=8M";
    const { message, code } = await refusalOf(line);
    expect(code).toBe("NOT_FOUND");
    expect(message).toMatch(/swap\.log cannot be made, there is no folder .*none: make it, or/);
    expect(readdirSync(folder)).toEqual([]);
  });

  it("a file that holds something else, which stays as it was", async () => {
    writeFileSync(join(folder, "swap.log"), "precious\n");
    const { code, message } = await refusalOf(`${LOG} --overflow-size=8M`);
    expect(code).toBe("BUSY");
    expect(message).toMatch(
      /swap\.log holds something that is no overflow log, which would be lost;/,
    );
    expect(readFileSync(join(folder, "swap.log"), "utf8")).toBe("precious\n");
    expect(readdirSync(folder)).toEqual(["swap.log"]);
  });

  it("what comes after the log is open, and closes it again", async () => {
    writeFileSync(join(folder, "trace"), "precious\n");
    const { code } = await refusalOf(`${LOG} --overflow-size=8M --record=FOLDER/trace`);
    expect(code).toBe("BUSY");
    expect(readdirSync(folder).sort()).toEqual(["swap.log", "trace"]);
  });

  it("a log that another server has open, which serves on", async () => {
    const size = ["--size=1M", "--memory-limit=1M", "--overflow-size=8M"];
    const first = await serve((own) => [...size, `--overflow=${join(own, "swap.log")}`]);
    const path = join(first.folder, "swap.log");
    const { code, stdout, stderr } = await serveInVain([...size, `--overflow=${path}`]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toBe(
      `pagefold: ${path} is in use by process ${first.pid}: end that first, or choose another path\n`,
    );
    expect((await first.status()).overflow?.is_dead).toBe(false);
    expect(readdirSync(first.folder).sort()).toEqual([
      "socket",
      "socket.control",
      "swap.log",
      "swap.log.lock",
    ]);
  });

  const why = whyNotUnprivileged();
  it.skipIf(why !== "")(
    `a file and a folder it may not write${why && ` (skipped: ${why})`}`,
    async () => {
      chmodSync(folder, 0o755);
      mkdirSync(join(folder, "sub"), { mode: 0o555 });
      const path = join(folder, "swap.log");
      writeFileSync(path, "", { mode: 0o444 });
      for (const each of [path, join(folder, "sub", "swap.log")]) {
        const args = ["--size=1M", "--memory-limit=1M", `--overflow=${each}`, "--overflow-size=8M"];
        const { code, stderr } = await serveInVain(args, { spawn: unprivileged() });
        expect(code).toBe(1);
        expect(stderr).toMatch(/^pagefold: [^\n]*swap\.log[^\n]* permission[^\n]*\n$/);
      }
      expect(readFileSync(path)).toHaveLength(0);
      expect(readdirSync(join(folder, "sub"))).toEqual([]);
    },
  );
});

describe.skipIf(whyNoMounts() !== "")(
  `serve --overflow on a small file system${whyNoMounts() && ` (skipped: ${whyNoMounts()})`}`,
  () => {
    it("refuses a log it has no room for, and leaves nothing", async () => {
      const small = await smallFileSystem(join(folder, "small"), 4 * MIB);
      onTestFinished(small.remove);
      const { code, message } = await refusalOf(
        "--memory-limit=1M --overflow=FOLDER/small/swap.log --overflow-size=8M",
      );
      expect(code).toBe("NO_SPACE");
      expect(message).toMatch(/cannot be 8\.0 MiB large, its file system has 4\.0 MiB left: free/);
      expect(readdirSync(small.path)).toEqual([]);
    });
  },
);

describe.skipIf(whyNoLoopDevices() !== "")(
  `serve --overflow on a block device${whyNoLoopDevices() && ` (skipped: ${whyNoLoopDevices()})`}`,
  () => {
    it("refuses one with something mounted on it, and leaves that alone", async () => {
      const device = await loopDevice(join(folder, "disk"), 16 * MIB);
      onTestFinished(device.remove);
      const mount = await mounted(device.path, join(folder, "mount"));
      onTestFinished(mount.remove);
      writeFileSync(join(mount.path, "file"), "precious\n");
      const { code, message } = await refusalOf(
        `--memory-limit=1M --overflow=${device.path} --overflow-size=8M`,
      );
      expect(code).toBe("BUSY");
      expect(message).toContain(`${device.path} is in use, it is mounted on ${mount.path}`);
      expect(readFileSync(join(mount.path, "file"), "utf8")).toBe("precious\n");
      expect(readdirSync(folder).sort()).toEqual(["disk", "mount"]);
    });

    it("refuses one that is smaller than the log", async () => {
      const device = await loopDevice(join(folder, "disk"), 16 * MIB);
      onTestFinished(device.remove);
      const { code, message } = await refusalOf(
        `--memory-limit=1M --overflow=${device.path} --overflow-size=32M`,
      );
      expect(code).toBe("INVALID_ARGUMENT");
      expect(message).toMatch(/cannot hold 32\.0 MiB .*the device has 16\.0 MiB .*smaller size$/);
      expect(readdirSync(folder)).toEqual(["disk"]);
    });
  },
);
