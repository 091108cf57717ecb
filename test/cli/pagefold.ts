/** Runs the command line as a user does, in a process of its own. About half a second each: few and telling. */

import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const ROOT = fileURLToPath(new URL("../..", import.meta.url));

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts it; the arguments are pagefold's own. */
export function start(args: readonly string[], options: SpawnOptions = {}): ChildProcess {
  return spawn(process.execPath, ["--import", "tsx", MAIN, ...args], { cwd: ROOT, ...options });
}

/** Waits for the end of a started one. */
export async function finished(child: ChildProcess): Promise<Finished> {
  let stdout = "";
  let stderr = "";
  child.stdout?.setEncoding("utf8").on("data", (text) => {
    stdout += text;
  });
  child.stderr?.setEncoding("utf8").on("data", (text) => {
    stderr += text;
  });
  const [code] = (await once(child, "close")) as [number | null];
  return { code, stdout, stderr };
}

/** Runs it to its end. */
export function pagefold(...args: readonly string[]): Promise<Finished> {
  return finished(start(args));
}

/** Who may read neither root's files nor root's processes: ourselves, or nobody where we are root. */
export function unprivileged(): SpawnOptions {
  return process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
}

/** Why a test cannot run as `unprivileged()`, or "": nobody may be kept out of the folder the project lies in. */
export function whyNotUnprivileged(): string {
  if (!process.getuid) return "needs users as Unix has them";
  const args = ["-e", `fs.readFileSync(${JSON.stringify(MAIN)})`];
  const { status } = spawnSync(process.execPath, args, unprivileged());
  return status === 0 ? "" : "nobody may not read the project's folder";
}
