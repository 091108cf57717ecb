/**
 * Copies the anonymous pages of a running process into a file of pages: those the kernel could swap out, so also pages
 * of private file mappings the process has written to. In address order, each page as it is at the moment it is read.
 *
 * Holds always: every page of the process's mappings is captured, or counted as unreadable or left out with its reason
 * (except after a page limit); the file appears only when it is whole. What the pages hold is not looked at, except to
 * tell the kernel's shared page of zeros, which is never swapped, from pages the process owns.
 */

import { setImmediate } from "node:timers/promises";
import { PagefoldError } from "../base/errors.ts";
import { PAGE_BYTES } from "../base/units.ts";
import type { CaptureResult } from "../report/result.ts";
import { PageCopier } from "./page-copier.ts";
import { createPageFile } from "./page-file-writer.ts";
import { ProcessMemory } from "./process-memory.ts";

export interface CaptureOptions {
  readonly output: string;
  readonly overwrite?: boolean;
  /** Stop after that many pages, 1 or more. */
  readonly limitPages?: number;
  readonly onProgress?: (pagesLookedAt: number, pagesMapped: number) => void;
  readonly signal?: AbortSignal;
}

/** Why a process without a page to capture has none. */
function nothing(memory: ProcessMemory, copier: PageCopier): PagefoldError {
  const { unreadable, isEnded } = copier;
  const failed = Object.values(unreadable).reduce((sum, pages) => sum + pages, 0);
  const why = isEnded
    ? "it ended while it was read"
    : `of its mappings ${failed} pages could not be read and the others hold no anonymous page`;
  return new PagefoldError(
    isEnded ? "NOT_FOUND" : "IO",
    `process ${memory.pid} (${memory.command}) gave 0 pages and a file of pages holds at least 1: ${why}; name a process that runs and has written to its memory`,
  );
}

/**
 * Captures process `pid` into a new file.
 * @throws PagefoldError as ProcessMemory.open and createPageFile do, and IO where there is no page to capture.
 */
export async function captureProcess(pid: number, options: CaptureOptions): Promise<CaptureResult> {
  const { output, overwrite = false, limitPages = Number.POSITIVE_INFINITY, signal } = options;
  const memory = ProcessMemory.open(pid);
  try {
    const writer = await createPageFile(output, { overwrite });
    try {
      const copier = new PageCopier(memory, { writer, limitPages });
      let pagesLookedAt = 0;
      const pagesMapped = memory.mappings.reduce(
        (sum, one) => sum + one.endPage - one.firstPage,
        0,
      );
      for (const mapping of memory.mappings) {
        for await (const pages of copier.copy(mapping)) {
          pagesLookedAt += pages;
          options.onProgress?.(pagesLookedAt, pagesMapped);
          // Lets an interrupt be heard: reading /proc never waits.
          await setImmediate();
          signal?.throwIfAborted();
        }
      }
      await copier.flush();
      if (writer.pages === 0) throw nothing(memory, copier);
      const { fileBytes } = await writer.finish();
      return {
        pid,
        command_name: memory.command,
        file: output,
        file_bytes: fileBytes,
        pages: writer.pages,
        bytes: writer.pages * PAGE_BYTES,
        swapped_pages: copier.swappedPages,
        unreadable: copier.unreadable,
        left_out: copier.leftOut,
        limit_reached: copier.isLimitReached,
        process_ended: copier.isEnded,
      };
    } catch (cause) {
      await writer.abort();
      throw cause;
    }
  } finally {
    memory.close();
  }
}
