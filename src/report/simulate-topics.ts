/**
 * Which columns stand in a table of limited width: those of what the scenario is about, as far as they are something
 * but zero in some variant.
 */

import {
  advantageOf,
  COLUMNS,
  type Column,
  isTelling,
  tellingColumns,
} from "./simulate-columns.ts";
import type { GuestFigures, VariantResult } from "./simulate-result.ts";

type Id = keyof typeof COLUMNS;

function hasZeroed({ counters }: GuestFigures): boolean {
  return (counters.pages_zeroed ?? 0) > 0;
}

/** What a scenario can be about, and its columns, the most telling first. */
const TOPICS: readonly {
  readonly isAbout: (variants: readonly VariantResult[]) => boolean;
  readonly ids: readonly Id[];
}[] = [
  {
    isAbout: (variants) => variants.some((one) => advantageOf(one) !== null),
    ids: ["advantage", "advantageError", "savedMean", "copies", "copies1s", "slowdown"],
  },
  {
    isAbout: (variants) => new Set(variants.map(({ guests }) => guests.length)).size > 1,
    ids: ["guests", "memory", "zero", "savedEnd", "savedMean", "scanner", "slowdown", "killed"],
  },
  {
    isAbout: (variants) => variants.some(({ guests }) => guests.some(hasZeroed)),
    ids: ["zero", "savedMean", "ratio", "slowdown", "swapMemory"],
  },
  {
    isAbout: (variants) => variants.some(({ tmem }) => tmem !== null),
    ids: [
      "diskReads",
      "diskWrites",
      "tmemHits",
      "tmemDropped",
      "tmemRefused",
      "tmemMemory",
      "memory",
      "killed",
    ],
  },
  {
    isAbout: (variants) => variants.some(({ swap }) => swap !== null && swap.pages_out > 0),
    ids: [
      "savedMean",
      "swappedOut",
      "swappedIn",
      "swappedInShared",
      "written",
      "read",
      "swapMemory",
      "ratio",
      "slowdown",
      "killed",
      "joined",
      "equal",
      "memory",
    ],
  },
  {
    isAbout: (variants) => variants.some(({ scanner }) => scanner.hints_generated > 0),
    ids: [
      "savedMean",
      "savedMax",
      "opportunitiesMean",
      "visitsPerMerge",
      "hints",
      "hintsDropped",
      "hintsUseful",
      "scanner",
      "slowdown",
    ],
  },
  {
    isAbout: () => true,
    ids: [
      "savedMean",
      "savedMax",
      "savedEnd",
      "opportunitiesMean",
      "opportunitiesShare",
      "merges",
      "visits",
      "visitsPerMerge",
      "scanner",
      "slowdown",
      "killed",
      "memory",
    ],
  },
];

/** The most telling that fit, in the order of all; `widthOf` is what one takes of `room`. */
export function chosenColumns(
  variants: readonly VariantResult[],
  { room, widthOf }: { readonly room: number; readonly widthOf: (column: Column) => number },
): Column[] {
  const ids = TOPICS.filter(({ isAbout }) => isAbout(variants)).flatMap((topic) => topic.ids);
  const chosen = new Set<Column>();
  let left = room;
  for (const column of ids.map((id): Column => COLUMNS[id])) {
    if (chosen.has(column) || !isTelling(column, variants)) continue;
    const width = widthOf(column);
    if (width > left) continue;
    left -= width;
    chosen.add(column);
  }
  return tellingColumns(variants).filter((column) => chosen.has(column));
}
