/**
 * The guest's kernel: Debian's package, unpacked and never installed. What is needed of it (the image, and the modules
 * under names that sort in the order they load) is kept in the user's cache folder and taken from there from then on.
 */

import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
} from "node:fs";
import { homedir } from "node:os";
import { basename, join } from "node:path";
import { output, whyNoGuest } from "./tools.ts";

/** A disk and the host's files over virtio; a network, and the kernel's own NBD client for it; a file system. */
const MODULES = ["virtio_pci", "virtio_blk", "9pnet_virtio", "9p", "virtio_net", "nbd", "ext4"];

const META_PACKAGE = "linux-image-amd64";

/** A folder with `image` and `modules/`. */
export type KernelFolder = string;

/** The package of today's kernel, which the meta package depends on. */
function newestPackage(): string {
  const depends = output("apt-cache", ["depends", META_PACKAGE]).toString();
  const name = /Depends: (linux-image-\S+)/.exec(depends)?.[1];
  if (name === undefined) throw new Error(`${META_PACKAGE} depends on no kernel:\n${depends}`);
  return name;
}

function unpack(source: string, target: KernelFolder): void {
  const version = readdirSync(join(source, "lib/modules"))[0]!;
  output("depmod", ["-b", source, version]);
  const inOrder = MODULES.flatMap((name) => {
    const lines = output("modprobe", ["-d", source, "-S", version, "--show-depends", name]);
    return [...lines.toString().matchAll(/^insmod (\S+)/gm)].map((match) => match[1]!);
  });
  mkdirSync(join(target, "modules"), { recursive: true });
  for (const [index, path] of [...new Set(inOrder)].entries()) {
    const name = `${String(index).padStart(2, "0")}-${basename(path)}`;
    copyFileSync(path, join(target, "modules", name));
  }
  copyFileSync(join(source, `boot/vmlinuz-${version}`), join(target, "image"));
}

/** The kernel, fetched with apt (70 MB) where the cache has none. Throws where that fails. */
export function fetchKernel(): KernelFolder {
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "pagefold");
  // With other modules it is another one.
  const modules = createHash("sha256").update(MODULES.join()).digest("hex").slice(0, 8);
  const kernel = join(cache, `guest-kernel-${modules}`);
  if (existsSync(kernel)) return kernel;
  mkdirSync(cache, { recursive: true });
  const scratch = mkdtempSync(join(cache, "fetching-"));
  try {
    output("apt-get", ["download", newestPackage()], { cwd: scratch });
    const archive = readdirSync(scratch).find((name) => name.endsWith(".deb"))!;
    output("dpkg-deb", ["-x", archive, "unpacked"], { cwd: scratch });
    unpack(join(scratch, "unpacked"), join(scratch, "kernel"));
    // In one step, so that the cache never has half a kernel.
    renameSync(join(scratch, "kernel"), kernel);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  return kernel;
}

/** The kernel to boot, or why there is none: an error if PAGEFOLD_GUEST_REQUIRED is 1. */
export function prepareGuests(): { readonly kernel: KernelFolder; readonly reason: string } {
  let reason = whyNoGuest();
  try {
    if (reason === "") return { kernel: fetchKernel(), reason };
  } catch (cause) {
    reason = `no kernel to be had, for which apt needs apt-get update and a network: ${cause instanceof Error ? cause.message : String(cause)}`;
  }
  if (process.env.PAGEFOLD_GUEST_REQUIRED === "1") throw new Error(reason);
  console.log(`guests are skipped: ${reason}`);
  return { kernel: "", reason };
}
