/**
 * What Linux tells of a block device: how large it is, and whether it, or a part of it, is in use as a file system, as
 * swap or below another device. The exclusive open keeps others out; this says in words who is in already.
 */

import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { PagefoldError } from "../../base/errors.ts";
import { systemCode } from "../../base/file-error.ts";

const SECTOR_BYTES = 512;

/** `8:1` from a device number as Linux packs it. */
function deviceName(device: bigint): string {
  const major = ((device >> 8n) & 0xfffn) | ((device >> 32n) & 0xfffff000n);
  const minor = (device & 0xffn) | ((device >> 12n) & 0xffffff00n);
  return `${major}:${minor}`;
}

/**
 * Bytes of the device.
 * @throws PagefoldError UNSUPPORTED where the system does not say.
 */
export async function blockDeviceBytes(path: string, device: bigint): Promise<number> {
  const text = await readFile(join(folderOf(deviceName(device)), "size"), "utf8").catch(() => "");
  const bytes = Number.parseInt(text, 10) * SECTOR_BYTES;
  if (Number.isSafeInteger(bytes)) return bytes;
  throw new PagefoldError(
    "UNSUPPORTED",
    `${path} is a block device and the system does not tell its size in /sys/dev/block: use a regular file`,
  );
}

/** Whether the device takes no writes: the system lets root open it for them all the same. */
export async function isReadOnlyDevice(device: bigint): Promise<boolean> {
  const text = await readFile(join(folderOf(deviceName(device)), "ro"), "utf8").catch(() => "");
  return text.trim() === "1";
}

/**
 * Refuses a device that is in use, or has a partition that is.
 * @throws PagefoldError BUSY.
 */
export async function refuseUsedDevice(path: string, device: bigint): Promise<void> {
  const whole = deviceName(device);
  const names = [whole, ...(await partitionsOf(whole))];
  for (const name of names) {
    const what = name === whole ? path : `its partition ${await kernelName(name)}`;
    const holders = await readdir(join(folderOf(name), "holders")).catch(() => []);
    if (holders.length > 0) {
      throw inUse(path, `${what} is part of ${holders.join(", ")}: take it out of there`);
    }
  }
  const uses = [...(await mounts()), ...(await swaps())];
  for (const { name, use, remedy } of uses) {
    if (!names.includes(name)) continue;
    const what = name === whole ? "it is" : `its partition ${await kernelName(name)} is`;
    throw inUse(path, `${what} ${use}: ${remedy}`);
  }
}

/** Why an exclusive open was refused, where nothing above says. */
export function heldDevice(path: string): PagefoldError {
  return inUse(path, "another process has it open for itself: end that");
}

function inUse(path: string, why: string): PagefoldError {
  return new PagefoldError("BUSY", `${path} is in use, ${why}, or choose another device`);
}

const folderOf = (name: string): string => `/sys/dev/block/${name}`;

async function partitionsOf(name: string): Promise<string[]> {
  const entries = await readdir(folderOf(name)).catch(() => []);
  const found: string[] = [];
  for (const entry of entries) {
    const folder = join(folderOf(name), entry);
    const isPartition = (await readFile(join(folder, "partition"), "utf8").catch(() => "")) !== "";
    if (isPartition) found.push((await readFile(join(folder, "dev"), "utf8")).trim());
  }
  return found;
}

/** `sda1` of `8:1`. */
async function kernelName(name: string): Promise<string> {
  const text = await readFile(join(folderOf(name), "uevent"), "utf8").catch(() => "");
  return /^DEVNAME=(.+)$/m.exec(text)?.[1] ?? name;
}

interface Use {
  readonly name: string;
  readonly use: string;
  readonly remedy: string;
}

async function mounts(): Promise<Use[]> {
  const text = await readFile("/proc/self/mountinfo", "utf8").catch(() => "");
  const uses: Use[] = [];
  for (const line of text.split("\n")) {
    const [before = "", behind = ""] = line.split(" - ");
    const fields = before.split(" ");
    const [name = "", point = ""] = [fields[2], unescaped(fields[4] ?? "")];
    // Some file systems (btrfs) have a device number of their own; the device itself stands behind.
    const source = unescaped(behind.split(" ")[1] ?? "");
    const use = { use: `mounted on ${point}`, remedy: `unmount it (umount ${point})` };
    uses.push({ name, ...use });
    const ofSource = source.startsWith("/") ? await nameOf(source) : null;
    if (ofSource !== null) uses.push({ name: ofSource, ...use });
  }
  return uses;
}

async function swaps(): Promise<Use[]> {
  const text = await readFile("/proc/swaps", "utf8").catch(() => "");
  const uses: Use[] = [];
  for (const line of text.split("\n").slice(1)) {
    const path = unescaped(line.split(/\s/)[0] ?? "");
    const name = path === "" ? null : await nameOf(path);
    if (name !== null) uses.push({ name, use: "swap", remedy: `take it out (swapoff ${path})` });
  }
  return uses;
}

/** The device a path names, null where it names none. */
async function nameOf(path: string): Promise<string | null> {
  try {
    const found = await stat(path, { bigint: true });
    return found.isBlockDevice() ? deviceName(found.rdev) : null;
  } catch (cause) {
    if (systemCode(cause) === "") throw cause;
    return null;
  }
}

/** The kernel writes spaces and the like in its tables as `\040`. */
function unescaped(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}
