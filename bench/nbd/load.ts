/**
 * A load on all servers in one run. The servers are started for the load, filled and warmed by it, and kept for all its
 * rounds, so that every write overwrites a full disk, as swap's do after a while. In a round each cell is measured on
 * one server after the other, every other round in the opposite order, always with the same bytes, which no server
 * holds yet.
 */

import { askServer, controlPathOf } from "../../src/nbd/control.ts";
import type { ServerStatus } from "../../src/report/result.ts";
import { median } from "../measure.ts";
import type { Processes } from "./processes.ts";
import { boundOf, RIVALS } from "./requirements.ts";
import { PAGEFOLD, type Server, type ServerKind, startServer } from "./servers.ts";

/** One way to ask a server: requests of a size, so many at once on each of so many connections. */
export interface Cell {
  readonly requestBytes: number;
  readonly connections: number;
  /** At 1 the figure is the 99th percentile of latency in µs, else requests a second. */
  readonly depth: number;
}

export type Operation = "write" | "read";
export type Sample = Readonly<Record<Operation, number>>;

/** Something that makes requests: fio, or our client with a corpus. */
export interface Load {
  readonly name: string;
  readonly sizeBytes: number;
  /** Fills the whole disk and reads it once. */
  prepare(uri: string): Promise<void>;
  /** What is written from now on is new to every server. */
  renew(): Promise<void>;
  /** Writes in order, then reads in random order. */
  measure(uri: string, cell: Cell): Promise<Sample>;
  /** Ends its processes: the hash of all that was read back, or null where the load keeps none. */
  close(): Promise<string | null>;
}

export interface Figure {
  readonly server: string;
  readonly values: readonly number[];
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

/** Ours over the rival's in the same round, median. */
export interface Ratio {
  readonly rival: string;
  readonly ratio: number;
  readonly bound: number | null;
  readonly is_met: boolean | null;
}

export interface Row {
  readonly operation: Operation;
  readonly request_bytes: number;
  readonly connections: number;
  readonly depth: number;
  readonly unit: "requests/s" | "µs, p99";
  readonly figures: readonly Figure[];
  readonly ratios: readonly Ratio[];
}

/** Our server process when the load had ended. */
export interface MemoryRow {
  readonly load: string;
  readonly rss_bytes: number;
  readonly mem_used_total: number;
  readonly metadata_size: number;
  /** 1.25 x (mem_used_total + metadata_size) + 128 MiB. */
  readonly limit_bytes: number;
  readonly is_met: boolean;
}

export interface LoadResult {
  readonly load: string;
  readonly size_bytes: number;
  readonly rounds: number;
  readonly read_back: string | null;
  readonly rows: readonly Row[];
  readonly memory: MemoryRow;
}

interface Series {
  readonly cell: Cell;
  /** By server, then by round. */
  readonly samples: readonly Sample[][];
}

/** Runs `load` against the servers of `kinds`, the first of them ours. */
export async function runLoad(
  load: Load,
  options: {
    readonly kinds: readonly ServerKind[];
    readonly cells: readonly Cell[];
    readonly rounds: number;
    readonly processes: Processes;
    readonly onProgress: (text: string) => void;
  },
): Promise<LoadResult> {
  const { kinds, cells, rounds, processes, onProgress } = options;
  const servers: Server[] = [];
  for (const kind of kinds) {
    onProgress(`${load.name}: filling ${kind.name}`);
    const server = await startServer(kind, { processes, sizeBytes: load.sizeBytes });
    servers.push(server);
    await load.prepare(server.uri);
  }
  const series = cells.map((cell): Series => ({ cell, samples: servers.map(() => []) }));
  for (let round = 0; round < rounds; round++) {
    onProgress(`${load.name}: round ${round + 1} of ${rounds}`);
    const order = servers.map((_, index) => (round % 2 === 0 ? index : servers.length - 1 - index));
    for (const { cell, samples } of series) {
      await load.renew();
      for (const index of order)
        samples[index]!.push(await load.measure(servers[index]!.uri, cell));
    }
  }
  const memory = await memoryOf(servers[0]!, load.name);
  const readBack = await load.close();
  for (const server of servers) await server.stop();
  return {
    load: load.name,
    size_bytes: load.sizeBytes,
    rounds,
    read_back: readBack,
    rows: series.flatMap((one) => [rowOf(one, "write", servers), rowOf(one, "read", servers)]),
    memory,
  };
}

function rowOf(
  { cell, samples }: Series,
  operation: Operation,
  servers: readonly { readonly name: string }[],
): Row {
  const figures = servers.map(({ name }, index): Figure => {
    const values = samples[index]!.map((sample) => sample[operation]);
    return {
      server: name,
      values,
      median: median(values),
      least: Math.min(...values),
      most: Math.max(...values),
    };
  });
  const { requestBytes, connections, depth } = cell;
  return {
    operation,
    request_bytes: requestBytes,
    connections,
    depth,
    unit: depth === 1 ? "µs, p99" : "requests/s",
    figures,
    ratios: ratiosOf(figures, { cell, operation }),
  };
}

function ratiosOf(
  figures: readonly Figure[],
  asked: { readonly cell: Cell; readonly operation: Operation },
): Ratio[] {
  const own = figures.find(({ server }) => server === PAGEFOLD.name)!;
  return RIVALS.flatMap((rival): Ratio[] => {
    const other = figures.find(({ server }) => server === rival);
    if (other === undefined) return [];
    const ratio = median(own.values.map((value, round) => value / other.values[round]!));
    const bound = boundOf(rival, asked);
    const isWithin = asked.cell.depth === 1 ? ratio <= (bound ?? 0) : ratio >= (bound ?? 0);
    return [{ rival, ratio, bound, is_met: bound === null ? null : isWithin }];
  });
}

async function memoryOf(server: Server, load: string): Promise<MemoryRow> {
  const control = controlPathOf(server.socketPath);
  const status = (await askServer(control, { command: "stat" })) as ServerStatus;
  const { mem_used_total, metadata_size } = status.store;
  const { rss_bytes } = status.server;
  const limit = 1.25 * (mem_used_total + metadata_size) + 128 * 2 ** 20;
  return {
    load,
    rss_bytes,
    mem_used_total,
    metadata_size,
    limit_bytes: limit,
    is_met: rss_bytes <= limit,
  };
}
