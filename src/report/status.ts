/** What a running server says of itself, as a person reads it. */

import { printable } from "../base/text.ts";
import { formatSize } from "../base/units.ts";
import { cacheSection } from "./cache.ts";
import { overflowSection } from "./overflow.ts";
import type { ExportStatus, ServerStatus } from "./result.ts";
import { columns, decimal, type Emphasis, share, wholeNumber } from "./terminal.ts";

function duration(seconds: number): string {
  const whole = Math.floor(seconds);
  const parts = [
    [Math.floor(whole / 86_400), "d"],
    [Math.floor(whole / 3600) % 24, "h"],
    [Math.floor(whole / 60) % 60, "min"],
    [whole % 60, "s"],
  ] as const;
  const first = parts.findIndex(([count]) => count > 0);
  const shown = first < 0 ? parts.slice(3) : parts.slice(first, first + 2);
  return shown.map(([count, unit]) => `${count} ${unit}`).join(" ");
}

/** A name as a table shows it; the empty one is the default. */
function exportName(name: string): string {
  return name === "" ? "(default)" : printable(name);
}

function identity({ store, identity_difference }: ServerStatus, emphasis: Emphasis): string {
  const { orig_data_size, same_pages, dup_pages, objects, compr_data_size, bd_data_size } = store;
  const row = (sign: string, name: string, bytes: number, what: string) => [
    sign,
    name,
    wholeNumber(bytes),
    share(bytes, orig_data_size),
    what,
  ];
  const compression = 4096 * objects - compr_data_size - bd_data_size;
  const rows = [
    row(
      "",
      "orig_data_size",
      orig_data_size,
      `${wholeNumber(orig_data_size / 4096)} slots in use x 4096`,
    ),
    row("=", "same-filled", 4096 * same_pages, `${wholeNumber(same_pages)} pages of one word`),
    row(
      "+",
      "duplicates",
      4096 * dup_pages,
      `${wholeNumber(dup_pages)} pages equal to one stored already`,
    ),
    row(
      "+",
      "compression",
      compression,
      `what the codec takes off ${wholeNumber(objects)} objects`,
    ),
    row("+", "compr_data_size", compr_data_size, "what is stored of them"),
    row("+", "bd_data_size", bd_data_size, "and on the overflow tier"),
  ];
  const table = columns(rows, { align: ["left", "left", "right", "right", "left"] });
  const verdict =
    identity_difference === 0
      ? "  The identity holds: 0 bytes of difference."
      : emphasis.strong(
          `  THE IDENTITY IS BROKEN by ${identity_difference} bytes; please report it.`,
        );
  return `${table}\n${verdict}`;
}

function memory({ store, ratios, server }: ServerStatus): string {
  const limit = store.mem_limit === 0 ? "no limit" : `of ${formatSize(store.mem_limit)} allowed`;
  const rows = [
    ["mem_used_total", formatSize(store.mem_used_total), limit],
    ["metadata_size", formatSize(store.metadata_size), "tables"],
    [
      "reserved_bytes",
      formatSize(store.reserved_bytes),
      "kept free for pages zeroed without a hole",
    ],
    ["memory_reserved", formatSize(store.memory_reserved), "what the store holds for all of it"],
    ["process", formatSize(server.rss_bytes), "everything included"],
    [
      "ratio",
      `${decimal(ratios.everything)} : 1`,
      "everything against everything, tables included",
    ],
    ["", `${decimal(ratios.compression)} : 1`, "compression alone"],
  ];
  return columns(rows, { align: ["left", "right", "left"] });
}

function exportRow(one: ExportStatus): string[] {
  const { requests } = one;
  const count = (kind: string) => wholeNumber(requests[kind] ?? 0);
  return [
    exportName(one.name),
    formatSize(one.size_bytes),
    formatSize(one.orig_data_size),
    String(one.connections),
    count("reads"),
    count("writes"),
    wholeNumber((requests.trims ?? 0) + (requests.write_zeroes ?? 0)),
    count("errors"),
  ];
}

/** The status as text, ending in a newline. */
export function renderStatus(
  status: ServerStatus,
  { emphasis, title }: { readonly emphasis: Emphasis; readonly title: string },
): string {
  const { server, overflow, cache } = status;
  const codecs = [server.codec, ...server.recompress].join(", then ");
  const clients = server.connections === 1 ? "1 client" : `${server.connections} clients`;
  const about = `${server.uri}, ${clients}, up ${duration(server.uptime_seconds)}, codec ${codecs}`;
  const head = ["export", "size", "in use", "clients", "reads", "writes", "trims", "errors"];
  const exports = columns([head, ...status.exports.map(exportRow)], {
    align: ["left", "right", "right", "right", "right", "right", "right", "right"],
    head: emphasis.faint,
  });
  const recording = server.recording === null ? [] : [`  recording to ${server.recording}`];
  return [
    emphasis.strong(title),
    `  ${about}`,
    ...recording,
    "",
    exports,
    "",
    ...(cache === null ? [] : [cacheSection(cache, emphasis)]),
    `${emphasis.strong("Where every byte is")}`,
    identity(status, emphasis),
    "",
    `${emphasis.strong("What it takes")}`,
    memory(status),
    "",
    ...(overflow === null ? [] : [overflowSection(overflow, { emphasis, hasForecast: true })]),
  ].join("\n");
}
