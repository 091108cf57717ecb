/**
 * What an export may hold: for each slot every content it can have. It is one, until a write fails or several are under
 * way at once; reading the slot then tells which it was.
 */

import { PAGE_BYTES } from "../../../src/base/units.ts";
import type { Device } from "../../../src/device/device.ts";
import { AuditError } from "../audit.ts";
import type { Content } from "../contents.ts";

export type Held = Content | null;

/** What a slot may hold after a change, by what it held before. */
export type Change = (held: Held) => readonly Held[];

export interface SlotChange {
  readonly change: Change;
  /** Whether it must have happened; else it may have. */
  readonly isDone: boolean;
}

export class HeldPages {
  readonly name: string;
  readonly domain: string;
  readonly device: Device;
  /** By slot. */
  readonly options: (readonly Held[])[];

  constructor(
    device: Device,
    { name, domain, slots }: { name: string; domain: string; slots: number },
  ) {
    this.name = name;
    this.domain = domain;
    this.device = device;
    this.options = Array.from({ length: slots }, () => [null]);
  }

  get slots(): number {
    return this.options.length;
  }

  get bytes(): number {
    return this.slots * PAGE_BYTES;
  }

  /** Does changes that were under way together: what the slot may have held on the way. */
  apply(index: number, changes: readonly SlotChange[]): Set<Held> {
    const seen = new Set<Held>();
    const last = new Set<Held>();
    const visit = (held: Held, left: readonly SlotChange[]): void => {
      seen.add(held);
      if (left.every(({ isDone }) => !isDone)) last.add(held);
      for (const each of left) {
        const others = left.filter((other) => other !== each);
        for (const next of each.change(held)) visit(next, others);
      }
    };
    for (const held of this.options[index]!) visit(held, changes);
    this.options[index] = [...last];
    return seen;
  }

  /** Keeps what the slot may hold, of that it was found to hold `part`, from byte `from` of the page on. */
  found(index: number, part: Uint8Array, from: number): void {
    const left = this.options[index]!.filter((held) => holdsPart(held, part, from));
    if (left.length === 0)
      throw new AuditError(`page ${index} of "${this.name}" is none of what it may be`);
    this.options[index] = left;
  }
}

const NO_BYTES = new Uint8Array(PAGE_BYTES);

/** Whether the page has these bytes from byte `from` on. */
export function holdsPart(held: Held, part: Uint8Array, from: number): boolean {
  const bytes = held?.bytes ?? NO_BYTES;
  return Buffer.compare(bytes.subarray(from, from + part.length), part) === 0;
}
