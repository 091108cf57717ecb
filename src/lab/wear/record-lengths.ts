/** How long a page's record is on the log: its compressed bytes, its head, and its part of the unit it is sealed in. */

import { loadCodec } from "../../../codecs/registry.ts";
import { PAGE_BYTES } from "../../base/units.ts";
import {
  RECORD_HEAD_BYTES,
  TAG_BYTES,
  UNIT_ALIGN,
  UNIT_HEAD_BYTES,
} from "../../overflow/format/layout.ts";
import { MOST_UNIT_BYTES } from "../../overflow/format/unit.ts";
import { readPageFiles } from "../../trace/page-file.ts";
import { isSameFilled } from "../page-kinds.ts";
import { StoredLength } from "./stored-length.ts";

/** A unit's head, tag and mean padding, per byte of records in it. */
const UNIT_SHARE =
  (UNIT_HEAD_BYTES + TAG_BYTES + UNIT_ALIGN / 2) /
  (MOST_UNIT_BYTES - UNIT_HEAD_BYTES - TAG_BYTES - UNIT_ALIGN / 2);

/** Bytes on the log of a page stored in `length` bytes. */
export function recordBytesOf(length: number): number {
  return Math.round((length + RECORD_HEAD_BYTES) * (1 + UNIT_SHARE));
}

const BATCH_PAGES = 256;

/**
 * Bytes on the log of each page of these files, those of one word left out: no record is written of them.
 * @throws PagefoldError as reading page files and the codecs' registry do.
 */
export async function readRecordLengths(
  files: readonly string[],
  options: {
    readonly codec: string;
    readonly signal?: AbortSignal;
    readonly onProgress?: (fraction: number) => void;
  },
): Promise<Uint16Array> {
  const { codec, signal, onProgress } = options;
  await loadCodec(codec);
  const stored = new StoredLength(codec);
  const lengths: number[] = [];
  const batches = readPageFiles(files, {
    batchPages: BATCH_PAGES,
    ...(signal === undefined ? {} : { signal }),
    onProgress: ({ bytesRead, bytesTotal }) =>
      onProgress?.(bytesTotal ? bytesRead / bytesTotal : 0),
  });
  for await (const batch of batches) {
    for (let offset = 0; offset < batch.length; offset += PAGE_BYTES) {
      const page = batch.subarray(offset, offset + PAGE_BYTES);
      if (!isSameFilled(page)) lengths.push(recordBytesOf(stored.of(page)));
    }
  }
  return Uint16Array.from(lengths);
}
