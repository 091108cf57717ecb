/**
 * What memory a hit ratio takes: our cache is asked for the pages of a trace, and caches of whole pages that hit as
 * often are sought by simulation. Counts bytes, not seconds, so it is not repeated.
 */

import { createHash } from "node:crypto";
import { PAGE_BYTES } from "../../src/base/units.ts";
import { createPageStore } from "../../src/index.ts";
import { NbdClient } from "../../src/nbd/client/client.ts";
import { makePass } from "../nbd/passes.ts";
import type { Processes } from "../nbd/processes.ts";
import { type Server, startServer } from "../nbd/servers.ts";
import type { Origins } from "./origins.ts";
import { filePages, type Stamping } from "./pages.ts";
import { ownKind } from "./servers.ts";
import { statusOf } from "./status.ts";
import { zipfTrace } from "./trace.ts";
import { fewestPages, POLICIES } from "./uncompressed.ts";

/** Of the file, the cache's memory limit. */
const MEMORY_PART = 8;
const EXPONENT = 0.9;
const DEPTH = 16;
/** Beside 1 / the corpus's ratio. */
const ALLOWANCE = 1.1;

export interface HitMemoryRow {
  readonly corpus: string;
  readonly stamping: Stamping;
  readonly size_bytes: number;
  readonly zipf_exponent: number;
  readonly requests: number;
  /** Of the second half of the requests; the first fills the cache. */
  readonly hit_ratio: number;
  readonly memory_limit: number;
  readonly mem_used_total: number;
  /** Of the store and the cache. */
  readonly metadata_size: number;
  readonly cached_bytes: number;
  readonly rss_bytes: number;
  /** memory_limit + metadata_size. */
  readonly memory_bytes: number;
  /** The whole file over its mem_used_total in a store. */
  readonly ratio: number;
  readonly read_back: string;
  readonly rivals: readonly MemoryRival[];
}

interface MemoryRival {
  readonly policy: string;
  /** Pages alone, no tables. */
  readonly memory_bytes: number;
  /** Ours over its. */
  readonly share: number;
  readonly bound: number;
  readonly is_met: boolean;
}

export async function runHitMemory(options: {
  readonly corpus: string;
  readonly stamping: Stamping;
  readonly pages: number;
  readonly requests: number;
  readonly processes: Processes;
  readonly origins: Origins;
}): Promise<HitMemoryRow> {
  const { corpus, stamping, pages, requests, processes, origins } = options;
  const bytes = filePages(corpus, pages, stamping);
  const memoryLimit = bytes.length / MEMORY_PART;
  origins.hold(bytes);
  const kind = ownKind(origins.copy(), { memoryLimit });
  const server = await startServer(kind, { processes, sizeBytes: bytes.length });
  const trace = zipfTrace({ pages, requests, exponent: EXPONENT });
  const from = requests / 2;
  const replayed = await replay(server, { trace, from, bytes });
  const { server: own, store, cache } = await statusOf(server);
  await server.stop();
  origins.remove(kind.origin);
  const memoryBytes = memoryLimit + cache.metadata_size;
  const ratio = ratioOf(bytes);
  const rivals = Object.entries(POLICIES).map(([policy, simulate]): MemoryRival => {
    const rivalBytes = PAGE_BYTES * fewestPages(simulate, { trace, from, pages }, replayed.hits);
    const share = memoryBytes / rivalBytes;
    const bound = ALLOWANCE / ratio;
    return { policy, memory_bytes: rivalBytes, share, bound, is_met: share <= bound };
  });
  return {
    corpus,
    stamping,
    size_bytes: bytes.length,
    zipf_exponent: EXPONENT,
    requests,
    hit_ratio: replayed.hits / (requests - from),
    memory_limit: memoryLimit,
    mem_used_total: store.mem_used_total,
    metadata_size: cache.metadata_size,
    cached_bytes: cache.cached_bytes,
    rss_bytes: own.rss_bytes,
    memory_bytes: memoryBytes,
    ratio,
    read_back: replayed.readBack,
    rivals,
  };
}

/** Reads the trace's pages: the hits of those from `from` on, and the hash of all pages that were read. */
async function replay(
  server: Server,
  { trace, from, bytes }: { trace: Uint32Array; from: number; bytes: Uint8Array },
): Promise<{ hits: number; readBack: string }> {
  const client = await NbdClient.connect(server.uri);
  const target = new Uint8Array(bytes.length);
  const read = async (pages: Uint32Array): Promise<number> => {
    await makePass({ requests: pages.length, depth: DEPTH }, (index) => {
      const at = pages[index]! * PAGE_BYTES;
      return client.read(at, target.subarray(at, at + PAGE_BYTES));
    });
    return (await statusOf(server)).cache.hit_pages;
  };
  const before = await read(trace.subarray(0, from));
  const after = await read(trace.subarray(from));
  await client.disconnect();
  for (const page of new Set(trace)) {
    const at = page * PAGE_BYTES;
    const [read, expected] = [target, bytes].map((one) => one.subarray(at, at + PAGE_BYTES));
    if (Buffer.compare(read!, expected!) !== 0) throw new Error(`page ${page} was read wrong`);
  }
  return { hits: after - before, readBack: createHash("sha256").update(target).digest("hex") };
}

function ratioOf(bytes: Uint8Array): number {
  const store = createPageStore({ sizeBytes: bytes.length, codec: "lz4" });
  for (let at = 0; at < bytes.length; at += PAGE_BYTES)
    store.write(at / PAGE_BYTES, bytes.subarray(at, at + PAGE_BYTES));
  const { mem_used_total } = store.stats();
  store.close();
  return bytes.length / mem_used_total;
}
