/** What an export ought to hold and count: plain arrays, nothing shared, nothing compressed. */

import { PAGE_BYTES } from "../../src/base/units.ts";
import type { Device } from "../../src/device/device.ts";
import type { ExportCounts } from "../../src/device/statistics.ts";
import type { Content } from "./contents.ts";
import type { ExportPlan } from "./plan.ts";

export class ModelExport {
  readonly plan: ExportPlan;
  readonly device: Device;
  /** What each slot holds, null if it is not in use. */
  readonly held: (Content | null)[];
  /** The clock's seconds when the slot was last read or written. */
  readonly accessed: number[];
  readonly idle: boolean[];
  /** Whether the next write to the slot has room. */
  readonly reserved: boolean[];
  used = 0;
  reads = 0;
  writes = 0;
  failedWrites = 0;
  discards = 0;

  constructor(plan: ExportPlan, device: Device) {
    this.plan = plan;
    this.device = device;
    this.held = new Array<Content | null>(plan.slots).fill(null);
    this.accessed = new Array<number>(plan.slots).fill(0);
    this.idle = new Array<boolean>(plan.slots).fill(false);
    this.reserved = new Array<boolean>(plan.slots).fill(false);
  }

  get reservedBytes(): number {
    return this.reserved.filter(Boolean).length * PAGE_BYTES;
  }

  get bytes(): number {
    return this.plan.slots * PAGE_BYTES;
  }

  /** Whether the export's own limit keeps the slot from being written. */
  isRefused(index: number): boolean {
    return this.held[index] === null && this.used >= this.plan.slotLimit;
  }

  put(index: number, content: Content | null, seconds: number): void {
    this.used += Number(content !== null) - Number(this.held[index] !== null);
    this.held[index] = content;
    this.reserved[index] = false;
    this.touch(index, seconds);
  }

  reset(): void {
    for (const index of this.held.keys()) this.put(index, null, 0);
    this.reads = 0;
    this.writes = 0;
    this.failedWrites = 0;
    this.discards = 0;
  }

  touch(index: number, seconds: number): void {
    this.accessed[index] = seconds;
    this.idle[index] = false;
  }

  /** Marks what is `age` seconds old or older, or everything: how many slots are idle then. */
  markIdle(now: number, age: number | undefined): number {
    let marked = 0;
    for (const [index, content] of this.held.entries()) {
      if (content === null || content.isSameFilled) continue;
      this.idle[index] = age === undefined || now - this.accessed[index]! >= age;
      marked += Number(this.idle[index]);
    }
    return marked;
  }

  counts(): ExportCounts {
    return {
      name: this.plan.name,
      domain: this.plan.domain,
      size_bytes: this.bytes,
      limit_bytes: this.plan.slotLimit * PAGE_BYTES,
      num_reads: this.reads,
      num_writes: this.writes,
      failed_reads: 0,
      failed_writes: this.failedWrites,
      notify_free: this.discards,
    };
  }
}
