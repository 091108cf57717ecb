/** What a guest starts from: busybox, the kernel's modules, init.sh, the workloads and a plan, packed with cpio. */

import { copyFileSync, cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import type { KernelFolder } from "./kernel.ts";
import { output, pathOf } from "./tools.ts";

const HERE = fileURLToPath(new URL(".", import.meta.url));

export interface Contents {
  readonly kernel: KernelFolder;
  /** Calls of init.sh's functions. */
  readonly plan: readonly string[];
  /** A folder to work in. */
  readonly scratch: string;
}

/** Returns the path of the packed file. */
export function packInitramfs({ kernel, plan, scratch }: Contents): string {
  const root = join(scratch, "initramfs");
  mkdirSync(join(root, "bin"), { recursive: true });
  copyFileSync(pathOf("busybox"), join(root, "bin/busybox"));
  copyFileSync(join(HERE, "init.sh"), join(root, "init"));
  cpSync(join(HERE, "workloads"), join(root, "workloads"), { recursive: true });
  cpSync(join(kernel, "modules"), join(root, "modules"), { recursive: true });
  writeFileSync(join(root, "plan"), plan.map((line) => `${line}\n`).join(""));
  const names = output("busybox", ["find", "."], { cwd: root }).toString();
  const archive = output("cpio", ["-o", "-H", "newc", "--quiet"], { cwd: root, input: names });
  const path = `${root}.gz`;
  writeFileSync(path, gzipSync(archive, { level: 1 }));
  return path;
}
