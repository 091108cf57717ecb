/**
 * The caches that are raced, each a process of its own on a Unix socket in front of a copy of the same file. What is
 * cached may fill memory as it likes: pagefold's default of 256 MiB, the system's page cache, a file in memory.
 */

import { existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import type { CacheMode } from "../../src/index.ts";
import { MEMORY_FOLDER } from "../nbd/processes.ts";
import { absent, PAGEFOLD, PAGEFOLD_MAIN, type ServerKind } from "../nbd/servers.ts";

interface Cached {
  readonly mode: CacheMode;
  /** The file. */
  readonly origin: string;
  readonly socketPath: string;
}

interface Contestant {
  readonly name: string;
  /** Why it takes no part here, or null if it does. */
  obstacle(): string | null;
  command(cached: Cached): readonly [program: string, ...args: string[]];
}

export interface CacheKind extends ServerKind {
  readonly origin: string;
}

/** `more` is for the command line. */
const pagefold = (more: readonly string[]): Contestant => ({
  name: "pagefold --cache-of",
  obstacle: () => PAGEFOLD.obstacle(0),
  command: ({ mode, origin, socketPath }) => [
    ...([process.execPath, PAGEFOLD_MAIN, "serve", "--cache-of", origin] as const),
    ...["--cache-mode", mode, "--socket", socketPath, ...more],
  ],
});

/** As it comes: its cache is the system's, in both modes a write is done when that has it. */
const QEMU: Contestant = {
  name: "qemu-nbd",
  obstacle: () => absent("qemu-nbd"),
  command: ({ origin, socketPath }) => [
    ...(["qemu-nbd", "--persistent", "--shared=0", "--format=raw"] as const),
    ...[`--socket=${socketPath}`, origin],
  ],
};

/**
 * What was read is cached too, in blocks of a page: in its usual ones of 64 KiB a read of 4 KiB copies all of them, a
 * third slower. Seen with its stats filter below: no read that hits reaches the file (2026-11-21).
 */
const nbdkit = (name: string, threads: readonly string[]): Contestant => ({
  name,
  obstacle: () => absent("nbdkit"),
  command: ({ mode, origin, socketPath }) => {
    const folder = join(dirname(socketPath), "cached");
    mkdirSync(folder);
    const inMemory = existsSync(MEMORY_FOLDER) ? [`TMPDIR=${folder}`] : [];
    return [
      ...(["env", ...inMemory, "nbdkit", "--exit-with-parent", "-f", "-U", socketPath] as const),
      ...[...threads, "--filter=cache", "file", origin, `cache=${mode.replace("-", "")}`],
      ...["cache-on-read=true", "cache-min-block-size=4096"],
    ];
  },
});

const OURS = pagefold([]);
/** One thread may do better with one connection, the usual sixteen with several. */
const RIVALS: readonly Contestant[] = [
  QEMU,
  nbdkit("nbdkit cache", []),
  nbdkit("nbdkit cache -t 1", ["--threads=1"]),
];

/** Who takes no part here, and why. @throws Error where that is ours. */
export function absentRivals(): string[] {
  const unbuilt = OURS.obstacle();
  if (unbuilt !== null) throw new Error(`${OURS.name} cannot be measured: ${unbuilt}`);
  return RIVALS.flatMap((rival) => {
    const obstacle = rival.obstacle();
    return obstacle === null ? [] : [`${rival.name}: ${obstacle}`];
  });
}

function kindOf(
  { name, obstacle, command }: Contestant,
  mode: CacheMode,
  origin: string,
): CacheKind {
  return {
    name,
    origin,
    obstacle,
    command: ({ socketPath }) => command({ mode, origin, socketPath }),
  };
}

/** Ours first, then the rivals that are there, each with a file of its own. */
export function cacheKinds(mode: CacheMode, newOrigin: () => string): CacheKind[] {
  const present = RIVALS.filter((rival) => rival.obstacle() === null);
  return [OURS, ...present].map((contestant) => kindOf(contestant, mode, newOrigin()));
}

/** Ours alone, in write-back mode. */
export function ownKind(origin: string, options: { readonly memoryLimit: number }): CacheKind {
  return kindOf(pagefold(["--memory-limit", String(options.memoryLimit)]), "write-back", origin);
}
