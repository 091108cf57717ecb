/**
 * The memory of a running process, opened for reading through /proc/PID/{maps,pagemap,mem}. Nothing is stopped and
 * nothing is written; a page that lies in swap is brought back by being read, as by any access.
 *
 * Holds always: opening answers each reason it cannot work with one PagefoldError; reading a page never throws, it says
 * why the page was not to be had. Which pages are worth reading is capture.ts's matter.
 */

import { closeSync, openSync, readFileSync, readSync, statSync } from "node:fs";
import { PagefoldError } from "../base/errors.ts";
import { systemCode } from "../base/file-error.ts";
import { printable } from "../base/text.ts";
import { PAGE_BYTES } from "../base/units.ts";
import type { Unreadable } from "../report/result.ts";
import { type Mapping, PAGEMAP_ENTRY_BYTES, parseMaps, systemPageBytes } from "./proc.ts";

/** Linux's PID_MAX_LIMIT on 64 bits. */
export const PID_MAX = 2 ** 22;

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (cause) {
    return systemCode(cause) === "EPERM";
  }
}

function notPermitted(pid: number, options: { name: string; cause: unknown }): PagefoldError {
  const { name, cause } = options;
  const user = process.getuid?.() ?? 0;
  let owner = "another user";
  try {
    owner = `user ${statSync(`/proc/${pid}`).uid}`;
  } catch {
    // Hidden by the hidepid mount option: the owner stays unnamed.
  }
  const scope = readText("/proc/sys/kernel/yama/ptrace_scope").trim();
  const yama =
    scope !== "" && scope !== "0"
      ? `, or as root allow it to every process of the same user with "sysctl kernel.yama.ptrace_scope=0" (it is ${scope})`
      : "";
  const remedy =
    user === 0
      ? "root needs CAP_SYS_PTRACE here: start the container with --cap-add=SYS_PTRACE, or run outside it"
      : `run pagefold as root or as the process's own user${yama}`;
  return new PagefoldError(
    "NOT_PERMITTED",
    `process ${pid}${name} belongs to ${owner} and user ${user} is not permitted to read its memory; ${remedy}`,
    { cause },
  );
}

/** The memory of one process; `close` it. */
export class ProcessMemory {
  readonly pid: number;
  /** The program's short name, as ps shows it. */
  readonly command: string;
  readonly mappings: readonly Mapping[];
  readonly #pagemap: number;
  readonly #mem: number;

  private constructor(
    pid: number,
    parts: { command: string; mappings: readonly Mapping[]; pagemap: number; mem: number },
  ) {
    this.pid = pid;
    this.command = parts.command;
    this.mappings = parts.mappings;
    this.#pagemap = parts.pagemap;
    this.#mem = parts.mem;
  }

  /**
   * Opens process `pid`.
   * @throws PagefoldError INVALID_ARGUMENT for what is no process id, UNSUPPORTED where this is not Linux with
   * 4096-byte pages or the process is a kernel thread, NOT_FOUND, NOT_PERMITTED.
   */
  static open(pid: number): ProcessMemory {
    if (!Number.isInteger(pid) || pid < 1 || pid > PID_MAX) {
      throw new PagefoldError(
        "INVALID_ARGUMENT",
        `${pid} is not a process id: give a whole number from 1 to ${PID_MAX}, such as one from ps`,
      );
    }
    if (process.platform !== "linux") {
      throw new PagefoldError(
        "UNSUPPORTED",
        `capture reads Linux's /proc and this is ${process.platform}; run it on Linux and analyze the file anywhere`,
      );
    }
    const pageBytes = systemPageBytes();
    if (pageBytes !== PAGE_BYTES) {
      throw new PagefoldError(
        "UNSUPPORTED",
        `the pages of this system are ${pageBytes} bytes and capture knows only ${PAGE_BYTES}; boot a kernel with ${PAGE_BYTES}-byte pages`,
      );
    }
    const command = printable(readText(`/proc/${pid}/comm`).trim());
    const name = command && ` (${command})`;
    const opened: number[] = [];
    try {
      const mappings = parseMaps(readFileSync(`/proc/${pid}/maps`, "utf8"));
      if (mappings.length === 0) {
        const isZombie = /\) [ZX] /.test(readText(`/proc/${pid}/stat`));
        throw new PagefoldError(
          "UNSUPPORTED",
          `process ${pid}${name} has no memory of its own: ${isZombie ? "it has ended and waits for its parent" : "it is a kernel thread"}; name a running program`,
        );
      }
      for (const part of ["pagemap", "mem"]) opened.push(openSync(`/proc/${pid}/${part}`, "r"));
      return new ProcessMemory(pid, { command, mappings, pagemap: opened[0]!, mem: opened[1]! });
    } catch (cause) {
      for (const fd of opened) closeSync(fd);
      if (cause instanceof PagefoldError) throw cause;
      const isMissing = ["ENOENT", "ESRCH"].includes(systemCode(cause)) && !isRunning(pid);
      if (!isMissing) throw notPermitted(pid, { name, cause });
      throw new PagefoldError(
        "NOT_FOUND",
        `there is no process ${pid}; list the running ones with ps -e`,
        { cause },
      );
    }
  }

  /** Fills `entries` (two 32-bit words each) with the pagemap entries from `firstPage` on: how many there were. */
  entries(firstPage: number, entries: Uint32Array): number {
    try {
      const position = BigInt(firstPage) * BigInt(PAGEMAP_ENTRY_BYTES);
      const bytes = readSync(this.#pagemap, entries, { position });
      return Math.floor(bytes / PAGEMAP_ENTRY_BYTES);
    } catch {
      return 0;
    }
  }

  /** Copies the pages from `page` on into `target`: the bytes copied, or why not even the first could be. */
  read(page: number, target: Uint8Array): number | Unreadable {
    try {
      const position = BigInt(page) * BigInt(PAGE_BYTES);
      const bytes = readSync(this.#mem, target, { position });
      return bytes === 0 ? "gone" : bytes;
    } catch (cause) {
      const code = systemCode(cause);
      if (code === "EPERM" || code === "EACCES") return "permission";
      return code === "ESRCH" ? "gone" : "other";
    }
  }

  close(): void {
    closeSync(this.#pagemap);
    closeSync(this.#mem);
  }
}
