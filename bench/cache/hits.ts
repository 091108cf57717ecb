/**
 * Reads that hit: a file of corpus pages that every cache holds whole, asked in random order by fio, and by our client,
 * which compares all it reads. Ours must count no miss.
 */

import { PAGE_BYTES } from "../../src/base/units.ts";
import { StampedPages } from "../corpus.ts";
import { runFio } from "../nbd/fio-load.ts";
import type { Processes } from "../nbd/processes.ts";
import { type Server, startServer } from "../nbd/servers.ts";
import { CorpusClient } from "./corpus-client.ts";
import type { Origins } from "./origins.ts";
import { type RateRow, raceTasks, type Task } from "./race.ts";
import { cacheKinds } from "./servers.ts";
import { statusOf } from "./status.ts";

const BOUND = 1;
const CLIENT_DEPTH = 16;

/** So many requests at once on each of so many connections. */
export interface HitCell {
  readonly depth: number;
  readonly connections: number;
}

export interface HitsResult {
  readonly corpus: string;
  readonly size_bytes: number;
  readonly rounds: number;
  /** The SHA-256 of what our client read from every server: the file. */
  readonly read_back: string;
  readonly rows: readonly RateRow[];
  readonly rss_bytes: number;
}

export interface HitsOptions {
  readonly corpus: string;
  readonly pages: number;
  readonly rounds: number;
  /** Empty where there is no fio. */
  readonly fioCells: readonly HitCell[];
  readonly fioRuntimeMs: number;
  readonly processes: Processes;
  readonly origins: Origins;
  readonly onProgress: (text: string) => void;
}

export async function runHits(options: HitsOptions): Promise<HitsResult> {
  const { corpus, pages, rounds, processes, origins, onProgress } = options;
  const sizeBytes = pages * PAGE_BYTES;
  origins.hold(new StampedPages(corpus, pages).bytes);
  const kinds = cacheKinds("write-back", () => origins.copy());
  const client = new CorpusClient({ corpus, pages, processes });
  const servers: Server[] = [];
  const hashes = new Set<string>();
  for (const kind of kinds) {
    onProgress(`hits, ${corpus}: filling ${kind.name}`);
    const server = await startServer(kind, { processes, sizeBytes });
    servers.push(server);
    for (const isRandom of [false, true])
      await client.ask({ command: "read", uri: server.uri, depth: CLIENT_DEPTH, isRandom });
  }
  const byFio = options.fioCells.map((cell) => fioTask(cell, { ...options, sizeBytes }));
  const before = await statusOf(servers[0]!);
  const rows = await raceTasks([...byFio, clientTask(client, hashes)], {
    contestants: servers,
    rounds,
    onRound: (round) => onProgress(`hits, ${corpus}: round ${round + 1} of ${rounds}`),
  });
  const after = await statusOf(servers[0]!);
  const misses =
    after.cache.read_pages -
    before.cache.read_pages -
    (after.cache.hit_pages - before.cache.hit_pages);
  if (misses !== 0) throw new Error(`${misses} reads of ours missed, and none was to`);
  if (hashes.size !== 1)
    throw new Error(`the servers gave back different bytes: ${[...hashes].join(", ")}`);
  await client.stop();
  for (const server of servers) await server.stop();
  for (const { origin } of kinds) origins.remove(origin);
  return {
    corpus,
    size_bytes: sizeBytes,
    rounds,
    read_back: [...hashes][0]!,
    rows,
    rss_bytes: after.server.rss_bytes,
  };
}

function clientTask(client: CorpusClient, hashes: Set<string>): Task<Server> {
  return {
    figures: [{ name: `our client, depth ${CLIENT_DEPTH}, 1 conn.`, bound: BOUND }],
    async measure({ uri }) {
      const asked = { uri, depth: CLIENT_DEPTH, isRandom: true };
      const { seconds, pages, hash } = await client.ask({ command: "read", ...asked });
      hashes.add(hash);
      return [pages / seconds];
    },
  };
}

function fioTask(
  { depth, connections }: HitCell,
  options: { processes: Processes; sizeBytes: number; fioRuntimeMs: number },
): Task<Server> {
  const { processes, sizeBytes, fioRuntimeMs } = options;
  const part = sizeBytes / connections;
  let seed = 0;
  return {
    figures: [{ name: `fio, depth ${depth}, ${connections} conn.`, bound: BOUND }],
    async renew() {
      seed += 1;
    },
    async measure({ uri }) {
      const [job] = await runFio(processes, [
        ...[`--uri=${uri}`, `--iodepth=${depth}`, `--bs=${PAGE_BYTES}`, "--rw=randread"],
        ...[`--numjobs=${connections}`, `--size=${part}`, `--offset_increment=${part}`],
        ...["--randrepeat=0", `--randseed=${seed}`, `--runtime=${fioRuntimeMs}ms`],
        ...["--time_based=1", "--name=read"],
      ]);
      if (job === undefined || job.read.total_ios === 0) throw new Error("fio made no request");
      return [job.read.iops];
    },
  };
}
