/**
 * What each corpus takes in memory, as it is (no stamps): the kernel's zram against the store with dedup off and on.
 */

import { getCodec } from "../codecs/registry.ts";
import { PAGE_BYTES } from "../src/base/units.ts";
import { pageAlignedBytes } from "../src/base/wasm.ts";
import { createPageStore } from "../src/index.ts";
import { predictZram } from "../src/lab/zram.ts";
import { corpusPages } from "./corpus.ts";
import type { ZramDevice } from "./zram-device.ts";

export interface MemoryRow {
  readonly corpus: string;
  readonly pages: number;
  readonly side: string;
  readonly mem_used_total: number;
  readonly metadata_size: number;
  readonly total: number;
}

/** `device` null: zram's row is predicted, and says so. */
export async function runMemory(corpus: string, device: ZramDevice | null): Promise<MemoryRow[]> {
  const plain = corpusPages(corpus);
  const pages = plain.length / PAGE_BYTES;
  const rows = [await zramRow(corpus, plain, device)];
  for (const dedup of [false, true]) {
    const store = createPageStore({ sizeBytes: plain.length, codec: "lz4", dedup });
    for (let index = 0; index < pages; index++) {
      store.write(index, plain.subarray(index * PAGE_BYTES, (index + 1) * PAGE_BYTES));
    }
    const { mem_used_total, metadata_size } = store.stats();
    store.close();
    rows.push({
      corpus,
      pages,
      side: `pagefold lz4, dedup ${dedup ? "on" : "off"}`,
      mem_used_total,
      metadata_size,
      total: mem_used_total + metadata_size,
    });
  }
  return rows;
}

async function zramRow(
  corpus: string,
  plain: Uint8Array,
  device: ZramDevice | null,
): Promise<MemoryRow> {
  const pages = plain.length / PAGE_BYTES;
  const predicted = await predictZram([plain], { codec: getCodec("lz4") });
  let used = predicted.mem_used_total;
  if (device !== null) {
    const bytes = pageAlignedBytes(plain.length);
    bytes.set(plain);
    device.setUp("lz4", bytes.length);
    device.writeAll(bytes);
    used = device.stat().mem_used_total;
  }
  return {
    corpus,
    pages,
    side: device === null ? "kernel zram lz4, predicted" : "kernel zram lz4",
    mem_used_total: used,
    // 16 bytes a slot and 8 an object, which mem_used_total leaves out.
    metadata_size: predicted.metadata_size,
    total: used + predicted.metadata_size,
  };
}
