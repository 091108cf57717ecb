/**
 * A file served through a cache that has room for a small part of it, so that pages leave and are flushed all the time.
 * The file ends in the midst of a page, and of a sector.
 */

import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { type Served, scratchOfTest, serveForAll } from "../../support/served.ts";
import { IMAGE_BYTES, writeImage } from "./image.ts";

const TAIL = Buffer.from(Array.from({ length: 1700 }, (_, index) => index * 7));

export const CACHED_BYTES = IMAGE_BYTES + TAIL.length;

type CacheArguments = (folder: string) => readonly string[];

export const WRITE_THROUGH: CacheArguments = () => [
  "--cache-mode=write-through",
  "--memory-limit=2M",
];

/** The caches every judge looks at. */
export const CACHES: readonly { readonly name: string; readonly cache: CacheArguments }[] = [
  { name: "in write-back mode", cache: () => ["--cache-mode=write-back", "--memory-limit=2M"] },
  { name: "in write-through mode", cache: WRITE_THROUGH },
  {
    name: "in write-back mode, with an overflow log",
    cache: (folder) => [
      ...["--cache-mode=write-back", "--memory-limit=1M"],
      ...["--overflow", join(folder, "log"), "--overflow-size=8M"],
    ],
  },
];

function writeCachedImage(path: string): string {
  writeImage(path);
  appendFileSync(path, TAIL);
  return path;
}

/** The same bytes as the cached file has at first; gone with the test. */
export const imageOfTest = (): string => writeCachedImage(join(scratchOfTest(), "image"));

export interface Cached {
  readonly served: Served;
  /** The file behind the cache. */
  readonly origin: string;
  /** Tells the server to end, which has to bring everything to the file. */
  end(): Promise<void>;
}

/** For several tests; the hook that starts it has to stop the server, and its folder is gone then. */
export async function serveCached(cache: CacheArguments): Promise<Cached> {
  const originIn = (folder: string) => join(folder, "origin");
  const served = await serveForAll((folder) => {
    const origin = writeCachedImage(originIn(folder));
    return ["--cache-of", origin, ...cache(folder)];
  });
  const end = async () => {
    const { failed_reads, failed_writes, failed_syncs } = (await served.status()).cache!;
    expect({ failed_reads, failed_writes, failed_syncs }).toEqual({
      failed_reads: 0,
      failed_writes: 0,
      failed_syncs: 0,
    });
    const { code, stderr } = await served.end();
    expect(code, stderr).toBe(0);
  };
  return { served, origin: originIn(served.folder), end };
}
