/**
 * The kernel's side of a comparison: a filling as pages and contents goes to drive.py, which fills memory with it and
 * drives /sys/kernel/mm/ksm. Every knob is as it was found when a run ends, by ^C or SIGTERM too.
 */

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants, existsSync } from "node:fs";
import { release } from "node:os";
import { fileURLToPath } from "node:url";
import { orderOf } from "../../src/simulator/scanners/ksm/content-order.ts";
import { type Reading, readingsOf } from "./counters.ts";
import type { KsmFilling } from "./fillings.ts";
import { fillingOf } from "./simulated.ts";

const KSM = "/sys/kernel/mm/ksm";
const DRIVER = fileURLToPath(new URL("drive.py", import.meta.url));
/** drive.py's way to say that KSM is not to be had. */
const OBSTACLE_EXIT = 2;

export class KsmObstacle extends Error {}

/** The first kernel whose scanner looks at a page's checksum before it searches, as the simulator does by default. */
const FIRST_RELEASE = { major: 6, minor: 11 };

/** Why the kernel's KSM cannot be driven here, or null if it can. */
export function ksmObstacle(): string | null {
  if (process.platform !== "linux") return "KSM is a part of Linux";
  if (!existsSync(`${KSM}/run`)) return `this kernel has no KSM (${KSM} is not there)`;
  if (process.getuid?.() !== 0) return "setting its knobs needs root";
  try {
    accessSync(`${KSM}/run`, constants.W_OK);
  } catch {
    return `${KSM} is not writable here, as in a container`;
  }
  const [major = 0, minor = 0] = release().split(".").map(Number);
  if (major < FIRST_RELEASE.major || (major === FIRST_RELEASE.major && minor < FIRST_RELEASE.minor))
    return `Linux ${release()} scans in another order than kernels since 6.11 do`;
  const python = spawnSync("python3", ["-c", "import mmap; mmap.MADV_MERGEABLE"]);
  return python.status === 0 ? null : "filling memory needs python3 (3.8 or later)";
}

export function kernelRelease(): string {
  return `Linux ${release().split("-")[0]}`;
}

/** Between wake-ups: pages and the words they are filled with in turn, pages discarded. */
interface Step {
  readonly write: number[];
  readonly discard: number[];
}

/** What to write and discard before the first wake-up (0) and after each; the last word on a page counts. */
function stepsOf(one: KsmFilling): { pages: number; steps: Record<number, Step> } {
  const steps: Record<number, Step> = {};
  const last = new Map<number, number | null>();
  const target = {
    // Pages that are words compare as the simulator's contents do: trees are the same, and what is seen on the way.
    write: (page: number, content: number) => void last.set(page, orderOf(content)),
    discard: (page: number) => void last.set(page, null),
  };
  const filling = fillingOf(one);
  for (let wake = 0; wake < one.wakes; wake++) {
    if (wake === 0) filling.start(target);
    else filling.afterPass(wake, target);
    if (last.size === 0) continue;
    const pages = [...last].sort(([left], [right]) => left - right);
    steps[wake] = {
      write: pages.flatMap(([page, word]) => (word === null ? [] : [page, word])),
      discard: pages.flatMap(([page, word]) => (word === null ? [page] : [])),
    };
    last.clear();
  }
  return { pages: filling.pages, steps };
}

/** What the kernel shows after each wake-up, one batch of pages. */
export async function kernelReadings(one: KsmFilling): Promise<Reading[]> {
  const driver = spawn("python3", [DRIVER], { stdio: ["pipe", "pipe", "pipe"] });
  // A ^C reaches drive.py by itself; this waits for it to put the knobs back.
  let endedBy: NodeJS.Signals | null = null;
  const stop = (signal: NodeJS.Signals): void => {
    endedBy = signal;
    driver.kill("SIGTERM");
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  try {
    let output = "";
    let words = "";
    driver.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    driver.stderr.setEncoding("utf8").on("data", (text: string) => {
      words += text;
    });
    driver.stdin.end(JSON.stringify({ ...stepsOf(one), knobs: one.knobs, wakes: one.wakes }));
    const [status] = (await once(driver, "close")) as [number | null];
    if (status === OBSTACLE_EXIT) throw new KsmObstacle(words.trim());
    if (status !== 0) throw new Error(`drive.py ended with ${status}: ${words}`);
    const lines = output.trim().split("\n");
    return readingsOf(lines.map((line) => JSON.parse(line) as Record<string, number>));
  } finally {
    process.off("SIGINT", stop);
    process.off("SIGTERM", stop);
    if (endedBy !== null) process.kill(process.pid, endedBy);
  }
}
