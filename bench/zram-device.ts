/**
 * A kernel zram device as a rival and a judge. A device is added for the run and removed after it, so that none that
 * exists is touched; `available` says why there can be none. Requests are 128 KiB, direct, from page-aligned memory.
 */

import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  openSync,
  readFileSync,
  readSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { pageAlignedBytes } from "../src/base/wasm.ts";

const CONTROL = "/sys/class/zram-control";
export const REQUEST_BYTES = 131_072;

/** mm_stat by its names, bytes and pages as the kernel gives them. */
export interface MmStat {
  readonly orig_data_size: number;
  readonly compr_data_size: number;
  readonly mem_used_total: number;
  readonly mem_limit: number;
  readonly mem_used_max: number;
  readonly same_pages: number;
  readonly pages_compacted: number;
  readonly huge_pages: number;
  readonly huge_pages_since: number;
}

/** Why there is no kernel zram to be had here, or null if there is. */
export function zramObstacle(): string | null {
  if (process.platform !== "linux") return "zram is a part of Linux";
  if (!existsSync(`${CONTROL}/hot_add`)) return "this kernel has no zram loaded (modprobe zram)";
  try {
    accessSync(`${CONTROL}/hot_add`, constants.R_OK);
    accessSync(`${CONTROL}/hot_remove`, constants.W_OK);
    return process.getuid?.() === 0 ? null : "adding a zram device needs root";
  } catch {
    return "adding a zram device needs root";
  }
}

export class ZramDevice {
  readonly #id: string;
  readonly #sysfs: string;
  #file = -1;

  /** Adds a device; `remove` takes it away again. */
  constructor() {
    this.#id = readFileSync(`${CONTROL}/hot_add`, "utf8").trim();
    this.#sysfs = `/sys/block/zram${this.#id}`;
  }

  /** Empties the device and sets it up with this compressor and size. */
  setUp(algorithm: string, sizeBytes: number): void {
    this.#close();
    writeFileSync(`${this.#sysfs}/reset`, "1");
    writeFileSync(`${this.#sysfs}/comp_algorithm`, algorithm);
    writeFileSync(`${this.#sysfs}/disksize`, String(sizeBytes));
    this.#file = openSync(`/dev/zram${this.#id}`, constants.O_RDWR | constants.O_DIRECT);
  }

  /** Writes all of `bytes` (page-aligned memory, whole pages) from the start of the device. */
  writeAll(bytes: Uint8Array): void {
    for (let offset = 0; offset < bytes.length; offset += REQUEST_BYTES) {
      const length = Math.min(REQUEST_BYTES, bytes.length - offset);
      if (writeSync(this.#file, bytes, offset, length, offset) !== length)
        throw new Error("short write to zram");
    }
  }

  /** Reads the device's first `length` bytes, request by request, into `request` (page-aligned, 128 KiB). */
  readAll(length: number, request: Uint8Array, seen?: (part: Uint8Array) => void): void {
    for (let offset = 0; offset < length; offset += REQUEST_BYTES) {
      const part = Math.min(REQUEST_BYTES, length - offset);
      if (readSync(this.#file, request, 0, part, offset) !== part)
        throw new Error("short read from zram");
      seen?.(request.subarray(0, part));
    }
  }

  stat(): MmStat {
    const numbers = readFileSync(`${this.#sysfs}/mm_stat`, "utf8").trim().split(/\s+/).map(Number);
    const [orig, compr, used, limit, max, same, compacted, huge, hugeSince] = numbers as [
      number,
      number,
      number,
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    return {
      orig_data_size: orig,
      compr_data_size: compr,
      mem_used_total: used,
      mem_limit: limit,
      mem_used_max: max,
      same_pages: same,
      pages_compacted: compacted,
      huge_pages: huge,
      huge_pages_since: hugeSince,
    };
  }

  #close(): void {
    if (this.#file >= 0) closeSync(this.#file);
    this.#file = -1;
  }

  remove(): void {
    this.#close();
    writeFileSync(`${this.#sysfs}/reset`, "1");
    writeFileSync(`${CONTROL}/hot_remove`, this.#id);
  }
}

/** Runs `work` with a device that is gone afterwards, also after ^C. */
export async function withZram<Result>(
  work: (device: ZramDevice) => Promise<Result>,
): Promise<Result> {
  const device = new ZramDevice();
  const stop = (): void => {
    device.remove();
    process.exit(130);
  };
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
  try {
    return await work(device);
  } finally {
    process.off("SIGINT", stop);
    process.off("SIGTERM", stop);
    device.remove();
  }
}

/** Page-aligned memory for one request. */
export function requestBuffer(): Uint8Array {
  return pageAlignedBytes(REQUEST_BYTES);
}
