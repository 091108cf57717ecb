/**
 * The lock of a log file: PATH.lock beside it, which names the process that has it by pid, start time and boot, since
 * Node has no flock.
 *
 * Holds always: a lock appears with its contents, as a link to a file written before (by an exclusive create where
 * the file system has no links). One whose owner is gone is replaced by a rename, and only by who holds a lock on that
 * lock, got in the same way: of several takers one wins. Where the owner cannot be told, the lock stands.
 *
 * Limit: an owner in another pid namespace, or on another machine that shares the folder, looks gone.
 */

import { link, open, readFile, rename, rm, writeFile } from "node:fs/promises";
import { PagefoldError } from "../../base/errors.ts";
import { fileError, shellQuoted, systemCode } from "../../base/file-error.ts";
import { secureRandom } from "../../base/random.ts";

/** Takers that died while taking over, one on top of the other, before a person is asked. */
const MOST_LEVELS = 4;
/** What a file system without links says. */
const NO_LINKS: ReadonlySet<string> = new Set([
  "EPERM",
  "ENOTSUP",
  "EOPNOTSUPP",
  "ENOSYS",
  "EMLINK",
]);
const BOOT_PATH = "/proc/sys/kernel/random/boot_id";
/** In the place of a start time or boot that the system does not tell. */
const UNKNOWN = "-";

export interface FileLock {
  /** Removes it; idempotent. */
  release(): Promise<void>;
}

interface Owner {
  readonly pid: number;
  /** In the system's ticks since it booted. */
  readonly start: string;
  readonly boot: string;
}

interface Wanted {
  /** The file the lock is for, for messages. */
  readonly path: string;
  readonly lockPath: string;
  readonly level: number;
}

/**
 * Locks `path` for this process.
 * @throws PagefoldError BUSY with the pid of who has it, this process included; else what the system says.
 */
export async function lockFile(path: string): Promise<FileLock> {
  const lockPath = `${path}.lock`;
  await acquire({ path, lockPath, level: 0 });
  let released: Promise<void> | null = null;
  return {
    release: () => {
      released ??= rm(lockPath, { force: true });
      return released;
    },
  };
}

/**
 * For who may not lock `path`.
 * @throws PagefoldError BUSY where somebody has it locked, NOT_PERMITTED where one may not look.
 */
export async function refuseLocked(path: string): Promise<void> {
  const owner = parseOwner((await readLock(`${path}.lock`)) ?? "");
  if (owner !== null && (await isAlive(owner))) throw busy(path, owner.pid);
}

async function acquire(wanted: Wanted): Promise<void> {
  const { lockPath } = wanted;
  const drawn = new Uint8Array(8);
  secureRandom(drawn);
  const ownPath = `${lockPath}.${Buffer.from(drawn).toString("hex")}`;
  try {
    const content = await ownContent();
    await writeDurably(ownPath, content);
    while (!(await place({ ownPath, lockPath, content }))) {
      if (await takeOver({ ...wanted, ownPath })) return;
    }
  } catch (cause) {
    throw fileError(`the lock ${lockPath}`, { act: "written", cause });
  } finally {
    await rm(ownPath, { force: true });
  }
}

async function ownContent(): Promise<string> {
  const start = (await readProcess(process.pid))?.start ?? UNKNOWN;
  return `pid ${process.pid} start ${start} boot ${await readBoot()}\n`;
}

/** After a power failure the lock must not be found empty. */
async function writeDurably(path: string, content: string): Promise<void> {
  const file = await open(path, "wx", 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Puts the lock where there is none: whether it did. */
async function place(lock: {
  readonly ownPath: string;
  readonly lockPath: string;
  readonly content: string;
}): Promise<boolean> {
  const { ownPath, lockPath, content } = lock;
  try {
    await link(ownPath, lockPath).catch((cause: unknown) => {
      if (!NO_LINKS.has(systemCode(cause))) throw cause;
      return writeFile(lockPath, content, { flag: "wx", mode: 0o600 });
    });
    return true;
  } catch (cause) {
    if (systemCode(cause) === "EEXIST") return false;
    throw cause;
  }
}

/** Replaces the lock of an owner that is gone: whether it did; false where the lock changed meanwhile. */
async function takeOver(wanted: Wanted & { readonly ownPath: string }): Promise<boolean> {
  const { path, lockPath, level, ownPath } = wanted;
  const found = await readLock(lockPath);
  if (found === null) return false;
  const owner = parseOwner(found);
  if (owner === null || level === MOST_LEVELS) throw undecided(path, lockPath);
  if (await isAlive(owner)) throw busy(path, owner.pid);
  const guardPath = `${lockPath}.taking`;
  await acquire({ path, lockPath: guardPath, level: level + 1 });
  try {
    // Who held the guard before may have replaced it.
    if ((await readLock(lockPath)) !== found) return false;
    await rename(ownPath, lockPath);
    return true;
  } finally {
    await rm(guardPath, { force: true });
  }
}

async function readLock(lockPath: string): Promise<string | null> {
  try {
    return await readFile(lockPath, "utf8");
  } catch (cause) {
    if (systemCode(cause) === "ENOENT") return null;
    throw fileError(`the lock ${lockPath}`, { act: "read", cause });
  }
}

function parseOwner(content: string): Owner | null {
  const [, pid, start, boot] = /^pid (\d+) start (\S+) boot (\S+)\n$/.exec(content) ?? [];
  if (pid === undefined || start === undefined || boot === undefined) return null;
  return { pid: Number(pid), start, boot };
}

async function isAlive({ pid, start, boot }: Owner): Promise<boolean> {
  if (boot !== (await readBoot())) return false;
  try {
    process.kill(pid, 0);
  } catch (cause) {
    // Anything but "no such process" (somebody else's, say) means there is one.
    if (systemCode(cause) === "ESRCH") return false;
  }
  const now = await readProcess(pid);
  return now === null || (!now.isDead && (start === UNKNOWN || now.start === start));
}

/** What Linux tells of a process: null where it does not. */
async function readProcess(pid: number): Promise<{ start: string; isDead: boolean } | null> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  // Fields 3 and 22; the second, the name in brackets, may hold anything.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state, start] = [fields[0], fields[19]];
  return state === undefined || start === undefined ? null : { start, isDead: /[ZX]/.test(state) };
}

async function readBoot(): Promise<string> {
  const boot = await readFile(BOOT_PATH, "utf8").catch(() => "");
  return boot.trim() || UNKNOWN;
}

function busy(path: string, pid: number): PagefoldError {
  const owner = pid === process.pid ? `this process (${pid})` : `process ${pid}`;
  return new PagefoldError(
    "BUSY",
    `${path} is in use by ${owner}: end that first, or choose another path`,
  );
}

function undecided(path: string, lockPath: string): PagefoldError {
  return new PagefoldError(
    "BUSY",
    `${path} is locked by ${lockPath}, which does not say by whom: if nothing uses the file, run rm ${shellQuoted(lockPath)}`,
  );
}
