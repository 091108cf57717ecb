import type { ChildProcess } from "node:child_process";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { registerSimulate } from "../../src/cli/simulate.ts";
import type { SimulateOutput } from "../../src/report/simulate-result.ts";
import { finished, pagefold, start, unprivileged, whyNotUnprivileged } from "./pagefold.ts";

/** Two runs that take a moment: a filling of 150 pages that 120 contents are of, merged and not. */
const SMALL = {
  title: "A small filling",
  seconds: 2,
  sample_seconds: 0.5,
  host: { memory: "4M" },
  guests: [
    {
      name: "filled",
      memory: "2M",
      workload: {
        kind: "fill",
        fill: [
          { pages: 40, content: { contents: 10 } },
          { pages: 110, content: "unique" },
        ],
      },
    },
  ],
  scanner: { pages_to_scan: 1000, sleep_millisecs: 100, kind: "linear" },
  variants: [
    { name: "merged", set: { "scanner.kind": "linear" } },
    { name: "left alone", set: { "scanner.kind": "none" } },
  ],
};

let folder = "";
let small = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "pagefold-simulate-cli-"));
  small = join(folder, "small.json");
  await writeFile(small, JSON.stringify(SMALL));
});
afterAll(() => rm(folder, { recursive: true }));

let notes: string[] = [];
let printed = "";
beforeEach(() => {
  notes = [];
});

/** Runs the command in this process, runs one by one: what it printed. */
async function run(...args: readonly string[]): Promise<string> {
  const plain = (text: string) => text;
  const print = (text: string) => {
    printed += text;
  };
  const program = new Command().exitOverride().configureOutput({ writeOut: print });
  printed = "";
  registerSimulate(program, {
    signal: new AbortController().signal,
    progress: { update() {}, stop() {} },
    emphasis: { strong: plain, faint: plain },
    print,
    note: (line) => notes.push(line),
  });
  await program.parseAsync(["node", "pagefold", "simulate", "--jobs", "1", ...args]);
  return printed;
}

async function simulate(...args: readonly string[]): Promise<SimulateOutput> {
  return JSON.parse(await run("--json", ...args)) as SimulateOutput;
}

/** The processes with runs whose parent is `pid`, of Linux. */
async function runnersOf(pid: number): Promise<number[]> {
  const processes = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    processes.map(async (name) => {
      const read = (file: string) => readFile(`/proc/${name}/${file}`, "utf8").catch(() => "");
      const stat = await read("stat");
      const [, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      const isRunner = Number(parent) === pid && (await read("cmdline")).includes("sweep-child");
      return isRunner ? [Number(name)] : [];
    }),
  );
  return found.flat();
}

/** Starts two runs that take long, and waits until both have a process. */
async function startLong(): Promise<{ child: ChildProcess; runners: number[] }> {
  const long = ["--set", "seconds=100000", "--set", "sample_seconds=100", "--jobs", "2"];
  const child = start(["simulate", small, ...long], { stdio: ["ignore", "pipe", "pipe"] });
  let runners: number[] = [];
  while (runners.length < 2 && child.exitCode === null) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    runners = await runnersOf(child.pid!);
  }
  return { child, runners };
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe("pagefold simulate", () => {
  it("prints a table of all variants with the seed, and exits with 0", async () => {
    const { code, stdout, stderr } = await pagefold("simulate", small, "--seed", "7");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^A small filling\n/);
    expect(stdout).toMatch(/^ +merged /m);
    expect(stdout).toMatch(/^ +left alone /m);
    expect(stdout).toContain("Seed 7");
  });

  it("prints one JSON object with a result and a series for each variant", async () => {
    const { schema, command, options, results, series } = await simulate(small, "--seed", "7");
    expect({ schema, command }).toEqual({ schema: 1, command: "simulate" });
    expect(options).toEqual({ scenario: small, seed: 7, set: {}, sweep: {} });
    expect(results).toMatchObject({ title: "A small filling", headlines: [], sensitivity: null });
    expect(results.variants.map(({ name }) => name)).toEqual(["merged", "left alone"]);
    expect(results.variants.map(({ merged }) => merged.pages_saved)).toEqual([30, 0]);
    expect(series.map(({ name }) => name)).toEqual(["merged", "left alone"]);
    expect(series[0]!.columns.seconds).toEqual([0, 0.5, 1, 1.5, 2]);
  });

  it("repeats a run from its seed, to the byte", async () => {
    const args = [small, "--seed", "7", "--json"];
    expect(await run(...args)).toBe(await run(...args));
  });

  it("draws a seed where none is given, and says which", async () => {
    const drawn = await simulate(small);
    expect(drawn.options.seed).toBeGreaterThanOrEqual(0);
    expect(await simulate(small, "--seed", `${drawn.options.seed}`)).toEqual(drawn);
  });

  it("gives the same bytes side by side in processes as one run after another", async () => {
    const args = ["simulate", small, "--seed", "7", "--sweep", "seconds=2,1", "--json"];
    const [together, alone] = await Promise.all([
      pagefold(...args, "--jobs", "2"),
      pagefold(...args, "--jobs", "1"),
    ]);
    expect(together).toMatchObject({ code: 0, stderr: "" });
    expect(together.stdout).toBe(alone.stdout);
    const { results } = JSON.parse(together.stdout) as SimulateOutput;
    expect(results.variants.map(({ name }) => name)).toEqual([
      "merged seconds=2",
      "merged seconds=1",
      "left alone seconds=2",
      "left alone seconds=1",
    ]);
  });

  it("takes several --set and --sweep, and tells them", async () => {
    const args = ["--set", "variants=[]", "--set", "guests[0].workload.fill.0.pages=20"];
    const sweeps = ["--sweep", "host.cores=1,2", "--sweep", "scanner.kind=linear,none"];
    const { options, results } = await simulate(small, ...args, ...sweeps);
    expect(options.set).toEqual({ variants: [], "guests.0.workload.fill.0.pages": 20 });
    expect(options.sweep).toEqual({ "host.cores": [1, 2], "scanner.kind": ["linear", "none"] });
    expect(results.variants.map(({ settings }) => settings)).toEqual([
      { "host.cores": 1, "scanner.kind": "linear" },
      { "host.cores": 1, "scanner.kind": "none" },
      { "host.cores": 2, "scanner.kind": "linear" },
      { "host.cores": 2, "scanner.kind": "none" },
    ]);
    expect(results.variants.map(({ merged }) => merged.pages_saved)).toEqual([10, 0, 10, 0]);
  });

  it("runs a built-in scenario, and holds it against what was published", async () => {
    const { results } = await simulate("ksm-fill", "--seed", "1", "--set", "seconds=5");
    expect(results.headlines.length).toBeGreaterThan(3);
    for (const { is_met } of results.headlines) expect(is_met).toBe(true);
  });

  it("prints a scenario that simulates as the one it is from", async () => {
    const scenario = await run("ksm-fill", "--set", "seconds=3", "--print-scenario");
    expect(JSON.parse(scenario)).toMatchObject({ seconds: 3 });
    const file = join(folder, "own.json");
    await writeFile(file, scenario);
    const [own, first] = [
      await simulate(file, "--seed", "1"),
      await simulate("ksm-fill", "--set", "seconds=3", "--seed", "1"),
    ];
    expect(own.results.variants).toEqual(first.results.variants);
  });

  it("tells how headlines move with parameters", async () => {
    const args = ["side-channel", "--seed", "1", "--set", "seconds=20", "--sensitivity"];
    const few = ["--set", "guests.0.workload.secrets=64", "--set", "guests.1.workload.secrets=64"];
    const waits = ["--set", "guests.1.workload.wait_seconds=10"];
    const { results } = await simulate(...args, ...few, ...waits);
    const keys = results.sensitivity!.map(({ key }) => key);
    expect(new Set(keys)).toEqual(new Set(["guests.1.workload.noise_us", "scanner.pages_to_scan"]));
    const [strongest] = results.sensitivity!;
    expect(strongest).toMatchObject({
      headline: "advantage, shared by all",
      base: results.headlines[0]!.value,
    });
  });
});

describe("pagefold simulate, asked what there is", () => {
  it("lists scenarios, scanners and workloads, each with a line", async () => {
    const text = await run("--list");
    for (const name of ["ksm-plus-plus", "ksm-fill", "device-hinted", "kernel-build", "hostile"]) {
      expect(text).toMatch(new RegExp(`^ {2}${name} +\\w.{10}`, "m"));
    }
    const lists = JSON.parse(await run("--list", "--json"));
    expect(Object.keys(lists)).toEqual(["scenarios", "scanners", "workloads"]);
  });

  it("explains each of them, a kind with all its keys", async () => {
    const lists = JSON.parse(await run("--list", "--json")) as Record<string, { name: string }[]>;
    for (const { name } of Object.values(lists).flat()) {
      expect(await run("--describe", name)).toMatch(new RegExp(`^${name}: `));
    }
    const hinted = await run("--describe", "hinted");
    expect(hinted).toMatch(
      /^ {2}scanner\.hint_share\n {6}a number from 0 to .*; 0\.5 unless given\n/m,
    );
  });

  it("explains every key of a scenario's file, and gives each a description", async () => {
    const { keys } = JSON.parse(await run("--describe", "scenario", "--json")) as {
      keys: { key: string; description: string }[];
    };
    const names = keys.map(({ key }) => key);
    for (const name of ["seconds", "host.memory", "guests", "guests.N.count", "variants.N.set"]) {
      expect(names).toContain(name);
    }
    expect(keys.filter(({ description }) => description === "")).toEqual([]);
  });

  it("shows examples and exit codes in its help", async () => {
    const help = run("--help");
    await expect(help).rejects.toMatchObject({ code: "commander.helpDisplayed", exitCode: 0 });
    expect(printed).toMatch(/^ {2}\$ pagefold simulate ksm-plus-plus$/m);
    expect(printed).toContain("Exit codes: 0 done; 1 ");
  });
});

describe("pagefold simulate --out", () => {
  it("writes result, series and page, and says where", async () => {
    const out = join(folder, "new", "result");
    const result = await run(small, "--seed", "7", "--json", "--out", out);
    expect((await readdir(out)).sort()).toEqual(["report.html", "result.json", "series.csv"]);
    expect(await readFile(join(out, "result.json"), "utf8")).toBe(result);
    expect(await readFile(join(out, "series.csv"), "utf8")).toMatch(/^variant,/);
    expect(await readFile(join(out, "report.html"), "utf8")).toMatch(/^<!doctype html>/i);
    expect(notes).toEqual(
      ["result.json", "series.csv", "report.html"].map(
        (name) => `pagefold: wrote ${join(out, name)}`,
      ),
    );
  });

  it("refuses to replace a file before anything is run, and replaces it with --force", async () => {
    const out = join(folder, "used");
    await mkdir(out);
    await writeFile(join(out, "series.csv"), "precious\n");
    await writeFile(join(out, "other.txt"), "other\n");
    await expect(run(small, "--out", out)).rejects.toMatchObject({
      code: "BUSY",
      message: `${join(out, "series.csv")} exists already and is not overwritten; name another folder with --out or add --force`,
    });
    expect((await readdir(out)).sort()).toEqual(["other.txt", "series.csv"]);
    await run(small, "--out", out, "--force");
    expect(await readFile(join(out, "series.csv"), "utf8")).not.toContain("precious");
    expect(await readFile(join(out, "other.txt"), "utf8")).toBe("other\n");
  });

  it.each([
    ["/proc/none/result", "cannot be made: its file system takes no new folders; name another wi"],
    ["FOLDER/small.json", "is no folder; name another with --out"],
    ["FOLDER/small.json/result", "cannot be written: a part of the path is not a directory"],
  ])("refuses %s before anything is run", async (named, reason) => {
    const out = named.replace("FOLDER", folder);
    // A guest that its filling does not fit into is refused as soon as it runs.
    const running = run(small, "--set", "guests.0.memory=64K", "--out", out);
    await expect(running).rejects.toMatchObject({
      message: expect.stringContaining(`${out} ${reason}`),
    });
  });

  it("prints the result also where it cannot be written", async () => {
    const out = join(folder, "full");
    await mkdir(out);
    await symlink("/dev/full", join(out, "series.csv"));
    await expect(run(small, "--out", out, "--force")).rejects.toMatchObject({
      message: expect.stringContaining("series.csv cannot be written: no space is left"),
    });
    expect(printed).toContain("A small filling");
    expect(notes).toEqual([]);
  });

  it.skipIf(whyNotUnprivileged() !== "")("refuses a folder that may not be written", async () => {
    const out = join(folder, "locked");
    await mkdir(out, { mode: 0o555 });
    await chmod(folder, 0o755);
    const child = start(["simulate", small, "--out", out], unprivileged());
    const { code, stderr } = await finished(child);
    expect(code).toBe(1);
    expect(stderr).toContain(`${out} cannot be written: permission is denied`);
  });
});

describe("pagefold simulate, asked for what cannot be", () => {
  it.each([
    [
      ["SMALL", "--set", "guests.0.workload.fil=3"],
      "guests[0].workload.fil is unknown: did you me",
    ],
    [
      ["SMALL", "--set", "guests.0.memory=1G"],
      "guests[0].memory cannot be 1.0 GiB: host.memory is",
    ],
    [["SMALL", "--set", "seconds"], 'cannot be "seconds": give KEY=VALUE'],
    [["SMALL", "--sweep", "seconds="], "a value is missing"],
    [["SMALL", "--sweep", "secnods=1,2"], "secnods is unknown: did you mean seconds?"],
    [["SMALL", "--sweep", "seconds=1", "--sweep", "seconds=2"], "--sweep seconds is given twice"],
    [["SMALL", "--set", "scanner.kind=none"], "leave them out with --set variants=[]"],
    [["SMALL", "--seed", "-1"], '--seed cannot be "-1"'],
    [["SMALL", "--jobs", "0"], '--jobs cannot be "0": give a count of runs'],
    [["SMALL", "--force"], "--force is for --out alone"],
    [["SMALL", "--sensitivity"], "only built-in scenarios have headlines"],
    [["zeroing", "--sensitivity", "--sweep", "seconds=1"], "takes no --sweep"],
    [
      ["ksm-fill", "--sensitivity"],
      "no parameter of it is to be changed; name one of ksm-plus-plus",
    ],
    [["SMALL", "--out", ""], '--out cannot be "": name a folder'],
    [["--list", "--describe", "linear"], "--list and --describe are two questions"],
    [["SMALL", "--list"], "--list runs nothing, and takes no scenario"],
    [["SMALL", "--describe", "linear"], "--describe runs nothing, and takes no scenario"],
    [["--describe", "linaer"], 'cannot be "linaer": it is unknown: did you mean linear?'],
    [
      ["idle-dedpu"],
      'no file is called "idle-dedpu", and as a built-in scenario it is unknown: did',
    ],
    [[], "no scenario is named: give a file, or one of ksm-plus-plus, "],
  ])("refuses %j, saying what to give", async (args, reason) => {
    const named = args.map((arg) => arg.replace("SMALL", small));
    await expect(run(...named)).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining(reason),
    });
  });

  it("exits with 2 and one line where the scenario is no JSON", async () => {
    const file = join(folder, "broken.json");
    await writeFile(file, '{\n  "seconds": 3,\n}\n');
    const { code, stdout, stderr } = await pagefold("simulate", file);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toBe(
      `pagefold: ${file} is no JSON from line 3, column 1 on, not expected: }; mend it there\n`,
    );
  });

  it("says so where the scenario's file is missing", async () => {
    await expect(run(join(folder, "none.json"))).rejects.toMatchObject({
      code: "NOT_FOUND",
      message: expect.stringContaining("there is no such file"),
    });
  });

  it.skipIf(whyNotUnprivileged() !== "")("exits with 1 where it may not be read", async () => {
    const file = join(folder, "secret.json");
    await writeFile(file, "{}", { mode: 0o600 });
    await chmod(folder, 0o755);
    const { code, stderr } = await finished(start(["simulate", file], unprivileged()));
    expect(code).toBe(1);
    expect(stderr).toContain(`${file} cannot be read: permission is denied`);
  });

  it("passes on what a run in another process refuses", async () => {
    const args = ["simulate", small, "--jobs", "2", "--set", "guests.0.memory=64K"];
    const { code, stdout, stderr } = await pagefold(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toBe(
      "pagefold: filled has 16 pages and is filled with 150; give it more memory or fill fewer\n",
    );
  });
});

describe.skipIf(process.platform !== "linux")("pagefold simulate, interrupted", () => {
  it("ends all its processes and exits with 130", async () => {
    const { child, runners } = await startLong();
    child.kill("SIGINT");
    expect(await finished(child)).toEqual({ code: 130, stdout: "", stderr: "" });
    expect(runners.filter(isAlive)).toEqual([]);
  });

  it("leaves no process behind where it is killed itself", async () => {
    const { child, runners } = await startLong();
    child.kill("SIGKILL");
    await finished(child);
    while (runners.some(isAlive)) await new Promise((resolve) => setTimeout(resolve, 50));
    expect(runners).toHaveLength(2);
  });
});
