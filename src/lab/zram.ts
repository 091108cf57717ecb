/**
 * What a kernel zram's mm_stat would show after pages were written to a fresh device once, in order: the same-filled
 * test, compression, raw storage from zsmalloc's huge threshold on, and zsmalloc's classes. The sizes are those of the
 * codec given; for lz4 they equal the kernel's (same encoder), for others they are the nearest we have.
 *
 * Holds always: a page is same-filled or stored; the order of writes does not matter, since nothing is freed.
 */

import type { Codec } from "../../codecs/codec.ts";
import { PAGE_BYTES } from "../base/units.ts";
import type { ClassCount, ZramResult } from "../report/result.ts";
import { isSameFilled } from "./page-kinds.ts";
import { DEFAULT_CHAIN_PAGES, type Zsmalloc, zsmalloc } from "./zsmalloc.ts";

/** The room zram gives its codecs; no page's compressed form is longer. */
export const COMPRESSED_BYTES_MAX = 2 * PAGE_BYTES;

/** zram's own tables: 16 bytes a page of the device, 8 a stored object (zsmalloc's handle). */
const SLOT_BYTES = 16;
const OBJECT_BYTES = 8;

/** Algorithms mainline zram offers that pagefold has too. */
const KERNEL_CODECS = new Set(["lz4", "zstd", "deflate"]);

/** Adds up what zram would store, page by page. */
export class ZramModel {
  readonly #codec: string;
  readonly #allocator: Zsmalloc;
  readonly #objects: Float64Array;
  #samePages = 0;
  #hugePages = 0;
  #storedPages = 0;
  #comprDataSize = 0;

  /** `codec` by its name with level; `chainPages` as zsmalloc() takes it, which also checks it. */
  constructor(codec: string, chainPages: number = DEFAULT_CHAIN_PAGES) {
    this.#codec = codec;
    this.#allocator = zsmalloc(chainPages);
    this.#objects = new Float64Array(this.#allocator.classes.length);
  }

  /** A page whose words are all equal: kept in the table, stored nowhere. */
  addSameFilled(): void {
    this.#samePages += 1;
  }

  /** A page the codec made `lengthBytes` long; 0 says it did not fit. */
  addCompressed(lengthBytes: number): void {
    const isHuge = lengthBytes === 0 || lengthBytes >= this.#allocator.hugeThresholdBytes;
    const storedBytes = isHuge ? PAGE_BYTES : lengthBytes;
    const index = this.#allocator.classIndex(storedBytes);
    this.#objects[index] = this.#objects[index]! + 1;
    this.#comprDataSize += storedBytes;
    this.#storedPages += 1;
    if (isHuge) this.#hugePages += 1;
  }

  /** The classes that hold objects, ascending. */
  histogram(): ClassCount[] {
    return this.#allocator.classes.flatMap((one, index) => {
      const objects = this.#objects[index]!;
      const zspages = Math.ceil(objects / one.objectsPerZspage);
      const memUsed = zspages * one.pagesPerZspage * PAGE_BYTES;
      return objects === 0 ? [] : [{ size: one.sizeBytes, objects, mem_used: memUsed }];
    });
  }

  mmStat(): ZramResult {
    const pages = this.#samePages + this.#storedPages;
    return {
      orig_data_size: pages * PAGE_BYTES,
      compr_data_size: this.#comprDataSize,
      mem_used_total: this.#allocator.pagesUsed(this.#objects) * PAGE_BYTES,
      same_pages: this.#samePages,
      huge_pages: this.#hugePages,
      checked: this.#codec === "lz4" && this.#allocator.chainPages === DEFAULT_CHAIN_PAGES,
      in_kernel: KERNEL_CODECS.has(this.#codec.split(":")[0]!),
      metadata_size: pages * SLOT_BYTES + this.#storedPages * OBJECT_BYTES,
    };
  }
}

/** Predicts mm_stat for `batches` of whole pages and a loaded codec. */
export async function predictZram(
  batches: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: { readonly codec: Codec; readonly chainPages?: number },
): Promise<ZramResult> {
  const { codec, chainPages } = options;
  const model = new ZramModel(codec.name, chainPages);
  const target = new Uint8Array(COMPRESSED_BYTES_MAX);
  for await (const batch of batches) {
    for (let offset = 0; offset < batch.length; offset += PAGE_BYTES) {
      const page = batch.subarray(offset, offset + PAGE_BYTES);
      if (isSameFilled(page)) model.addSameFilled();
      else model.addCompressed(codec.compress(page, target));
    }
  }
  return model.mmStat();
}
