/** The tables of `npm run bench:nbd`. */

import { PAGE_BYTES } from "../../src/base/units.ts";
import { columns, decimal, wholeNumber } from "../../src/report/terminal.ts";
import type { Figure, LoadResult, MemoryRow, Ratio, Row } from "./load.ts";
import { RIVALS } from "./requirements.ts";

interface Unit {
  readonly name: string;
  readonly per: number;
}

export const THOUSANDS: Unit = { name: "k/s", per: 1000 };

function unitOf({ depth, request_bytes }: Row): Unit {
  if (depth === 1) return { name: "p99 µs", per: 1 };
  return request_bytes === PAGE_BYTES ? THOUSANDS : { name: "GB/s", per: 1e9 / request_bytes };
}

/** Three digits that count. */
const short = (value: number): string => decimal(value, value < 10 ? 2 : value < 100 ? 1 : 0);

/** The median, and between what it lies. */
export function figureCell({ median, least, most }: Figure, { per }: Unit): string {
  return `${short(median / per)} (${short(least / per)}..${short(most / per)})`;
}

/** The ratio, and what it is to be. */
export function ratioCell(
  { ratio, bound, is_met }: Ratio,
  { isLessBetter }: { readonly isLessBetter: boolean },
): string {
  if (bound === null) return decimal(ratio);
  return `${decimal(ratio)} (${isLessBetter ? "<=" : ">="} ${bound}${is_met ? "" : ", missed"})`;
}

export function renderLoad(result: LoadResult): string {
  const { load, size_bytes, rounds, read_back, rows } = result;
  const servers = rows[0]!.figures.map(({ server }) => server);
  const rivals = RIVALS.filter((rival) => servers.includes(rival));
  const lines = rows.map((row) => {
    const unit = unitOf(row);
    const { request_bytes, operation, connections, depth } = row;
    return [
      `${request_bytes / 1024} KiB ${operation}, depth ${depth}, ${connections} conn.`,
      unit.name,
      ...row.figures.map((figure) => figureCell(figure, unit)),
      ...row.ratios.map((ratio) => ratioCell(ratio, { isLessBetter: depth === 1 })),
    ];
  });
  const head = ["", "", ...servers, ...rivals.map((rival) => `ours / ${rival}`)];
  const align = head.map((_, index) => (index < 2 ? ("left" as const) : ("right" as const)));
  const counts = `median of ${rounds} (least..most), ratios within a round`;
  const hash = read_back === null ? "" : `, read back ${read_back}`;
  const title = `${load}, ${wholeNumber(size_bytes / 2 ** 20)} MiB: ${counts}${hash}`;
  return `\n${title}\n${columns([head, ...lines], { align })}`;
}

export function renderMemory(rows: readonly MemoryRow[]): string {
  const mib = (bytes: number): string => decimal(bytes / 2 ** 20, 1);
  const lines = rows.map((row) => [
    row.load,
    mib(row.rss_bytes),
    mib(row.mem_used_total),
    mib(row.metadata_size),
    mib(row.limit_bytes),
    `${decimal(row.rss_bytes / row.limit_bytes)} (<= 1${row.is_met ? "" : ", missed"})`,
  ]);
  const head = ["", "rss", "mem_used_total", "metadata", "allowed", "rss / allowed"];
  const align = ["left", "right", "right", "right", "right", "right"] as const;
  const allowed = "allowed is 1.25 x (mem_used_total + metadata) + 128 MiB";
  return `\nmemory of our server at a load's end, MiB; ${allowed}\n${columns([head, ...lines], { align })}`;
}
