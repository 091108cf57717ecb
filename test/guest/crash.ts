/**
 * One guest that changes files on a cached disk until it and the server are killed in the midst of it, and what its
 * disk holds then. Before that the disk is copied several times while the server is stopped: what a SIGKILL at that
 * moment would have left, since the server's memory is all that it takes.
 */

import {
  copyFileSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { ServerStatus } from "../../src/report/result.ts";
import { type Served, serveForAll } from "../support/served.ts";
import { type Guest, nbdDisk, startGuest } from "./boot.ts";
import { cleanUp, makeScratch } from "./cleanup.ts";
import { type FileSystem, recoverFileSystem } from "./file-system.ts";
import type { KernelFolder } from "./kernel.ts";
import { pathOf } from "./tools.ts";

const TIMEOUT_MS = 10 * 60_000;
/** No whole number of pages. */
const DISK_BYTES = 96 * 2 ** 20 + 3 * 512;

export interface CrashOptions {
  readonly kernel: KernelFolder;
  /** Of `pagefold serve --cache-of`, beside the disk. */
  readonly server: (folder: string) => readonly string[];
  /** Of what the guest does. */
  readonly seed: number;
  /** Changes of files before each copy. */
  readonly copiesAfter: readonly number[];
  /** Changes of files before the kill. */
  readonly killAfter: number;
  /** What the cache has to hold, and the disk not, at either. */
  readonly dirtyBytes: number;
}

export interface Moment {
  /** Checksums of files, null where one is gone, as the guest said last; without the file it was changing. */
  readonly durable: ReadonlyMap<string, string | null>;
  readonly found: FileSystem;
}

export interface Crash {
  /** The copies, then the kill. */
  readonly moments: readonly Moment[];
  /** Shortly before the kill. */
  readonly status: ServerStatus;
}

/** From lines of files.py; one that is not whole was not said. */
function durableIn(report: string): Map<string, string | null> {
  const durable = new Map<string, string | null>();
  for (const [, kind, name, sum] of report.matchAll(/^(changing|is|gone) (\S+)(?: (\S+))?\r?\n/gm))
    if (kind === "changing") durable.delete(name!);
    else durable.set(name!, sum ?? null);
  return durable;
}

const changesIn = (report: string) => report.match(/^(is|gone) .*\n/gm)?.length ?? 0;

/** Runs `look` while no thread of the process runs. */
async function whileStopped<Seen>(pid: number, look: () => Seen): Promise<Seen> {
  const isStopped = () =>
    readdirSync(`/proc/${pid}/task`).every((thread) =>
      /\) T /.test(readFileSync(`/proc/${pid}/task/${thread}/stat`, "utf8")),
    );
  process.kill(pid, "SIGSTOP");
  try {
    while (!isStopped()) await wait(1);
    return look();
  } finally {
    process.kill(pid, "SIGCONT");
  }
}

class Session {
  readonly #guest: Guest;
  readonly #served: Served;
  readonly #deadline = AbortSignal.timeout(TIMEOUT_MS);

  constructor(guest: Guest, served: Served) {
    this.#guest = guest;
    this.#served = served;
  }

  /** Waits until the guest has made so many changes, and the cache holds so much that the disk lacks. */
  async until({ changes, dirtyBytes }: { changes: number; dirtyBytes: number }) {
    for (;;) {
      const status = await this.#served.status();
      const isDirty = status.cache!.dirty_bytes >= dirtyBytes;
      if (isDirty && changesIn(this.#guest.report()) >= changes) return status;
      this.#checkAlive();
      await wait(10);
    }
  }

  #checkAlive(): void {
    const { qemu, report, traces } = this.#guest;
    const hasEnded = qemu.exitCode !== null || qemu.signalCode !== null;
    if (!hasEnded && !this.#deadline.aborted && !/^failed /m.test(report())) return;
    throw new Error(`the guest changes no files${hasEnded ? ", QEMU has ended" : ""}\n${traces()}`);
  }
}

/** One at a time: it leaves no process and no temporary file of this one. */
export async function crash(options: CrashOptions): Promise<Crash> {
  const { kernel, server, seed, copiesAfter, killAfter, dirtyBytes } = options;
  const scratch = makeScratch();
  const disk = join(scratch, "disk");
  writeFileSync(disk, "");
  truncateSync(disk, DISK_BYTES);
  const served = await serveForAll((folder) => ["--cache-of", disk, ...server(folder)]);
  try {
    const program = [pathOf("python3"), "-I", "-S", "-B", "-", "/mnt", `${seed}`];
    const plan = [`endure /dev/vda ${pathOf("mkfs.ext4")} ${program.join(" ")}`];
    const guest = startGuest({ kernel, plan, scratch, devices: nbdDisk(served.socketPath) });
    const session = new Session(guest, served);
    const moments: Moment[] = [];
    for (const changes of copiesAfter) {
      await session.until({ changes, dirtyBytes });
      const copy = join(scratch, `copy-${changes}`);
      const durable = await whileStopped(served.pid, () => {
        copyFileSync(disk, copy);
        return durableIn(guest.report());
      });
      moments.push({ durable, found: recoverFileSystem(copy) });
      rmSync(copy);
    }
    const status = await session.until({ changes: killAfter, dirtyBytes });
    guest.qemu.kill("SIGKILL");
    await served.end("SIGKILL");
    moments.push({ durable: durableIn(guest.report()), found: recoverFileSystem(disk) });
    return { moments, status };
  } finally {
    await served.stop();
    cleanUp();
  }
}
