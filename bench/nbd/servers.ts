/**
 * The servers that are raced, each a process of its own on a Unix socket. One that cannot take part says why; pagefold
 * is run as it is published, compiled.
 */

import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, statfsSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { stopwatchClock } from "../../src/base/clock.ts";
import { NbdClient } from "../../src/nbd/client/client.ts";
import { isRunning, MEMORY_FOLDER, type Processes } from "./processes.ts";

/** The published command, compiled. */
export const PAGEFOLD_MAIN = fileURLToPath(new URL("../../dist/src/cli/main.js", import.meta.url));
const MOST_SECONDS_TO_START = 30;

/** Where a server listens and how much it serves. */
interface Place {
  readonly socketPath: string;
  readonly sizeBytes: number;
}

export interface ServerKind {
  readonly name: string;
  /** Why it takes no part here, or null if it does. */
  obstacle(sizeBytes: number): string | null;
  /** What to run; makes the files it needs beside the socket. */
  command(place: Place): readonly [program: string, ...args: string[]];
}

export interface Server {
  readonly name: string;
  readonly socketPath: string;
  readonly uri: string;
  stop(): Promise<void>;
}

/** The first line a program says of its version, or null where it is not installed. */
export function versionOf(program: string): string | null {
  const asked = spawnSync(program, ["--version"], { encoding: "utf8" });
  return asked.error ? null : (asked.stdout.split("\n")[0]?.trim() ?? "");
}

/** Why a program takes no part, or null if it is installed. */
export const absent = (program: string): string | null =>
  versionOf(program) === null ? `${program} is not installed` : null;

function nbdkit(name: string, allocator: "sparse" | "zstd"): ServerKind {
  const program = "nbdkit";
  return {
    name,
    obstacle() {
      const missing = absent(program);
      if (missing !== null || allocator === "sparse") return missing;
      const plugin = spawnSync(program, ["memory", "--dump-plugin"], { encoding: "utf8" }).stdout;
      return plugin.includes("\nzstd=yes") ? null : "this nbdkit was built without zstd";
    },
    command: ({ socketPath, sizeBytes }) => [
      ...([program, "--exit-with-parent", "-f", "-U", socketPath] as const),
      ...["memory", `size=${sizeBytes}`, `allocator=${allocator}`],
    ],
  };
}

function pagefold(name: string, codec: "lz4" | "lz4-fast"): ServerKind {
  return {
    name,
    obstacle: () => (existsSync(PAGEFOLD_MAIN) ? null : "it is not built; npm run build does it"),
    command: ({ socketPath, sizeBytes }) => [
      ...([process.execPath, PAGEFOLD_MAIN, "serve", "--codec", codec] as const),
      ...["--size", String(sizeBytes), "--socket", socketPath],
    ],
  };
}

export const PAGEFOLD = pagefold("pagefold serve", "lz4");
const PAGEFOLD_FAST = pagefold("pagefold lz4-fast", "lz4-fast");
export const NBDKIT = nbdkit("nbdkit memory", "sparse");
export const NBDKIT_ZSTD = nbdkit("nbdkit memory zstd", "zstd");

const QEMU: ServerKind = {
  name: "qemu-nbd on tmpfs",
  obstacle(sizeBytes) {
    if (!existsSync(MEMORY_FOLDER)) return `there is no ${MEMORY_FOLDER} for its file`;
    const { bavail, bsize } = statfsSync(MEMORY_FOLDER);
    return bavail * bsize < 2 * sizeBytes
      ? `${MEMORY_FOLDER} has no room for its file`
      : absent("qemu-nbd");
  },
  command({ socketPath, sizeBytes }) {
    const image = `${socketPath}.image`;
    writeFileSync(image, "");
    truncateSync(image, sizeBytes);
    return [
      ...(["qemu-nbd", "--persistent", "--shared=0", "--format=raw"] as const),
      ...["--cache=writeback", `--socket=${socketPath}`, image],
    ];
  },
};

export const SERVERS: readonly ServerKind[] = [PAGEFOLD, PAGEFOLD_FAST, NBDKIT, NBDKIT_ZSTD, QEMU];

/** Starts a server and waits until it serves. */
export async function startServer(
  kind: ServerKind,
  options: { readonly processes: Processes; readonly sizeBytes: number },
): Promise<Server> {
  const { processes, sizeBytes } = options;
  const folder = mkdtempSync(join(processes.folder, "server-"));
  const socketPath = join(folder, "socket");
  const uri = `nbd+unix:///?socket=${socketPath}`;
  const [program, ...args] = kind.command({ socketPath, sizeBytes });
  const child = spawn(program, args, { stdio: ["ignore", "ignore", "inherit"] });
  processes.add(child);
  const deadline = stopwatchClock.seconds() + MOST_SECONDS_TO_START;
  for (;;) {
    const obstacle = await connectOnce(uri);
    if (obstacle === null) break;
    if (!isRunning(child) || stopwatchClock.seconds() > deadline)
      throw new Error(`${kind.name} does not serve`, { cause: obstacle });
    await setTimeout(20);
  }
  const stop = async (): Promise<void> => {
    await processes.stop(child);
    rmSync(folder, { recursive: true });
  };
  return { name: kind.name, socketPath, uri, stop };
}

/** What kept our client from an export, or null. */
async function connectOnce(uri: string): Promise<unknown> {
  try {
    const client = await NbdClient.connect(uri);
    await client.disconnect();
    return null;
  } catch (cause) {
    return cause;
  }
}
