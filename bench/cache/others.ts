/**
 * For information, nothing required: a cold file read in order, and a file written anew in random order, in write-back
 * and in write-through mode. What was written is read back and compared, and the files as well.
 */

import { PAGE_BYTES } from "../../src/base/units.ts";
import type { CacheMode } from "../../src/index.ts";
import { StampedPages } from "../corpus.ts";
import type { Processes } from "../nbd/processes.ts";
import { type Server, startServer } from "../nbd/servers.ts";
import { CorpusClient } from "./corpus-client.ts";
import { coldObstacle, type Origins } from "./origins.ts";
import { type RateRow, raceTasks } from "./race.ts";
import { type CacheKind, cacheKinds } from "./servers.ts";
import { statusOf } from "./status.ts";

const DEPTH = 16;

export interface OthersResult {
  readonly corpus: string;
  readonly size_bytes: number;
  readonly rounds: number;
  readonly read_back: string;
  readonly rows: readonly RateRow[];
  /** Of our cold reads, in all rounds. */
  readonly ahead_pages: number;
  readonly ahead_useful_pages: number;
}

export interface OthersOptions {
  readonly corpus: string;
  readonly pages: number;
  readonly rounds: number;
  readonly processes: Processes;
  readonly origins: Origins;
  readonly onProgress: (text: string) => void;
}

interface Setting extends OthersOptions {
  readonly client: CorpusClient;
  readonly kinds: (mode: CacheMode) => CacheKind[];
  /** By round: the hash every server is to give back. */
  readonly hashes: Set<string>;
}

export async function runOthers(options: OthersOptions): Promise<OthersResult> {
  const { corpus, pages, rounds, processes, origins } = options;
  const client = new CorpusClient({ corpus, pages, processes });
  origins.hold(new StampedPages(corpus, pages).bytes);
  const setting: Setting = {
    ...options,
    client,
    hashes: new Set(),
    kinds: (mode) => cacheKinds(mode, () => origins.copy()),
  };
  const cold = coldObstacle() === null ? await readCold(setting) : null;
  const written: RateRow[] = [];
  for (const mode of ["write-back", "write-through"] as const)
    written.push(...(await writeAnew(setting, mode)));
  await client.stop();
  return {
    corpus,
    size_bytes: pages * PAGE_BYTES,
    rounds,
    read_back: [...setting.hashes].at(-1)!,
    rows: [...(cold?.rows ?? []), ...written],
    ahead_pages: cold?.ahead ?? 0,
    ahead_useful_pages: cold?.useful ?? 0,
  };
}

async function readCold(
  setting: Setting,
): Promise<{ rows: RateRow[]; ahead: number; useful: number }> {
  const { pages, rounds, processes, origins, client, hashes, onProgress } = setting;
  const kinds = setting.kinds("write-back");
  let ahead = 0;
  let useful = 0;
  const measure = async (kind: CacheKind): Promise<readonly number[]> => {
    const server = await startServer(kind, { processes, sizeBytes: pages * PAGE_BYTES });
    origins.makeCold(kind.origin);
    const asked = { uri: server.uri, depth: 1, isRandom: false };
    const { seconds, hash } = await client.ask({ command: "read", ...asked });
    hashes.add(hash);
    if (kind === kinds[0]) {
      const { cache } = await statusOf(server);
      ahead += cache.ahead_pages;
      useful += cache.ahead_useful_pages;
    }
    await server.stop();
    return [pages / seconds];
  };
  const name = "cold, read in order, depth 1";
  const rows = await raceTasks([{ figures: [{ name, bound: null }], measure }], {
    contestants: kinds,
    rounds,
    onRound: (round) => onProgress(`cold reads: round ${round + 1} of ${rounds}`),
  });
  if (hashes.size !== 1) throw new Error("the servers gave back different bytes");
  for (const { origin } of kinds) origins.remove(origin);
  return { rows, ahead, useful };
}

async function writeAnew(setting: Setting, mode: CacheMode): Promise<RateRow[]> {
  const { pages, rounds, processes, origins, client, hashes, onProgress } = setting;
  const kinds = setting.kinds(mode);
  const contestants: (Server & { origin: string })[] = [];
  for (const kind of kinds) {
    const server = await startServer(kind, { processes, sizeBytes: pages * PAGE_BYTES });
    contestants.push({ ...server, origin: kind.origin });
    const asked = { uri: server.uri, depth: DEPTH, isRandom: true };
    // The same bytes again for each server: only a round's are to be new.
    await client.ask({ command: "write", ...asked });
  }
  const figures = [
    { name: `${mode}, random writes, depth ${DEPTH}`, bound: null },
    { name: `${mode}, the same and a flush`, bound: null },
  ];
  const task = {
    figures,
    async renew() {
      await client.ask({ command: "renew" });
    },
    async measure({ name, uri, origin }: (typeof contestants)[number]) {
      const asked = { uri, depth: DEPTH, isRandom: true };
      const { seconds, flushSeconds, hash } = await client.ask({ command: "write", ...asked });
      if (origins.hash(origin) !== hash) throw new Error(`${name} has not flushed to its file`);
      hashes.add(hash);
      return [pages / seconds, pages / (seconds + flushSeconds)];
    },
  };
  const onRound = (round: number) => onProgress(`${mode} writes: round ${round + 1} of ${rounds}`);
  const rows = await raceTasks([task], { contestants, rounds, onRound });
  for (const server of contestants) {
    await server.stop();
    origins.remove(server.origin);
  }
  return rows;
}
