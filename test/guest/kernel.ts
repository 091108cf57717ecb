/**
 * The guest's kernel: Debian's package, unpacked and never installed. What is needed of it (the image, and the modules
 * under names that sort in the order they load) is kept in the user's cache folder and taken from there from then on.
 */

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
import { output } from "./tools.ts";

/** A disk and the host's files over virtio; a network, and the kernel's own NBD client for it. */
const MODULES = ["virtio_pci", "virtio_blk", "9pnet_virtio", "9p", "virtio_net", "nbd"];

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
  const kernel = join(cache, "guest-kernel");
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
