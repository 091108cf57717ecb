/**
 * Writing a file of pages, raw or, where its name ends in .gz, gzipped (at gzip's fastest level).
 *
 * Holds always: the file appears under its name only when it is whole. Until then it is a temporary beside it,
 * `.NAME.XXXXXXXX.partial`, readable by its owner only, which `abort` removes; a file that was there before stays as it
 * was until then. Reading is page-file.ts; cleaning up when the user interrupts is the caller's, by `abort`.
 */

import { type FileHandle, link, lstat, open, realpath, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { constants, createGzip } from "node:zlib";
import { assert } from "../base/assert.ts";
import { PagefoldError } from "../base/errors.ts";
import { fileError, systemCode } from "../base/file-error.ts";
import { secureRandom } from "../base/random.ts";
import { PAGE_BYTES } from "../base/units.ts";

export interface PageFileWriter {
  /** Pages written so far. */
  readonly pages: number;
  /** Appends whole pages; `bytes` may be reused once the promise is fulfilled. */
  write(bytes: Uint8Array): Promise<void>;
  /** Puts the file in its place; to be called once, after the last write. */
  finish(): Promise<{ readonly path: string; readonly fileBytes: number }>;
  /** Removes what was written; does nothing after `finish`. */
  abort(): Promise<void>;
}

export interface WriterOptions {
  /** Replace a file of that name; without it such a file is an error. */
  readonly overwrite?: boolean;
  /** The remedy named in that error; the command line's option unless given. */
  readonly remedy?: string;
}

function exists(path: string, remedy: string): PagefoldError {
  return new PagefoldError("BUSY", `${path} exists already and is not overwritten; ${remedy}`);
}

/** Where the file really goes: through a symbolic link to what it names. */
async function resolveTarget(path: string, options: Required<WriterOptions>): Promise<string> {
  const stat = await lstat(path).catch((cause) => {
    if (systemCode(cause) === "ENOENT") return undefined;
    throw fileError(path, { act: "written", cause });
  });
  if (!stat) return path;
  const target = await realpath(path).catch(() => path);
  const there = await lstat(target);
  if (there.isDirectory()) {
    throw new PagefoldError("IO", `${path} is a directory; name a file in it`);
  }
  if (!there.isFile() && !there.isSymbolicLink()) {
    throw new PagefoldError("IO", `${path} is no ordinary file but a pipe or device; name a file`);
  }
  if (!options.overwrite) throw exists(path, options.remedy);
  return target;
}

function temporaryName(target: string): string {
  const random = new Uint8Array(4);
  secureRandom(random);
  const suffix = Buffer.from(random).toString("hex");
  return join(dirname(target), `.${basename(target)}.${suffix}.partial`);
}

/** Gives the temporary its name unless somebody took that name meanwhile. */
async function renameToFree(temporary: string, options: { target: string; remedy: string }) {
  const { target, remedy } = options;
  try {
    await link(temporary, target);
    await rm(temporary);
  } catch (cause) {
    if (systemCode(cause) === "EEXIST") throw exists(target, remedy);
    // A file system without hard links: checked at the start, so only a race of two writers is lost.
    await rename(temporary, target);
  }
}

interface Sink {
  put(bytes: Uint8Array): Promise<unknown>;
  end(): Promise<unknown>;
}

function rawSink(handle: FileHandle): Sink {
  return { put: (bytes) => handle.appendFile(bytes), end: async () => {} };
}

function gzipSink(handle: FileHandle): Sink {
  const gzip = createGzip({ level: constants.Z_BEST_SPEED });
  const drained = pipeline(gzip, async (pieces: AsyncIterable<Uint8Array>) => {
    for await (const piece of pieces) await handle.appendFile(piece);
  });
  // Heard in put and end; unheard between two of them it would end the process.
  drained.catch(() => {});
  return {
    put(bytes) {
      const consumed = new Promise<void>((resolve, reject) => {
        gzip.write(bytes, (cause) => (cause ? reject(cause) : resolve()));
      });
      return Promise.race([drained, consumed]);
    },
    end() {
      gzip.end();
      return drained;
    },
  };
}

/**
 * Starts a file of pages.
 * @throws PagefoldError BUSY where a file of that name exists and `overwrite` is not set, NOT_FOUND, NOT_PERMITTED,
 * NO_SPACE or IO where it cannot be written.
 */
export async function createPageFile(
  path: string,
  options: WriterOptions = {},
): Promise<PageFileWriter> {
  const { overwrite = false, remedy = "name another file or add --force" } = options;
  const target = await resolveTarget(path, { overwrite, remedy });
  const temporary = temporaryName(target);
  const guarded = <T>(work: Promise<T>): Promise<T> =>
    work.catch((cause) => {
      throw fileError(path, { act: "written", cause });
    });
  const handle = await guarded(open(temporary, "wx", 0o600));
  const sink = target.endsWith(".gz") ? gzipSink(handle) : rawSink(handle);
  let pages = 0;
  let isOpen = true;

  return {
    get pages() {
      return pages;
    },
    async write(bytes) {
      assert(isOpen, "a write after finish or abort");
      assert(bytes.length % PAGE_BYTES === 0, `${bytes.length} bytes are no whole pages`);
      await guarded(sink.put(bytes));
      pages += bytes.length / PAGE_BYTES;
    },
    async finish() {
      assert(isOpen, "finish after finish or abort");
      const publish = async () => {
        await sink.end();
        await handle.sync();
        const { size } = await handle.stat();
        await handle.close();
        if (overwrite) await rename(temporary, target);
        else await renameToFree(temporary, { target, remedy });
        return { path, fileBytes: size };
      };
      const result = await guarded(publish());
      isOpen = false;
      return result;
    },
    async abort() {
      if (!isOpen) return;
      isOpen = false;
      await sink.end().catch(() => {});
      await handle.close().catch(() => {});
      await rm(temporary, { force: true });
    },
  };
}
