/**
 * An origin in a regular file or on a block device, which must be there: it is neither made nor grown.
 *
 * Holds always: nobody else of this program on this machine has it open to write, from `open` to `close`; a file that
 * somebody shortens is not made longer again by a write, since the bytes between would read as zeros.
 */

import { constants, fstatSync } from "node:fs";
import { type FileHandle, open, realpath, stat } from "node:fs/promises";
import { PagefoldError, reasonOf } from "../base/errors.ts";
import { fileError, systemCode } from "../base/file-error.ts";
import {
  blockDeviceBytes,
  heldDevice,
  isReadOnlyDevice,
  refuseUsedDevice,
} from "../overflow/media/block-device.ts";
import { type FileLock, lockFile, refuseLocked } from "../overflow/media/lock.ts";
import type { Origin } from "./origin.ts";

export interface FileOriginOptions {
  /** A regular file or a block device. */
  readonly path: string;
  readonly isReadOnly: boolean;
}

interface Parts {
  readonly file: FileHandle;
  /** Null for a block device, whose exclusive open is the lock, and for a file in a folder nobody may write to. */
  readonly lock: FileLock | null;
  /** The number of a block device. */
  readonly device: bigint | null;
}

export class FileOrigin implements Origin {
  readonly name: string;
  readonly isReadOnly: boolean;
  readonly #parts: Parts;
  #closed: Promise<void> | null = null;

  private constructor(options: FileOriginOptions, parts: Parts) {
    this.name = options.path;
    this.isReadOnly = options.isReadOnly;
    this.#parts = parts;
  }

  /**
   * @throws PagefoldError NOT_FOUND, NOT_PERMITTED, BUSY where another has it, INVALID_ARGUMENT for another kind of
   * file, IO.
   */
  static async open(options: FileOriginOptions): Promise<FileOrigin> {
    try {
      const { isReadOnly, path } = options;
      const found = await stat(path, { bigint: true });
      const parts = found.isBlockDevice()
        ? await openDevice(path, found.rdev, isReadOnly)
        : found.isFile()
          ? await openFile(path, isReadOnly)
          : refuseKind(path, found.isDirectory());
      return new FileOrigin(options, parts);
    } catch (cause) {
      throw fileError(options.path, { act: "opened", cause });
    }
  }

  async sizeBytes(): Promise<number> {
    const { file, device } = this.#parts;
    if (device !== null) return blockDeviceBytes(this.name, device);
    try {
      return (await file.stat()).size;
    } catch (cause) {
      throw this.#failure("asking for its size", cause);
    }
  }

  async read(offset: number, target: Uint8Array): Promise<void> {
    const act = `reading ${target.length} bytes at ${offset}`;
    for (let done = 0; done < target.length; ) {
      let bytesRead = 0;
      try {
        const left = target.length - done;
        ({ bytesRead } = await this.#parts.file.read(target, done, left, offset + done));
      } catch (cause) {
        throw this.#failure(act, cause);
      }
      if (bytesRead === 0) throw this.#refusal(act, this.#shortness());
      done += bytesRead;
    }
  }

  async write(offset: number, source: Uint8Array): Promise<void> {
    const act = `writing ${source.length} bytes at ${offset}`;
    if (this.#parts.device === null) this.#refuseGrowth(act, offset + source.length);
    for (let done = 0; done < source.length; ) {
      let bytesWritten = 0;
      try {
        const left = source.length - done;
        ({ bytesWritten } = await this.#parts.file.write(source, done, left, offset + done));
      } catch (cause) {
        throw this.#failure(act, cause);
      }
      if (bytesWritten === 0) throw this.#refusal(act, "nothing was taken");
      done += bytesWritten;
    }
  }

  /** Synchronous, a microsecond or two, so that nothing comes between it and the write. */
  #refuseGrowth(act: string, end: number): void {
    const { size } = fstatSync(this.#parts.file.fd);
    if (end > size) throw this.#refusal(act, this.#shortness());
  }

  #shortness(): string {
    return `it has only ${fstatSync(this.#parts.file.fd).size} bytes now`;
  }

  async sync(): Promise<void> {
    const act = "making durable what was written";
    try {
      await this.#parts.file.datasync();
    } catch (cause) {
      throw this.#failure(act, cause);
    }
    if (fstatSync(this.#parts.file.fd).nlink > 0 || this.#parts.device !== null) return;
    throw this.#refusal(
      act,
      "it was deleted or replaced underneath, and what is written to it ends with this process: copy it through the cache while that is open",
    );
  }

  close(): Promise<void> {
    this.#closed ??= this.#end();
    return this.#closed;
  }

  async #end(): Promise<void> {
    try {
      await this.#parts.file.close();
    } catch (cause) {
      throw this.#failure("closing", cause);
    } finally {
      await this.#parts.lock?.release();
    }
  }

  #failure(act: string, cause: unknown): PagefoldError {
    if (systemCode(cause) === "ENOSPC" || systemCode(cause) === "EDQUOT")
      return this.#refusal(act, "no space is left on its file system: free some", cause);
    return this.#refusal(act, `the system says "${reasonOf(cause)}": check the disk`, cause);
  }

  /** IO also where space is lacking: to a client of the cache that is a disk which fails. */
  #refusal(act: string, reason: string, cause?: unknown): PagefoldError {
    return new PagefoldError("IO", `${this.name}: ${act} failed, ${reason}`, { cause });
  }
}

function refuseKind(path: string, isFolder: boolean): never {
  const kind = isFolder ? "a directory" : "neither a regular file nor a block device";
  throw new PagefoldError(
    "INVALID_ARGUMENT",
    `${path} cannot be cached, it is ${kind}: name a file or a block device`,
  );
}

/** The lock lies beside one of them. */
function severalNames(path: string, names: number): PagefoldError {
  return new PagefoldError(
    "INVALID_ARGUMENT",
    `${path} has ${names} names (hard links), and who opens another one would not see that it is in use: remove the others, copy it, or open the cache for reading alone`,
  );
}

async function openDevice(path: string, device: bigint, isReadOnly: boolean): Promise<Parts> {
  await refuseUsedDevice(path, device);
  if (!isReadOnly && (await isReadOnlyDevice(device)))
    throw new PagefoldError(
      "NOT_PERMITTED",
      `${path} is a read-only device: make it writable (blockdev --setrw), or name another`,
    );
  const access = isReadOnly ? constants.O_RDONLY : constants.O_RDWR;
  try {
    return { file: await open(path, access | constants.O_EXCL), lock: null, device };
  } catch (cause) {
    throw systemCode(cause) === "EBUSY" ? heldDevice(path) : cause;
  }
}

async function openFile(path: string, isReadOnly: boolean): Promise<Parts> {
  const file = await open(path, isReadOnly ? "r" : "r+");
  try {
    const { nlink } = await file.stat();
    if (nlink > 1 && !isReadOnly) throw severalNames(path, nlink);
    return { file, lock: await lockOf(await realpath(path), isReadOnly), device: null };
  } catch (cause) {
    await file.close();
    throw cause;
  }
}

/** Reading does without a lock where none can be put, unless somebody else has one. */
async function lockOf(path: string, isReadOnly: boolean): Promise<FileLock | null> {
  try {
    return await lockFile(path);
  } catch (cause) {
    const isKeptOut = cause instanceof PagefoldError && cause.code === "NOT_PERMITTED";
    if (!isReadOnly || !isKeptOut) throw cause;
    await refuseLocked(path);
    return null;
  }
}
