/**
 * fio's nbd engine as a load: data of which 60 % is compressed away, new in every request. Each connection is a process
 * with a part of the disk to itself.
 */

import { execFile, spawnSync } from "node:child_process";
import { promisify } from "node:util";
import type { Cell, Load, Sample } from "./load.ts";
import type { Processes } from "./processes.ts";
import { versionOf } from "./servers.ts";

const FIO = "fio";
const FILL: Cell = { requestBytes: 4096, connections: 1, depth: 16 };
const P99 = "99.000000";

interface Side {
  readonly total_ios: number;
  readonly iops: number;
  readonly lat_ns: { readonly percentile: Readonly<Record<string, number>> };
}

interface Job {
  readonly error: number;
  readonly write: Side;
  readonly read: Side;
}

/** Why fio takes no part here, or null if it does. */
export function fioObstacle(): string | null {
  if (versionOf(FIO) === null) return "fio is not installed";
  const hasEngine = spawnSync(FIO, ["--enghelp=nbd"], { encoding: "utf8" }).stdout.includes("uri");
  return hasEngine ? null : "this fio was built without its nbd engine";
}

export class FioLoad implements Load {
  readonly name = "fio, buffer_compress_percentage=60";
  readonly sizeBytes: number;
  readonly #runtimeMs: number;
  readonly #processes: Processes;
  #seed = 1;

  constructor(options: { sizeBytes: number; runtimeMs: number; processes: Processes }) {
    this.sizeBytes = options.sizeBytes;
    this.#runtimeMs = options.runtimeMs;
    this.#processes = options.processes;
  }

  async prepare(uri: string): Promise<void> {
    await this.#run(uri, FILL, []);
  }

  async renew(): Promise<void> {
    this.#seed += 1;
  }

  measure(uri: string, cell: Cell): Promise<Sample> {
    return this.#run(uri, cell, [`--runtime=${this.#runtimeMs}ms`, "--time_based=1"]);
  }

  async close(): Promise<null> {
    return null;
  }

  async #run(uri: string, cell: Cell, limits: readonly string[]): Promise<Sample> {
    const { requestBytes, connections, depth } = cell;
    const part = this.sizeBytes / connections;
    const [write, read] = await runFio(this.#processes, [
      ...[`--uri=${uri}`, `--iodepth=${depth}`, `--bs=${requestBytes}`],
      ...[`--numjobs=${connections}`, `--size=${part}`, `--offset_increment=${part}`],
      ...["--buffer_compress_percentage=60", "--refill_buffers=1"],
      ...["--randrepeat=0", `--randseed=${this.#seed}`, ...limits],
      ...["--name=write", "--rw=write", "--name=read", "--stonewall", "--rw=randread"],
    ]);
    return { write: figureOf(write?.write, depth), read: figureOf(read?.read, depth) };
  }
}

/** Runs fio's nbd engine: what it says of each job. */
export async function runFio(
  processes: Processes,
  jobs: readonly string[],
): Promise<readonly Job[]> {
  const running = promisify(execFile)(FIO, [
    ...["--output-format=json", "--group_reporting=1", "--ioengine=nbd"],
    // Latency from the call on, not from when the request has been handed over.
    ...["--lat_percentiles=1", "--clat_percentiles=0", ...jobs],
  ]);
  processes.add(running.child);
  return parse((await running).stdout);
}

/** What fio prints before its JSON is left out. */
function parse(text: string): readonly Job[] {
  const { jobs } = JSON.parse(text.slice(text.indexOf("{"))) as { jobs: readonly Job[] };
  const failed = jobs.find(({ error }) => error !== 0);
  if (failed) throw new Error(`fio failed with error ${failed.error}`);
  return jobs;
}

function figureOf(side: Side | undefined, depth: number): number {
  if (side === undefined || side.total_ios === 0) throw new Error("fio made no request");
  return depth === 1 ? side.lat_ns.percentile[P99]! / 1000 : side.iops;
}
