/** What of the host a guest needs, where it is, and what to install where something is missing. */

import { spawnSync } from "node:child_process";
import { accessSync, closeSync, constants, openSync, readSync } from "node:fs";
import { join } from "node:path";

/** Programs and the Debian packages that have them. */
const PACKAGES = {
  "qemu-system-x86_64": "qemu-system-x86",
  busybox: "busybox-static",
  cpio: "cpio",
  depmod: "kmod",
  modprobe: "kmod",
  "nbd-client": "nbd-client",
  python3: "python3",
  "mkfs.ext4": "e2fsprogs",
  e2fsck: "e2fsprogs",
  debugfs: "e2fsprogs",
  "apt-cache": "apt",
  "apt-get": "apt",
  "dpkg-deb": "dpkg",
} as const;

export type Tool = keyof typeof PACKAGES;

/** The system's own folders first: a wrapper in a user's folder would need the user's settings, which a guest lacks. */
const FOLDERS = ["/usr/bin", "/usr/sbin", "/bin", "/sbin", ...(process.env.PATH ?? "").split(":")];

function find(tool: string): string | undefined {
  return FOLDERS.map((folder) => join(folder, tool)).find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Where `tool` is; it must be there. */
export function pathOf(tool: Tool): string {
  const path = find(tool);
  if (path === undefined) throw new Error(`${tool} is missing: apt-get install ${PACKAGES[tool]}`);
  return path;
}

/** Whether a program can run where no library is: its first kilobyte would name the loader. */
function isStatic(path: string): boolean {
  const head = Buffer.alloc(1024);
  const file = openSync(path, "r");
  readSync(file, head);
  closeSync(file);
  return !head.includes("ld-linux");
}

/** Why no guest can be booted here, or "". */
export function whyNoGuest(): string {
  if (process.platform !== "linux" || process.arch !== "x64") {
    return `needs Linux on x86-64, this is ${process.platform} on ${process.arch}`;
  }
  const missing = (Object.keys(PACKAGES) as Tool[]).filter((tool) => {
    const path = find(tool);
    return path === undefined || (tool === "busybox" && !isStatic(path));
  });
  if (missing.length === 0) return "";
  const packages = [...new Set(missing.map((tool) => PACKAGES[tool]))];
  return `no ${missing.join(", ")}: apt-get install ${packages.join(" ")}`;
}

/** What a command prints; a failing one throws with what it said. */
export function output(
  tool: Tool,
  args: readonly string[],
  options: { readonly cwd?: string; readonly input?: string } = {},
): Buffer {
  const result = spawnSync(pathOf(tool), args, { ...options, maxBuffer: 2 ** 28 });
  if (result.error) throw result.error;
  if (result.status === 0) return result.stdout;
  throw new Error(`${tool} ${args.join(" ")}: exit code ${result.status}\n${result.stderr}`);
}
