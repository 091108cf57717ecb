/**
 * A medium in a regular file or on a block device. Every read is one call, every write one, asynchronous and at its own
 * place; erased ranges are given back to the system in the background.
 *
 * Holds always: nobody else of this program has it open, from `open` to `close`.
 */

import type { FileHandle } from "node:fs/promises";
import { PagefoldError, reasonOf } from "../../base/errors.ts";
import { systemCode } from "../../base/file-error.ts";
import type { FileLock } from "./lock.ts";
import {
  assertPlace,
  checkMediumSize,
  type Medium,
  mediumClosed,
  PLAIN_PROGRAM_BYTES,
} from "./medium.ts";
import { openMediumFile } from "./open-file.ts";
import { Trimmer } from "./trim.ts";

export interface FileMediumOptions {
  /** A regular file, made where there is none, or a block device. */
  readonly path: string;
  /** A multiple of 4096; a shorter file is grown to it, a longer one is left as it is. */
  readonly sizeBytes: number;
  /** Takes what is worth telling. */
  readonly log: (line: string) => void;
  /** Whether erased ranges are given back to the system; true. */
  readonly trim?: boolean;
}

export class FileMedium implements Medium {
  readonly name: string;
  readonly sizeBytes: number;
  readonly programBytes = PLAIN_PROGRAM_BYTES;
  readonly #file: FileHandle;
  readonly #lock: FileLock | null;
  readonly #trimmer: Trimmer | null;
  #closed: Promise<void> | null = null;

  private constructor(
    options: FileMediumOptions,
    parts: {
      readonly file: FileHandle;
      readonly lock: FileLock | null;
      readonly isBlockDevice: boolean;
    },
  ) {
    const { file, lock, isBlockDevice } = parts;
    this.name = options.path;
    this.sizeBytes = options.sizeBytes;
    this.#file = file;
    this.#lock = lock;
    const { path: name, log } = options;
    this.#trimmer =
      options.trim === false ? null : new Trimmer({ fd: file.fd, name, isBlockDevice, log });
  }

  /**
   * @throws PagefoldError INVALID_ARGUMENT for a size or a kind of file that cannot be, NOT_FOUND, NOT_PERMITTED, BUSY
   * where another has it, NO_SPACE where the file system lacks room, IO.
   */
  static async open(options: FileMediumOptions): Promise<FileMedium> {
    checkMediumSize(options.path, options.sizeBytes, PLAIN_PROGRAM_BYTES);
    return new FileMedium(options, await openMediumFile(options));
  }

  async read(offset: number, target: Uint8Array): Promise<void> {
    const length = target.length;
    assertPlace(this, { offset, length, step: 1 });
    if (this.#closed !== null) throw mediumClosed(this.name);
    if (length === 0) return;
    let bytesRead = 0;
    try {
      ({ bytesRead } = await this.#file.read(target, 0, length, offset));
    } catch (cause) {
      throw this.#failure(`reading ${length} bytes at ${offset}`, cause);
    }
    if (bytesRead === length) return;
    const reason = `only ${bytesRead} came, as if somebody had shortened the file`;
    throw this.#refusal(`reading ${length} bytes at ${offset}`, reason);
  }

  async write(offset: number, source: Uint8Array): Promise<void> {
    const length = source.length;
    assertPlace(this, { offset, length, step: this.programBytes });
    if (this.#closed !== null) throw mediumClosed(this.name);
    // Again and again, since something else may be trimmed by the time the first has ended.
    for (;;) {
      const trimmed = this.#trimmer?.beforeWrite(offset, length) ?? null;
      if (trimmed === null) break;
      await trimmed;
    }
    for (let done = 0; done < length; ) {
      let bytesWritten = 0;
      try {
        ({ bytesWritten } = await this.#file.write(source, done, length - done, offset + done));
      } catch (cause) {
        throw this.#failure(`writing ${length} bytes at ${offset}`, cause);
      }
      // A part is written where room ends; what the rest is answered with says why.
      if (bytesWritten === 0)
        throw this.#refusal(`writing ${length} bytes at ${offset}`, "nothing was taken");
      done += bytesWritten;
    }
  }

  async erase(offset: number, length: number): Promise<void> {
    assertPlace(this, { offset, length, step: this.programBytes });
    if (this.#closed !== null) throw mediumClosed(this.name);
    this.#trimmer?.add(offset, length);
  }

  async flush(): Promise<void> {
    if (this.#closed !== null) throw mediumClosed(this.name);
    try {
      await this.#file.datasync();
    } catch (cause) {
      throw this.#failure("flushing", cause);
    }
  }

  /** Gives back now what was erased, and waits for it; else that happens within a second or two. */
  async trimNow(): Promise<void> {
    await this.#trimmer?.trim();
  }

  close(): Promise<void> {
    this.#closed ??= this.#end();
    return this.#closed;
  }

  async #end(): Promise<void> {
    await this.#trimmer?.end();
    try {
      await this.#file.close();
    } catch (cause) {
      throw this.#failure("closing", cause);
    } finally {
      await this.#lock?.release();
    }
  }

  #failure(act: string, cause: unknown): PagefoldError {
    const code = systemCode(cause);
    if (code === "ENOSPC" || code === "EDQUOT") {
      const message = `${this.name}: ${act} failed, no space is left on its file system: free some`;
      return new PagefoldError("NO_SPACE", message, { cause });
    }
    const words = reasonOf(cause);
    return this.#refusal(act, `the system says "${words}"`, cause);
  }

  #refusal(act: string, reason: string, cause?: unknown): PagefoldError {
    const message = `${this.name}: ${act} failed, ${reason}: check the disk`;
    return new PagefoldError("IO", message, { cause });
  }
}
