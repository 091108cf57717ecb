/**
 * What every medium has to hold to; test/overflow/media/media.test.ts runs it for each. A segment is written from its
 * start on, program unit by program unit, and erased before it is written again, as the log does it.
 *
 * Random cases come from one seed, which each run prints (test/support/seed.ts).
 */

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SeededRandom } from "../../src/base/random.ts";
import type { Medium } from "../../src/overflow/media/medium.ts";
import { isEqual } from "../support/checked-codec.ts";
import { guarded, guardedCopy } from "../support/guarded.ts";
import { expectRejection, refusal } from "../support/refusals.ts";
import { testSeed } from "../support/seed.ts";

export interface MediumSuite {
  readonly name: string;
  /** A fresh medium of that size. */
  readonly open: (sizeBytes: number) => Promise<Medium>;
  /** Undoes what `open` needed beside the medium, which is closed by then. */
  readonly release?: () => Promise<void>;
  /** The reason why this medium cannot be tested here, or "". */
  readonly skip?: string;
}

const SEGMENT_BYTES = 2 ** 17;
const SEGMENTS = 16;
const SIZE_BYTES = SEGMENTS * SEGMENT_BYTES;
const RANDOM_STEPS = 400;

/** Registers the whole suite for one medium. */
export function describeMedium({ name, open, release, skip = "" }: MediumSuite): void {
  describe.skipIf(skip !== "")(skip ? `${name} (skipped: ${skip})` : name, () => {
    const seed = testSeed(name);
    let medium: Medium;

    beforeEach(async () => {
      medium = await open(SIZE_BYTES);
    });

    afterEach(async () => {
      await medium.close();
      await release?.();
    });

    const bytesOf = (length: number): Uint8Array => {
      const bytes = new Uint8Array(length);
      new SeededRandom(seed + length).fill(bytes);
      return bytes;
    };

    it("is as large as asked for, in whole program units", () => {
      expect(medium.sizeBytes).toBe(SIZE_BYTES);
      expect(SEGMENT_BYTES % medium.programBytes).toBe(0);
      expect(medium.name).not.toBe("");
    });

    it("read gives what write wrote, at any alignment, through random writes and erases", async () => {
      const random = new SeededRandom(seed);
      const model = new Uint8Array(SIZE_BYTES);
      const used = new Uint32Array(SEGMENTS);
      const compare = async (start: number, length: number): Promise<void> => {
        const target = guarded(length, random.below(16));
        await medium.read(start, target.bytes);
        expect(isEqual(target.bytes, model.subarray(start, start + length)), `${start}`).toBe(true);
        expect(target.isIntact()).toBe(true);
      };
      for (let step = 0; step < RANDOM_STEPS; step++) {
        const segment = random.below(SEGMENTS);
        const start = segment * SEGMENT_BYTES;
        const filled = used[segment]!;
        const choice = random.below(10);
        if (choice < 5 && filled < SEGMENT_BYTES) {
          const units = 1 + random.below((SEGMENT_BYTES - filled) / medium.programBytes);
          const source = guardedCopy(model.subarray(0, units * medium.programBytes), step % 16);
          random.fill(source.bytes);
          model.set(source.bytes, start + filled);
          await medium.write(start + filled, source.bytes);
          expect(source.isIntact()).toBe(true);
          used[segment] = filled + source.bytes.length;
        } else if (choice < 9 && filled > 0) {
          const from = random.below(filled);
          await compare(start + from, 1 + random.below(filled - from));
        } else if (choice === 9) {
          await medium.erase(start, SEGMENT_BYTES);
          used[segment] = 0;
        }
      }
      await medium.flush();
      for (const [segment, length] of used.entries())
        await compare(segment * SEGMENT_BYTES, length);
    });

    it("write has taken its source when it is done", async () => {
      const source = bytesOf(medium.programBytes);
      const kept = source.slice();
      await medium.write(0, source);
      source.fill(0);
      const target = new Uint8Array(kept.length);
      await medium.read(0, target);
      expect(isEqual(target, kept)).toBe(true);
    });

    it("write and read keep apart what goes on in all segments at once", async () => {
      const writes = Array.from({ length: SEGMENTS }, (_, segment) =>
        bytesOf((1 + (segment % (SEGMENT_BYTES / medium.programBytes))) * medium.programBytes).fill(
          segment,
          0,
          8,
        ),
      );
      await Promise.all(
        writes.map((bytes, segment) => medium.write(segment * SEGMENT_BYTES, bytes)),
      );
      const reads = writes.map(async (bytes, segment) => {
        const target = new Uint8Array(bytes.length);
        await medium.read(segment * SEGMENT_BYTES, target);
        return isEqual(target, bytes);
      });
      expect(await Promise.all(reads)).toEqual(writes.map(() => true));
    });

    it("read takes what was never written, up to the last byte", async () => {
      await medium.read(SIZE_BYTES - 100, new Uint8Array(100));
      await medium.read(SIZE_BYTES, new Uint8Array(0));
    });

    it("write reaches the last program unit", async () => {
      const source = bytesOf(medium.programBytes);
      await medium.write(SIZE_BYTES - source.length, source);
      const target = new Uint8Array(source.length);
      await medium.read(SIZE_BYTES - source.length, target);
      expect(isEqual(target, source)).toBe(true);
    });

    it("erase leaves the segments beside it alone", async () => {
      const source = bytesOf(SEGMENT_BYTES);
      for (const segment of [0, 1, 2]) await medium.write(segment * SEGMENT_BYTES, source);
      await medium.erase(SEGMENT_BYTES, SEGMENT_BYTES);
      const target = new Uint8Array(SEGMENT_BYTES);
      for (const segment of [0, 2]) {
        await medium.read(segment * SEGMENT_BYTES, target);
        expect(isEqual(target, source), `segment ${segment}`).toBe(true);
      }
    });

    it("erase takes the whole medium at once", async () => {
      const source = bytesOf(medium.programBytes);
      await medium.write(0, source);
      await medium.erase(0, SIZE_BYTES);
      await medium.write(0, source);
    });

    it.each([
      ["a read past the end", (m: Medium) => m.read(SIZE_BYTES - 1, new Uint8Array(2))],
      ["a read before the start", (m: Medium) => m.read(-1, new Uint8Array(2))],
      ["a write past the end", (m: Medium) => m.write(SIZE_BYTES, new Uint8Array(m.programBytes))],
      ["a write off the grid", (m: Medium) => m.write(512, new Uint8Array(m.programBytes))],
      ["a write of part of a program unit", (m: Medium) => m.write(0, new Uint8Array(512))],
      ["an erase off the grid", (m: Medium) => m.erase(512, SEGMENT_BYTES)],
      ["an erase past the end", (m: Medium) => m.erase(0, SIZE_BYTES + SEGMENT_BYTES)],
    ])("asserts against %s", async (_, act) => {
      await expect(act(medium)).rejects.toThrow("broken assumption");
    });

    it("close may be called again, also before it is done", async () => {
      await Promise.all([medium.close(), medium.close()]);
      await medium.close();
    });

    it("refuses everything once closed", async () => {
      await medium.close();
      const closed = refusal.closed(medium.name);
      await expectRejection(() => medium.read(0, new Uint8Array(1)), closed);
      await expectRejection(() => medium.write(0, new Uint8Array(medium.programBytes)), closed);
      await expectRejection(() => medium.erase(0, SEGMENT_BYTES), closed);
      await expectRejection(() => medium.flush(), closed);
    });
  });
}
