/**
 * The files that are cached: every server has a copy of its own, on a disk and not in memory, in a folder that goes
 * when the run ends.
 */

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  closeSync,
  fsyncSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { versionOf } from "../nbd/servers.ts";

const PARENT = process.env.TMPDIR ?? "/var/tmp";
const DD = "dd";

/** Why a file cannot be made cold here, or null if it can. */
export function coldObstacle(): string | null {
  return versionOf(DD)?.includes("coreutils") ? null : "dd of GNU coreutils is not installed";
}

export class Origins {
  readonly folder: string;
  #bytes = new Uint8Array(0);
  #count = 0;

  constructor() {
    this.folder = mkdtempSync(join(PARENT, "pagefold-bench-"));
    process.once("exit", () => rmSync(this.folder, { recursive: true, force: true }));
  }

  /** What copies made from now on hold. */
  hold(bytes: Uint8Array): void {
    this.#bytes = Uint8Array.from(bytes);
  }

  /** A new copy, on the disk and in the system's page cache. */
  copy(): string {
    this.#count += 1;
    const path = join(this.folder, `origin-${this.#count}`);
    const fd = openSync(path, "wx", 0o600);
    try {
      for (let done = 0; done < this.#bytes.length; )
        done += writeSync(fd, this.#bytes, done, this.#bytes.length - done);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    return path;
  }

  /** Has the system's page cache forget the file, all of which is on the disk. */
  makeCold(path: string): void {
    const { status, stderr } = spawnSync(DD, [`if=${path}`, "iflag=nocache", "count=0"], {
      encoding: "utf8",
    });
    if (status !== 0) throw new Error(`${path} cannot be made cold: ${stderr}`);
  }

  hash(path: string): string {
    return createHash("sha256").update(readFileSync(path)).digest("hex");
  }

  remove(path: string): void {
    rmSync(path);
  }
}
