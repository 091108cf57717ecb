/**
 * The race: every side writes and reads the same pages in the same run, alternating. A round gives every page contents
 * that nobody holds, then times, for each side in turn: filling a new device, overwriting it full, reading it back.
 */

import { StampedPages } from "./corpus.ts";
import { median, microsecondsEach, settle } from "./measure.ts";
import { readBackHash, type Side } from "./sides.ts";

/** Medians over the rounds, microseconds a page. */
interface RaceRow {
  readonly side: string;
  /** Filling a new device; null where nothing is stored. */
  readonly fill: number | null;
  readonly overwrite: number;
  readonly read: number;
  /** Each over the rival's in the same round, median; null without a rival. */
  readonly fill_ratio: number | null;
  readonly overwrite_ratio: number | null;
  readonly read_ratio: number | null;
  /** First digits of the SHA-256 of all that was read back; equal on all sides. */
  readonly read_back: string;
}

export interface Race {
  readonly corpus: string;
  readonly pages: number;
  readonly rounds: number;
  readonly rows: readonly RaceRow[];
}

interface Times {
  readonly fill: number[];
  readonly overwrite: number[];
  readonly read: number[];
}

/** Rounds that only warm the code up. */
const WARM_UP_ROUNDS = 2;

export async function runRace(
  options: {
    readonly corpus: string;
    readonly pages: number;
    readonly rounds: number;
    readonly rival: string;
  },
  makeSides: (sizeBytes: number) => Promise<readonly Side[]>,
): Promise<Race> {
  const pages = new StampedPages(options.corpus, options.pages);
  const sides = await makeSides(pages.bytes.length);
  const times = sides.map((): Times => ({ fill: [], overwrite: [], read: [] }));
  for (let round = -WARM_UP_ROUNDS; round < options.rounds; round++) {
    // Every other round runs backwards, so that no side always comes after the same one.
    const order = sides.map((_, index) => (round % 2 === 0 ? index : sides.length - 1 - index));
    pages.restamp();
    for (const index of order) {
      const side = sides[index]!;
      await side.renew();
      await settle();
      const fill = await microsecondsEach(pages.count, () => side.write(pages));
      if (round >= 0) times[index]!.fill.push(fill);
    }
    pages.restamp();
    for (const index of order) {
      const side = sides[index]!;
      const overwrite = await microsecondsEach(pages.count, () => side.write(pages));
      const read = await microsecondsEach(pages.count, () => side.read(pages));
      if (round < 0) continue;
      times[index]!.overwrite.push(overwrite);
      times[index]!.read.push(read);
    }
  }
  const rival = sides.findIndex((side) => side.name === options.rival);
  const hashes: string[] = [];
  for (const side of sides) hashes.push(await readBackHash(side, pages));
  const rows = sides.map((side, index): RaceRow => {
    const own = times[index]!;
    const against = times[rival];
    const ratio = (kind: keyof Times): number | null =>
      against && rival !== index
        ? median(own[kind].map((time, round) => time / against[kind][round]!))
        : null;
    return {
      side: side.name,
      fill: side.stores ? median(own.fill) : null,
      overwrite: median(own.overwrite),
      read: median(own.read),
      fill_ratio: side.stores ? ratio("fill") : null,
      overwrite_ratio: ratio("overwrite"),
      read_ratio: ratio("read"),
      read_back: hashes[index]!,
    };
  });
  for (const side of sides) side.close();
  if (new Set(hashes).size !== 1)
    throw new Error(`the sides read back different bytes: ${hashes.join(", ")}`);
  return { corpus: options.corpus, pages: pages.count, rounds: options.rounds, rows };
}
