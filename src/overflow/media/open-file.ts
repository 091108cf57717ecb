/**
 * Opens what a file medium stands on: a regular file, made where there is none and grown to its size, or a block
 * device.
 *
 * Holds always: either all of it succeeds, or nothing is left open, locked or lying about.
 */

import { constants } from "node:fs";
import { type FileHandle, open, realpath, rm, stat, statfs } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { PagefoldError } from "../../base/errors.ts";
import { fileError, systemCode } from "../../base/file-error.ts";
import { formatSize } from "../../base/units.ts";
import { blockDeviceBytes, heldDevice, refuseUsedDevice } from "./block-device.ts";
import { type FileLock, lockFile } from "./lock.ts";
import { runTool } from "./run-tool.ts";

export interface MediumFile {
  readonly file: FileHandle;
  /** Null for a block device, whose exclusive open is the lock. */
  readonly lock: FileLock | null;
  readonly isBlockDevice: boolean;
}

interface Wanted {
  readonly path: string;
  readonly sizeBytes: number;
}

/** @throws PagefoldError, see `FileMedium.open`. */
export async function openMediumFile(wanted: Wanted): Promise<MediumFile> {
  const { path } = wanted;
  try {
    const found = await statOrNull(path);
    if (found?.isBlockDevice()) return await openBlockDevice(wanted, found.rdev);
    if (found === null) return await openLocked(wanted, await placeOfNew(path));
    if (found.isFile()) return await openLocked(wanted, await realpath(path));
    const kind = found.isDirectory() ? "a directory" : "neither a regular file nor a block device";
    throw new PagefoldError(
      "INVALID_ARGUMENT",
      `${path} cannot hold the log, it is ${kind}: name a file, which is made where there is none, or a block device`,
    );
  } catch (cause) {
    throw fileError(path, { act: "written", cause });
  }
}

async function statOrNull(path: string) {
  try {
    return await stat(path, { bigint: true });
  } catch (cause) {
    if (systemCode(cause) === "ENOENT") return null;
    throw cause;
  }
}

/** Where a new file will lie, its folder's links followed, so that the lock lies at one place only. */
async function placeOfNew(path: string): Promise<string> {
  const folder = dirname(path);
  try {
    return join(await realpath(folder), basename(path));
  } catch (cause) {
    if (systemCode(cause) !== "ENOENT") throw cause;
    throw new PagefoldError(
      "NOT_FOUND",
      `${path} cannot be made, there is no folder ${folder}: make it, or choose another path`,
      { cause },
    );
  }
}

async function openLocked({ path, sizeBytes }: Wanted, realPath: string): Promise<MediumFile> {
  const lock = await lockFile(realPath);
  let file: FileHandle | null = null;
  let isNew = false;
  try {
    ({ file, isNew } = await openOrMake(realPath));
    await grow({ path, sizeBytes }, file);
    return { file, lock, isBlockDevice: false };
  } catch (cause) {
    await file?.close();
    if (isNew) await rm(realPath, { force: true });
    await lock.release();
    throw cause;
  }
}

async function openOrMake(path: string): Promise<{ file: FileHandle; isNew: boolean }> {
  try {
    return { file: await open(path, "wx+", 0o600), isNew: true };
  } catch (cause) {
    if (systemCode(cause) !== "EEXIST") throw cause;
  }
  return { file: await open(path, "r+"), isNew: false };
}

/** Makes the file large enough and, where that is cheap, takes the room for it now. */
async function grow({ path, sizeBytes }: Wanted, file: FileHandle): Promise<void> {
  const { size, blocks } = await file.stat();
  const lackingBytes = sizeBytes - blocks * 512;
  const { blocks: allBlocks, bavail, bsize } = await statfs(path);
  const freeBytes = bavail * bsize;
  // Some file systems of user space tell nothing: zeros.
  if (allBlocks > 0 && lackingBytes > freeBytes) throw lacksRoom(path, { sizeBytes, freeBytes });
  if (size < sizeBytes) await file.truncate(sizeBytes);
  if (lackingBytes <= 0) return;
  const args = ["--offset", "0", "--length", String(sizeBytes)];
  const failure = await runTool("fallocate", { args, fd: file.fd });
  // Any other failure: the file system or the machine has no such thing, and room is taken as it is written.
  if (failure === null || !/No space left|quota/i.test(failure)) return;
  await file.truncate(size);
  throw lacksRoom(path, { sizeBytes, freeBytes });
}

function lacksRoom(
  path: string,
  { sizeBytes, freeBytes }: { readonly sizeBytes: number; readonly freeBytes: number },
): PagefoldError {
  return new PagefoldError(
    "NO_SPACE",
    `${path} cannot be ${formatSize(sizeBytes)} large, its file system has ${formatSize(freeBytes)} left: free some, or choose a smaller size or another folder`,
  );
}

async function openBlockDevice({ path, sizeBytes }: Wanted, device: bigint): Promise<MediumFile> {
  const deviceBytes = await blockDeviceBytes(path, device);
  if (sizeBytes > deviceBytes) {
    throw new PagefoldError(
      "INVALID_ARGUMENT",
      `${path} cannot hold ${formatSize(sizeBytes)} (${sizeBytes} bytes), the device has ${formatSize(deviceBytes)} (${deviceBytes} bytes): choose a smaller size`,
    );
  }
  await refuseUsedDevice(path, device);
  try {
    const file = await open(path, constants.O_RDWR | constants.O_EXCL);
    return { file, lock: null, isBlockDevice: true };
  } catch (cause) {
    throw systemCode(cause) === "EBUSY" ? heldDevice(path) : cause;
  }
}
