/**
 * The file a trace is recorded into: new, readable by its owner only since it holds what programs had in memory, and
 * only ever added to, so that whatever ends the recording leaves what was written before.
 */

import { constants } from "node:fs";
import { lstat, open, rm } from "node:fs/promises";
import { PagefoldError } from "../../base/errors.ts";
import { fileError, systemCode } from "../../base/file-error.ts";

/** What a recording writes to. */
export interface TraceFile {
  /** Adds all of `bytes`. Its errors: PagefoldError; the file may then hold a part of them. */
  append(bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** Takes an ordinary file or a link of that name away. */
async function makeWay(path: string): Promise<void> {
  const stat = await lstat(path).catch((cause) => {
    if (systemCode(cause) === "ENOENT") return undefined;
    throw cause;
  });
  if (stat === undefined) return;
  if (!stat.isFile() && !stat.isSymbolicLink()) {
    throw new PagefoldError(
      "IO",
      `${path} is no ordinary file but a directory, pipe or device, and is not replaced; name a file`,
    );
  }
  await rm(path);
}

function refusal(path: string, cause: unknown): PagefoldError {
  if (systemCode(cause) !== "EEXIST") return fileError(path, { act: "written", cause });
  return new PagefoldError(
    "BUSY",
    `${path} exists already and is not overwritten; name another file or remove that one`,
    { cause },
  );
}

/**
 * Makes the file; one that is there makes way only where `overwrite` says so.
 * @throws PagefoldError BUSY, NOT_FOUND, NOT_PERMITTED, NO_SPACE or IO.
 */
export async function openTraceFile(
  path: string,
  options: { readonly overwrite: boolean },
): Promise<TraceFile> {
  try {
    if (options.overwrite) await makeWay(path);
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_APPEND;
    const handle = await open(path, flags, 0o600);
    const guarded = (work: Promise<void>) =>
      work.catch((cause) => {
        throw fileError(path, { act: "written", cause });
      });
    return {
      append: (bytes) => guarded(handle.appendFile(bytes)),
      close: () => guarded(handle.sync().finally(() => handle.close())),
    };
  } catch (cause) {
    throw refusal(path, cause);
  }
}
