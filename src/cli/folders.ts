/** Folders that commands write into: made, with their parents, and tried before any work is done. */

import { constants } from "node:fs";
import { access, mkdir, stat, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { PagefoldError } from "../base/errors.ts";
import { fileError, systemCode } from "../base/file-error.ts";
import type { Plot } from "../report/plots.ts";

/** Parent by parent: Node's own `recursive` never ends in a file system that takes no folders, such as /proc. */
async function makeFolders(folder: string, option: string): Promise<void> {
  const found = await stat(folder).catch((cause: unknown) => {
    if (systemCode(cause) === "ENOENT") return null;
    throw cause;
  });
  if (found === null) {
    await makeFolders(dirname(folder), option);
    await mkdir(folder);
  } else if (!found.isDirectory()) {
    throw new PagefoldError("IO", `${folder} is no folder; name another with ${option}`);
  }
}

/**
 * Makes a folder that can be written to, so that no run is in vain; `option` is what names it on the command line.
 * @throws PagefoldError NOT_FOUND, NOT_PERMITTED, IO
 */
export async function openFolder(folder: string, option: string): Promise<void> {
  try {
    await makeFolders(resolve(folder), option);
    await access(folder, constants.W_OK | constants.X_OK);
  } catch (cause) {
    if (systemCode(cause) === "ENOENT") {
      throw new PagefoldError(
        "IO",
        `${folder} cannot be made: its file system takes no new folders; name another with ${option}`,
        { cause },
      );
    }
    throw fileError(folder, { act: "written", cause });
  }
}

/** Writes plots into a folder: their paths. */
export async function writePlots(folder: string, plots: readonly Plot[]): Promise<string[]> {
  const files = [];
  try {
    for (const { name, svg } of plots) {
      const file = join(folder, name);
      await writeFile(file, svg);
      files.push(file);
    }
  } catch (cause) {
    throw fileError(folder, { act: "written", cause });
  }
  return files;
}
