/** The tables of `npm run bench:cache`. */

import { columns, decimal, share, wholeNumber } from "../../src/report/terminal.ts";
import { figureCell, ratioCell, THOUSANDS } from "../nbd/tables.ts";
import type { HitsResult } from "./hits.ts";
import type { HitMemoryRow } from "./memory.ts";
import type { OthersResult } from "./others.ts";
import type { RateRow } from "./race.ts";

const mib = (bytes: number): string => decimal(bytes / 2 ** 20, 1);
const shortHash = (hash: string): string => hash.slice(0, 16);

function rateTable(rows: readonly RateRow[]): string {
  const servers = rows[0]!.figures.map(({ server }) => server);
  const head = ["4 KiB, k/s", ...servers, ...servers.slice(1).map((name) => `ours / ${name}`)];
  const lines = rows.map(({ name, figures, ratios }) => [
    name,
    ...figures.map((figure) => figureCell(figure, THOUSANDS)),
    ...ratios.map((ratio) => ratioCell(ratio, { isLessBetter: false })),
  ]);
  const align = head.map((_, index) => (index === 0 ? ("left" as const) : ("right" as const)));
  return columns([head, ...lines], { align });
}

export function renderHits({
  corpus,
  size_bytes,
  rounds,
  read_back,
  rows,
  rss_bytes,
}: HitsResult): string {
  const size = `${wholeNumber(size_bytes / 2 ** 20)} MiB, all of it cached`;
  const counts = `median of ${rounds} (least..most), ratios within a round`;
  const title = `reads that hit, ${corpus}, ${size}: ${counts}, read back ${shortHash(read_back)}`;
  return `\n${title}\n${rateTable(rows)}\nour process had ${mib(rss_bytes)} MiB at the end`;
}

export function renderOthers(result: OthersResult): string {
  const { corpus, size_bytes, rounds, read_back, rows, ahead_pages, ahead_useful_pages } = result;
  const size = `${wholeNumber(size_bytes / 2 ** 20)} MiB`;
  const title = `others, ${corpus}, ${size}: medians of ${rounds}, read back ${shortHash(read_back)}`;
  const useful = share(ahead_useful_pages, ahead_pages);
  const ahead = `of ${wholeNumber(ahead_pages)} pages that ours read ahead of the cold reads, ${useful} were asked for`;
  return `\n${title}\n${rateTable(rows)}\n${ahead}`;
}

export function renderHitMemory(rows: readonly HitMemoryRow[]): string {
  const { size_bytes, zipf_exponent, requests } = rows[0]!;
  const asked = `${wholeNumber(size_bytes / 2 ** 20)} MiB, ${wholeNumber(requests)} reads, Zipf ${zipf_exponent}`;
  const title = `memory for the same hit ratio, MiB (${asked}); stamped are pages (compression alone) or copies (duplicates too)`;
  const policies = rows[0]!.rivals.map(({ policy }) => policy);
  const head = [
    ...["corpus", "stamped", "hits", "limit", "tables", "process", "cached", "corpus ratio"],
    ...policies.map((policy) => `whole pages, ${policy}`),
    ...policies.map((policy) => `ours / ${policy}`),
    "read back",
  ];
  const lines = rows.map((row) => [
    ...[row.corpus, row.stamping, share(row.hit_ratio, 1), mib(row.memory_limit)],
    ...[mib(row.metadata_size), mib(row.rss_bytes), mib(row.cached_bytes), decimal(row.ratio)],
    ...row.rivals.map(({ memory_bytes }) => mib(memory_bytes)),
    ...row.rivals.map(
      (rival) =>
        `${decimal(rival.share, 3)} (<= ${decimal(rival.bound, 3)}${rival.is_met ? "" : ", missed"})`,
    ),
    shortHash(row.read_back),
  ]);
  const align = head.map((_, index) => (index < 2 ? ("left" as const) : ("right" as const)));
  return `\n${title}\n${columns([head, ...lines], { align })}`;
}
