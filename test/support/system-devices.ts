/** What only root gets from the system: loop devices over a file, and small file systems. Each gives its undoing. */

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, rm, truncate, writeFile } from "node:fs/promises";

const ENVIRONMENT = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
const TOOLS = ["losetup", "addpart", "blkdiscard", "mke2fs"];

function run(command: string, ...args: readonly string[]): string {
  const options = { encoding: "utf8", env: ENVIRONMENT } as const;
  const { status, stdout, stderr, error } = spawnSync(command, args, options);
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${stderr ?? error}`);
  return stdout.trim();
}

/** Why there are no mounts here, or "". */
export function whyNoMounts(): string {
  if (process.platform !== "linux") return "needs Linux";
  if (process.getuid?.() !== 0) return "needs root";
  return spawnSync("sh", ["-c", "unshare --mount true"]).status === 0
    ? ""
    : "needs the right to mount";
}

/** Why there are no loop devices here, or "". */
export function whyNoLoopDevices(): string {
  if (whyNoMounts() !== "") return whyNoMounts();
  if (!existsSync("/dev/loop-control")) return "needs /dev/loop-control";
  const missing = TOOLS.filter(
    (tool) => spawnSync("sh", ["-c", `command -v ${tool}`], { env: ENVIRONMENT }).status !== 0,
  );
  return missing.length === 0 ? "" : `needs ${missing.join(", ")}`;
}

export interface SystemThing {
  readonly path: string;
  /** Undoes it; idempotent. */
  readonly remove: () => Promise<void>;
}

/** A block device of that size, over a file made at `filePath`. */
export async function loopDevice(filePath: string, sizeBytes: number): Promise<SystemThing> {
  await writeFile(filePath, "");
  await truncate(filePath, sizeBytes);
  const path = run("losetup", "--find", "--show", "--partscan", filePath);
  return {
    path,
    remove: once(async () => {
      run("losetup", "--detach", path);
      await rm(filePath);
    }),
  };
}

/** A file system in memory of that size, mounted on a new folder. */
export async function smallFileSystem(folder: string, sizeBytes: number): Promise<SystemThing> {
  await mkdir(folder);
  run("mount", "-t", "tmpfs", "-o", `size=${sizeBytes}`, "tmpfs", folder);
  return { path: folder, remove: unmounting(folder) };
}

/** Gives a file system in memory another size. */
export function resizeFileSystem(folder: string, sizeBytes: number): void {
  run("mount", "-o", `remount,size=${sizeBytes}`, folder);
}

/** An ext2 file system on the device, mounted on a new folder. */
export async function mounted(device: string, folder: string): Promise<SystemThing> {
  await mkdir(folder);
  run("mke2fs", "-q", "-F", device);
  run("mount", device, folder);
  return { path: folder, remove: unmounting(folder) };
}

/** Gives the device one partition of `sizeBytes` behind its first 32 KiB: its path. */
export function partitioned(device: string, sizeBytes: number): string {
  run("addpart", device, "1", "64", String(sizeBytes / 512));
  return `${device}p1`;
}

function unmounting(folder: string): () => Promise<void> {
  return once(async () => {
    run("umount", folder);
    await rm(folder, { recursive: true });
  });
}

function once(undo: () => Promise<void>): () => Promise<void> {
  let undone: Promise<void> | null = null;
  return () => {
    undone ??= undo();
    return undone;
  };
}
