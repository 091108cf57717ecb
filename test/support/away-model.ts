/**
 * A second engine, in plain JavaScript, that shares nothing with the first: objects with their state, and every count
 * derived anew from them. What hangs on memory being short or on chance (which of two equal objects is found) it takes
 * from the engine under test, after checking that it may be so.
 */

import { assert } from "../../src/base/assert.ts";
import { PAGE_BYTES } from "../../src/base/units.ts";
import type { EngineStats } from "../../src/engine/engine.ts";
import { longestLength, roomFor } from "./size-classes.ts";
import { sizedPage } from "./sized-codec.ts";

type State = "plain" | "leaving" | "copied" | "away";

export interface ModelObject {
  number: number;
  domain: number;
  state: State;
  length: number;
  /** The longest length of the class it lies in: above its own length's where it took a place over. */
  room: number;
  priority: number;
  references: number;
  isExhausted: boolean;
}

/** Lengths of a page by priority: some raw, some that no codec shrinks, some that a second one does. */
export function lengthsOf(number: number): readonly [number, number] {
  const first = 20 + ((number * 1237) % (PAGE_BYTES - 19));
  const second = number % 3 === 0 ? first : 20 + ((number * 977) % Math.max(1, first - 20));
  return [stored(first), stored(second)];
}

/** What an engine makes of a compressed length. */
function stored(length: number): number {
  return length > longestLength ? PAGE_BYTES : length;
}

export function pageOf(number: number): Uint8Array {
  return sizedPage({ number, lengths: lengthsOf(number) });
}

export class AwayModel {
  readonly objects = new Map<number, ModelObject>();
  /** Ids whose bytes on the log the last call made dead. */
  dropped = 0;
  #hugeSince = 0;

  of(id: number): ModelObject {
    const object = this.objects.get(id);
    assert(object !== undefined, `the model has no object ${id}`);
    return object;
  }

  /** Ids of the objects with these contents, in memory or away. */
  alike(number: number, domain: number, isAway: boolean): number[] {
    return [...this.objects]
      .filter(([, each]) => each.number === number && each.domain === domain)
      .filter(([, each]) => (each.state === "away") === isAway)
      .map(([id]) => id);
  }

  /** A new object, or one in the place of another. */
  store(id: number, number: number, domain: number): void {
    const [length] = lengthsOf(number);
    if (length === PAGE_BYTES) this.#hugeSince += 1;
    const room = roomFor(length);
    const object = { number, domain, length, room, priority: 0, references: 1, isExhausted: false };
    this.objects.set(id, { ...object, state: "plain" });
  }

  /** The object's bytes change or go. */
  #end(id: number): void {
    const { state } = this.of(id);
    if (state === "copied" || state === "away") this.dropped = id;
  }

  overwrite(id: number, number: number, domain: number): void {
    this.#end(id);
    const { room } = this.of(id);
    this.store(id, number, domain);
    // A raw object's page is cut up for the next one.
    if (room < PAGE_BYTES) this.of(id).room = room;
  }

  release(id: number): void {
    const object = this.of(id);
    if (object.references > 1) {
      object.references -= 1;
      return;
    }
    this.#end(id);
    this.objects.delete(id);
  }

  recode(id: number): void {
    const object = this.of(id);
    this.#end(id);
    object.state = "plain";
    object.length = lengthsOf(object.number)[1];
    object.room = roomFor(object.length);
    object.priority = 1;
  }

  /** Whether the second codec takes the object to a smaller class. */
  shrinks(id: number): boolean {
    const { number, room, state } = this.of(id);
    const [, second] = lengthsOf(number);
    return state !== "away" && second < PAGE_BYTES && roomFor(second) < room;
  }

  counts(): Partial<EngineStats> {
    const counts = {
      objects: 0,
      compr_data_size: 0,
      dup_pages: 0,
      dup_data_size: 0,
      huge_pages: 0,
      huge_pages_since: this.#hugeSince,
      away_objects: 0,
      away_bytes: 0,
      copied_bytes: 0,
    };
    for (const { state, length, references } of this.objects.values()) {
      counts.objects += 1;
      counts.dup_pages += references - 1;
      counts.dup_data_size += length * (references - 1);
      counts.copied_bytes += state === "copied" ? length : 0;
      if (state === "away") {
        counts.away_objects += 1;
        counts.away_bytes += length;
      } else {
        counts.compr_data_size += length;
        counts.huge_pages += Number(length === PAGE_BYTES);
      }
    }
    return counts;
  }
}
