/** Caches over origins in memory, closed when the test is over, and pages that tell who they are. */

import { onTestFinished } from "vitest";
import type { Cache } from "../../src/cache/cache.ts";
import { openCache } from "../../src/cache/open-cache.ts";
import type { CacheOptions } from "../../src/cache/options.ts";
import { MemoryOrigin } from "../support/origins.ts";
import { numberedPage } from "../support/pages.ts";

export const PAGE = 4096;

/** Pages with their numbers in them, `extraBytes` of the last one behind. */
export function numbered(pages: number, extraBytes = 0): Uint8Array {
  const bytes = new Uint8Array(pages * PAGE + extraBytes);
  for (let page = 0; page < pages; page++) bytes.set(numberedPage(page), page * PAGE);
  if (extraBytes > 0) bytes.set(numberedPage(pages).subarray(0, extraBytes), pages * PAGE);
  return bytes;
}

export interface Opened {
  readonly cache: Cache;
  readonly origin: MemoryOrigin;
  readonly events: string[];
}

/** A cache that flushes when it is told to, unless the options say otherwise. */
export async function opened(
  bytes: Uint8Array,
  options: Partial<CacheOptions> = {},
): Promise<Opened> {
  const origin = new MemoryOrigin(bytes);
  const events: string[] = [];
  const cache = await openCache({
    origin,
    memoryLimitBytes: 2 ** 20,
    flushSeconds: 86_400,
    readAheadBytes: 0,
    onEvent: (line) => events.push(line),
    ...options,
  });
  onTestFinished(() => cache.close({ abandon: true }));
  return { cache, origin, events };
}

/** Reads through the cache. */
export async function readBytes(cache: Cache, offset: number, length: number): Promise<Uint8Array> {
  const target = new Uint8Array(length);
  await cache.read(offset, target);
  return target;
}
