/**
 * Reading files of pages: raw 4096-byte pages one after another, gzipped or not, told apart by their first bytes and
 * never by name. Streams, so a file may be larger than memory; several files are read as one, in the order given.
 *
 * Holds always: a batch is a whole number of pages; whatever is wrong with a file ends in one PagefoldError that names
 * it. What can be seen without reading (no such file, a directory, empty, a raw file that is no whole number of pages)
 * is refused before the first page of any file is handed out. Writing is page-file-writer.ts.
 */

import { constants, createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { createGunzip } from "node:zlib";
import { assert } from "../base/assert.ts";
import { PagefoldError } from "../base/errors.ts";
import { fileError, shellQuoted, systemCode } from "../base/file-error.ts";
import { PAGE_BYTES } from "../base/units.ts";

const BATCH_PAGES_DEFAULT = 256;
const READ_BYTES = 1 << 18;
/** The first bytes of a gzip member: its magic number and the only compression method there is. */
const GZIP_MAGIC = [0x1f, 0x8b, 0x08];

/** How far reading is, in bytes of the files as they lie on disk (compressed ones, where gzipped). */
interface ReadProgress {
  readonly path: string;
  readonly bytesRead: number;
  /** Of all files together; undefined where one is a block device. */
  readonly bytesTotal: number | undefined;
}

export interface ReadPagesOptions {
  /** Pages of a full batch, 256 unless given; only a file's last batch is shorter. */
  readonly batchPages?: number;
  readonly onProgress?: (progress: ReadProgress) => void;
  /** Ends the reading, between two batches, with the signal's reason. */
  readonly signal?: AbortSignal;
}

interface OpenedFile {
  readonly path: string;
  readonly gzipped: boolean;
  readonly sizeBytes: number | undefined;
}

function refuse(path: string, sentence: string): PagefoldError {
  return new PagefoldError("IO", `${path} ${sentence}`);
}

function leftOver(file: OpenedFile, bytes: number): PagefoldError {
  const { path, gzipped } = file;
  const over = bytes % PAGE_BYTES;
  const whole = bytes - over;
  const name = shellQuoted(path);
  const cut = gzipped
    ? `gzip -dc ${name} | head -c ${whole} | gzip > FIXED.gz`
    : `head -c ${whole} ${name} > FIXED`;
  const pad = gzipped
    ? `(gzip -dc ${name}; head -c ${PAGE_BYTES - over} /dev/zero) | gzip > FIXED.gz`
    : `truncate -s ${whole + PAGE_BYTES} ${name}`;
  const size = `its ${bytes} bytes ${gzipped ? "when decompressed " : ""}are ${whole / PAGE_BYTES} pages`;
  const drop = whole > 0 ? `drop those with "${cut}" or ` : "";
  return refuse(
    path,
    `is not a whole number of ${PAGE_BYTES}-byte pages: ${size} and ${over} left over; ${drop}fill up the last page with zeros: "${pad}"`,
  );
}

function empty(file: { path: string; gzipped: boolean }): PagefoldError {
  return refuse(
    file.path,
    `is empty${file.gzipped ? " when decompressed" : ""}: 0 bytes, and a file of pages holds at least one page of ${PAGE_BYTES}; check that what wrote it ran to its end`,
  );
}

/** Looks at a file without reading it through. */
async function inspect(path: string): Promise<OpenedFile> {
  if (path === "-") {
    throw refuse(path, "would be standard input, which can be read only once; save it to a file");
  }
  // Without O_NONBLOCK opening a FIFO nobody writes to would hang before it could be refused.
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((cause) => {
    if (systemCode(cause) === "ENXIO")
      throw refuse(path, "is a socket or a device without driver; name a file");
    throw fileError(path, { act: "read", cause });
  });
  try {
    const stat = await handle.stat();
    if (stat.isDirectory()) {
      throw refuse(
        path,
        `is a directory; name the page files in it, such as ${shellQuoted(path)}/*`,
      );
    }
    if (stat.isFIFO() || stat.isCharacterDevice() || stat.isSocket()) {
      throw refuse(
        path,
        "is no file but a pipe or device that can be read only once; save it to a file",
      );
    }
    const head = new Uint8Array(GZIP_MAGIC.length);
    const { bytesRead } = await handle.read(head, 0, head.length, 0);
    if (bytesRead === 0) throw empty({ path, gzipped: false });
    const gzipped = GZIP_MAGIC.every((byte, index) => head[index] === byte);
    const file = { path, gzipped, sizeBytes: stat.isFile() ? stat.size : undefined };
    if (!gzipped && stat.isFile() && stat.size % PAGE_BYTES !== 0) throw leftOver(file, stat.size);
    return file;
  } catch (cause) {
    throw fileError(path, { act: "read", cause });
  } finally {
    await handle.close();
  }
}

/** What zlib says about a damaged file, for a person. */
function gzipError(file: OpenedFile, options: { cause: unknown; decodedBytes: number }) {
  const { cause, decodedBytes } = options;
  const code = systemCode(cause);
  if (!code.startsWith("Z_")) return fileError(file.path, { act: "read", cause });
  const reason = cause instanceof Error ? cause.message : code;
  const what =
    code === "Z_BUF_ERROR"
      ? `is a gzip file cut short: its ${file.sizeBytes ?? "?"} bytes end inside the data, after ${decodedBytes} decompressed bytes; copy or capture it again, whole`
      : `is a damaged gzip file: zlib stops after ${decodedBytes} decompressed bytes with "${reason}"; copy or capture it again, or, if it is raw pages that only begin like gzip (bytes 1f 8b 08), gzip it`;
  return new PagefoldError("CORRUPT", `${file.path} ${what}`, { cause });
}

/**
 * The file's bytes, decompressed, in pieces of any length; `onRead` hears how many bytes of the file were used so far.
 */
async function* pieces(
  file: OpenedFile,
  onRead: (bytesRead: number) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  const source = createReadStream(file.path, { highWaterMark: READ_BYTES });
  const gunzip = file.gzipped ? createGunzip({ chunkSize: READ_BYTES }) : undefined;
  if (gunzip) {
    source.on("error", (cause) => gunzip.destroy(cause));
    source.pipe(gunzip);
  }
  let decodedBytes = 0;
  try {
    for await (const piece of (gunzip ?? source) as AsyncIterable<Uint8Array>) {
      decodedBytes += piece.length;
      onRead(source.bytesRead);
      yield piece;
    }
  } catch (cause) {
    throw gzipError(file, { cause, decodedBytes });
  } finally {
    source.destroy();
    gunzip?.destroy();
  }
}

/**
 * The pages of `paths`, in order, in batches: each batch is a view of one buffer that the next batch overwrites, so use
 * or copy it before asking for the next.
 * @throws PagefoldError NOT_FOUND, NOT_PERMITTED or IO for a file that cannot be read or is no whole number of pages,
 * CORRUPT for a gzip file that is cut short or damaged.
 */
export async function* readPageFiles(
  paths: readonly string[],
  options: ReadPagesOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const { batchPages = BATCH_PAGES_DEFAULT, onProgress, signal } = options;
  assert(Number.isInteger(batchPages) && batchPages > 0, `batchPages is ${batchPages}`);
  const files: OpenedFile[] = [];
  for (const path of paths) files.push(await inspect(path));
  const bytesTotal = files.reduce<number | undefined>(
    (sum, { sizeBytes }) =>
      sum === undefined || sizeBytes === undefined ? undefined : sum + sizeBytes,
    0,
  );
  const batch = new Uint8Array(batchPages * PAGE_BYTES);
  let bytesBefore = 0;
  for (const file of files) {
    let filled = 0;
    let total = 0;
    let bytesRead = 0;
    const onRead = (bytes: number) => {
      bytesRead = bytes;
      onProgress?.({ path: file.path, bytesRead: bytesBefore + bytes, bytesTotal });
    };
    for await (const piece of pieces(file, onRead)) {
      total += piece.length;
      for (let offset = 0; offset < piece.length; ) {
        const count = Math.min(piece.length - offset, batch.length - filled);
        batch.set(piece.subarray(offset, offset + count), filled);
        filled += count;
        offset += count;
        if (filled < batch.length) continue;
        signal?.throwIfAborted();
        yield batch;
        filled = 0;
      }
    }
    if (total === 0) throw empty(file);
    if (total % PAGE_BYTES !== 0) throw leftOver(file, total);
    signal?.throwIfAborted();
    if (filled > 0) yield batch.subarray(0, filled);
    bytesBefore += bytesRead;
  }
}
