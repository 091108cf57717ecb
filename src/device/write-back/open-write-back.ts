/** Opens a store's overflow log, from its medium up, and gives it to the store. */

import { SeededRandom } from "../../base/random.ts";
import { refuseForeignContents } from "../../overflow/foreign-contents.ts";
import { Seal } from "../../overflow/format/seal.ts";
import { Log } from "../../overflow/log.ts";
import { FileMedium } from "../../overflow/media/file.ts";
import type { Medium } from "../../overflow/media/medium.ts";
import { DEFAULT_LEVELLING } from "../../overflow/space/levelling.ts";
import { SegmentSpace } from "../../overflow/space/segment-space.ts";
import { WearLedger } from "../../overflow/wear-ledger.ts";
import type { CheckedOverflowOptions } from "../overflow-options.ts";
import type { StoreCore } from "../store-core.ts";
import { WriteBack } from "./write-back.ts";
import { WriteBudget } from "./write-budget.ts";

/**
 * From so many segments on, survivors of survivors have a stream of their own. Three classes by the lifespans of what a
 * slot held before (space/temperature.ts), survivors sorted by age into them, won nothing here: 48,000 pages,
 * 90 % of the writes to 10 % of them, u = .80, 4 MiB of memory: amplification 2.09 against 2.11 (2026-11-21), since
 * what lives shortest dies in memory. In `wear`, which has no memory before the log, they win much.
 */
const MANY_SEGMENTS = 32;

/**
 * Of the segments that data may fill, so much may live. Beyond it every page would cost the moving of whole segments,
 * and a page written anew would find no room: cleaning could not win as much as its padding takes.
 */
const MOST_LIVE_SHARE = 0.9;

/** Gives the store the log its options ask for; does nothing if they ask for none. */
export async function openWriteBack(store: StoreCore): Promise<void> {
  const { overflow } = store.options;
  if (overflow === undefined) return;
  const medium = await openMedium(overflow);
  try {
    store.attach(await makeWriteBack(store, overflow, medium));
  } catch (cause) {
    await medium.close();
    throw cause;
  }
}

async function openMedium(options: CheckedOverflowOptions): Promise<Medium> {
  if ("medium" in options.place) return options.place.medium;
  const { path } = options.place;
  await refuseForeignContents(path);
  return FileMedium.open({ path, sizeBytes: options.sizeBytes, log: options.onEvent });
}

/** The caller's function must not end what is under way when it says something. */
function guarded(onEvent: (line: string) => void): (line: string) => void {
  return (line) => {
    try {
      onEvent(line);
    } catch (cause) {
      process.emitWarning(`the overflow log's onEvent threw: ${String(cause)}`);
    }
  };
}

async function makeWriteBack(
  store: StoreCore,
  overflow: CheckedOverflowOptions,
  medium: Medium,
): Promise<WriteBack> {
  const { random, clock, codecs } = store.options;
  const { segmentBytes } = overflow;
  const onEvent = guarded(overflow.onEvent);
  const firstOffset = WearLedger.areaBytes(segmentBytes);
  const segments = Math.floor((overflow.sizeBytes - firstOffset) / segmentBytes);
  const ledger = await WearLedger.open({ medium, segmentBytes, segments, random, onEvent });
  const seed = new Uint32Array(1);
  random(new Uint8Array(seed.buffer));
  const space = new SegmentSpace({
    segments,
    segmentBytes,
    policy: overflow.cleaning,
    random: new SeededRandom(seed[0]!),
    levelling: DEFAULT_LEVELLING,
    streams: segments >= MANY_SEGMENTS ? 3 : 2,
    ...(ledger.earlier === null
      ? {}
      : { eraseCounts: ledger.earlier.eraseCounts, retired: ledger.earlier.retired }),
  });
  if (space.retired > 0) {
    onEvent(
      `${space.retired} of the ${segments} segments of ${medium.name} failed in earlier openings and are not used`,
    );
  }
  const seal = new Seal({ isPlain: overflow.isPlain, random });
  const log = new Log({
    medium,
    seal,
    space,
    segmentBytes,
    firstOffset,
    mostLiveShare: MOST_LIVE_SHARE,
    onEvent,
    onErased: () => ledger.erased(),
  });
  await ledger.begin(space, () => log.counts().programmed_bytes);
  return new WriteBack({
    engine: store.engine,
    log,
    space,
    ledger,
    medium,
    codecs,
    clock,
    budget: new WriteBudget({ bytesPerDay: overflow.budgetBytesPerDay, clock }),
    options: overflow,
    onClose: async () => {
      await ledger.save();
      seal.close();
      await medium.close();
    },
  });
}
