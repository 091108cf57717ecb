/**
 * The size classes of the kernel's allocator zsmalloc, from its published formulas (64-bit, 4096-byte pages), for any
 * chain size a kernel can be built with. Exact for objects that are allocated and never freed: the allocator fills the
 * fullest zspage first, so n objects of a class take ceil(n / objects per zspage) zspages.
 *
 * Holds always: classes ascend by size; every class has at least one object per zspage; the last one is the huge class,
 * a whole page. What frees and compaction leave behind is the device's matter, not modelled here.
 */

import { PagefoldError } from "../base/errors.ts";
import { PAGE_BYTES } from "../base/units.ts";

/** The chain size (pages a zspage may link) of a kernel built with the default CONFIG_ZSMALLOC_CHAIN_SIZE. */
export const DEFAULT_CHAIN_PAGES = 8;
/** What a kernel's build option allows. */
export const CHAIN_PAGES = { min: 4, max: 16 } as const;

/** zsmalloc keeps the 8-byte handle in front of each object, except in the huge class. */
const HANDLE_BYTES = 8;
const CLASS_BYTES_MIN = 32;
const CLASS_BYTES_STEP = PAGE_BYTES / 256;
const CLASS_STEPS = Math.ceil((PAGE_BYTES - CLASS_BYTES_MIN) / CLASS_BYTES_STEP) + 1;

/** One class as the allocator keeps it after merging. */
interface SizeClass {
  /** Bytes of a place in it, the handle included. */
  readonly sizeBytes: number;
  readonly pagesPerZspage: number;
  readonly objectsPerZspage: number;
}

/** The classes of one chain size. */
export interface Zsmalloc {
  readonly chainPages: number;
  /** Ascending by size. */
  readonly classes: readonly SizeClass[];
  /** zram stores a page raw when its compressed length is this or more. */
  readonly hugeThresholdBytes: number;
  /** The index in `classes` of the class an object of `lengthBytes` (1 to 4096) goes to. */
  classIndex(lengthBytes: number): number;
  /** Pages held once `counts[i]` objects were allocated in class i and none freed. */
  pagesUsed(counts: ArrayLike<number>): number;
}

/** The chain length that wastes least of a zspage; of equals the shortest; powers of two fit one page exactly. */
function chainFor(sizeBytes: number, chainPages: number): number {
  if ((sizeBytes & (sizeBytes - 1)) === 0) return 1;
  let best = 1;
  let bestWaste = PAGE_BYTES % sizeBytes;
  for (let pages = 2; pages <= chainPages; pages++) {
    const waste = (pages * PAGE_BYTES) % sizeBytes;
    if (waste < bestWaste) {
      best = pages;
      bestWaste = waste;
    }
  }
  return best;
}

/**
 * The allocator's classes for a kernel with that CONFIG_ZSMALLOC_CHAIN_SIZE.
 * @throws PagefoldError INVALID_ARGUMENT for a chain size that is not a whole number from 4 to 16.
 */
export function zsmalloc(chainPages: number = DEFAULT_CHAIN_PAGES): Zsmalloc {
  if (
    !Number.isInteger(chainPages) ||
    chainPages < CHAIN_PAGES.min ||
    chainPages > CHAIN_PAGES.max
  ) {
    throw new PagefoldError(
      "INVALID_ARGUMENT",
      `${chainPages} is not a zsmalloc chain size: give a whole number of pages from ${CHAIN_PAGES.min} to ${CHAIN_PAGES.max}, as CONFIG_ZSMALLOC_CHAIN_SIZE takes`,
    );
  }
  const descending: SizeClass[] = [];
  const classOfStep = new Uint16Array(CLASS_STEPS);
  for (let step = CLASS_STEPS - 1; step >= 0; step--) {
    const sizeBytes = Math.min(CLASS_BYTES_MIN + step * CLASS_BYTES_STEP, PAGE_BYTES);
    const pagesPerZspage = chainFor(sizeBytes, chainPages);
    const objectsPerZspage = Math.floor((pagesPerZspage * PAGE_BYTES) / sizeBytes);
    const larger = descending.at(-1);
    const merges =
      larger?.pagesPerZspage === pagesPerZspage && larger.objectsPerZspage === objectsPerZspage;
    if (!merges) descending.push({ sizeBytes, pagesPerZspage, objectsPerZspage });
    classOfStep[step] = descending.length - 1;
  }
  const classes = descending.toReversed();
  const last = classes.length - 1;
  const isHuge = (one: SizeClass) => one.pagesPerZspage === 1 && one.objectsPerZspage === 1;
  const largest = classes.findLast((one) => !isHuge(one))!;

  return {
    chainPages,
    classes,
    hugeThresholdBytes: largest.sizeBytes - (HANDLE_BYTES - 1),
    classIndex(lengthBytes) {
      const over = lengthBytes + HANDLE_BYTES - CLASS_BYTES_MIN;
      const step = Math.max(0, Math.min(CLASS_STEPS - 1, Math.ceil(over / CLASS_BYTES_STEP)));
      return last - classOfStep[step]!;
    },
    pagesUsed(counts) {
      let pages = 0;
      classes.forEach((one, index) => {
        pages += Math.ceil(counts[index]! / one.objectsPerZspage) * one.pagesPerZspage;
      });
      return pages;
    },
  };
}
