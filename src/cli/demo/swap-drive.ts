/**
 * Drives a device as swap does: every page written, a quarter overwritten, a tenth discarded, all read back, in
 * requests of 128 KiB. Holds always: each byte read is compared with a model, plain memory that took the same writes
 * and discards.
 */

import { setImmediate } from "node:timers/promises";
import { stopwatchClock } from "../../base/clock.ts";
import { PagefoldError } from "../../base/errors.ts";
import { PAGE_BYTES } from "../../base/units.ts";
import type { Device } from "../../device/device.ts";
import { openDevice } from "../../device/store.ts";
import type { SlotAccounting } from "../../report/result.ts";
import { accountSlots } from "../slot-accounting.ts";

const REQUEST_BYTES = 128 * 1024;
/** The 32-bit word of an overwriting page that gets a counter: without it the store would hold the page already. */
const STAMP_WORD = 513;

/** Requests that one step makes: every `every`-th, beginning with the one numbered `first`. */
const PLAN = {
  write: { every: 1, first: 0 },
  overwrite: { every: 4, first: 1 },
  discard: { every: 10, first: 5 },
  read: { every: 1, first: 0 },
} as const;

export type StepName = keyof typeof PLAN;

export interface Step {
  readonly name: StepName;
  readonly pages: number;
  readonly requests: number;
  readonly us_per_page: number;
}

export interface DriveResult {
  readonly codec: string;
  readonly dedup: boolean;
  readonly request_bytes: number;
  readonly steps: readonly Step[];
  readonly accounting: SlotAccounting;
}

interface Request {
  readonly offset: number;
  readonly length: number;
}

function requestsOf(name: StepName, totalBytes: number): Request[] {
  const { every, first } = PLAN[name];
  const requests: Request[] = [];
  for (let offset = first * REQUEST_BYTES; offset < totalBytes; offset += every * REQUEST_BYTES) {
    requests.push({ offset, length: Math.min(REQUEST_BYTES, totalBytes - offset) });
  }
  return requests;
}

class SwapDrive {
  readonly #pages: Uint8Array;
  readonly #device: Device;
  /** What the device has to give back. */
  readonly #model: Uint8Array;
  readonly #buffer = new Uint8Array(REQUEST_BYTES);
  #stamp = 0;

  constructor(pages: Uint8Array, device: Device) {
    this.#pages = pages;
    this.#device = device;
    this.#model = new Uint8Array(pages.length);
  }

  /** Makes the requests of a step; only the device's part of each is timed. */
  async step(name: StepName): Promise<Step> {
    const requests = requestsOf(name, this.#pages.length);
    let seconds = 0;
    let bytes = 0;
    for (const request of requests) {
      const { offset, length } = request;
      const buffer = this.#prepare(name, request);
      const start = stopwatchClock.seconds();
      if (name === "read") await this.#device.read(offset, buffer);
      else if (name === "discard") await this.#device.discard(offset, length);
      else await this.#device.write(offset, buffer);
      seconds += stopwatchClock.seconds() - start;
      if (name === "read") this.#compare(offset, buffer);
      bytes += length;
    }
    const pages = bytes / PAGE_BYTES;
    return { name, pages, requests: requests.length, us_per_page: (seconds * 1e6) / pages };
  }

  /** The bytes for a request, the model brought to what the device will hold after it. */
  #prepare(name: StepName, { offset, length }: Request): Uint8Array {
    const buffer = this.#buffer.subarray(0, length);
    if (name === "write") buffer.set(this.#pages.subarray(offset, offset + length));
    if (name === "overwrite") this.#takeFromElsewhere(offset, buffer);
    if (name === "discard") this.#model.fill(0, offset, offset + length);
    else if (name !== "read") this.#model.set(buffer, offset);
    return buffer;
  }

  /** Pages from the other half of the captures, changed where a program would have gone on counting. */
  #takeFromElsewhere(offset: number, target: Uint8Array): void {
    const half = Math.floor(this.#pages.length / PAGE_BYTES / 2) * PAGE_BYTES;
    for (let done = 0; done < target.length; done += PAGE_BYTES) {
      const from = (offset + done + half) % this.#pages.length;
      target.set(this.#pages.subarray(from, from + PAGE_BYTES), done);
      this.#stamp += 1;
      new DataView(target.buffer).setUint32(done + STAMP_WORD * 4, this.#stamp, true);
    }
  }

  #compare(offset: number, seen: Uint8Array): void {
    const expected = this.#model.subarray(offset, offset + seen.length);
    if (Buffer.compare(expected, seen) === 0) return;
    const at = seen.findIndex((byte, index) => byte !== expected[index]);
    throw new PagefoldError(
      "CORRUPT",
      `page ${Math.floor((offset + at) / PAGE_BYTES)} reads back as other bytes, from byte ${at % PAGE_BYTES} on: ${seen[at]} instead of ${expected[at]}; this is an error in pagefold, report it`,
    );
  }
}

/**
 * Drives a new device just large enough for `pages`, a whole number of them.
 * @throws PagefoldError CORRUPT if a byte read differs from the model or the accounting is not exact.
 */
export async function driveAsSwap(
  pages: Uint8Array,
  options: { readonly signal: AbortSignal; readonly onStep: (name: StepName) => void },
): Promise<DriveResult> {
  const settings = { codec: "lz4", dedup: true };
  const device = await openDevice({ ...settings, sizeBytes: pages.length });
  try {
    const drive = new SwapDrive(pages, device);
    const steps: Step[] = [];
    for (const name of Object.keys(PLAN) as StepName[]) {
      // The device answers without leaving the event loop's turn; ^C is only heard between turns.
      await setImmediate();
      options.signal.throwIfAborted();
      options.onStep(name);
      steps.push(await drive.step(name));
    }
    const accounting = accountSlots(device.stats(), [device]);
    return { ...settings, request_bytes: REQUEST_BYTES, steps, accounting };
  } finally {
    await device.close();
  }
}
