/** What e2fsprogs, which nobody here wrote, finds on a disk that its guest was torn from. */

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { output, pathOf, type Tool } from "./tools.ts";

interface Check {
  readonly code: number | null;
  readonly said: string;
}

export interface FileSystem {
  /** `e2fsck -p`: the journal is replayed, and what was being deleted is deleted. */
  readonly recovery: Check;
  /** `e2fsck -fn` after it: everything is checked, and nothing changed. */
  readonly check: Check;
  /** Of every file in the top folder, its checksum. */
  readonly sums: ReadonlyMap<string, string>;
}

function tryTool(tool: Tool, ...args: readonly string[]): Check {
  const { status, stdout, stderr, error } = spawnSync(pathOf(tool), args, { encoding: "utf8" });
  if (error) throw error;
  return { code: status, said: stdout + stderr };
}

/** Recovers the file system on `disk`, as its next mount would, and copies its files to a folder beside it. */
export function recoverFileSystem(disk: string): FileSystem {
  const folder = `${disk}-files`;
  const recovery = tryTool("e2fsck", "-p", disk);
  const check = tryTool("e2fsck", "-fn", disk);
  mkdirSync(folder);
  output("debugfs", ["-R", `rdump / ${folder}`, disk]);
  const files = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile());
  const sumOf = (name: string) =>
    createHash("sha256")
      .update(readFileSync(join(folder, name)))
      .digest("hex");
  return { recovery, check, sums: new Map(files.map(({ name }) => [name, sumOf(name)])) };
}
