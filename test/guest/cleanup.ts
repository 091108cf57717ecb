/**
 * Nothing outlives a session: processes and folders announced here are ended and removed by `cleanUp`, at the latest
 * when this process ends, be it by a failure, by ^C or because the one that started it is gone.
 */

import type { ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const children = new Set<ChildProcess>();
const folders = new Set<string>();

export function cleanUp(): void {
  for (const child of children) child.kill("SIGKILL");
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  children.clear();
  folders.clear();
}

process.on("exit", cleanUp);
process.on("disconnect", cleanUp);
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => process.exit(1));
}

/** Announces a process; returns it. */
export function guarded<Child extends ChildProcess>(child: Child): Child {
  children.add(child);
  return child;
}

/** A temporary folder. */
export function makeScratch(): string {
  const folder = mkdtempSync(join(tmpdir(), "pagefold-guest-"));
  folders.add(folder);
  return folder;
}
