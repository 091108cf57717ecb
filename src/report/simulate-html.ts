/**
 * The result of `pagefold simulate` as one HTML page that needs nothing else: no scripts, no links, plots inside it,
 * readable light and dark. Whatever text a scenario brought is escaped. The same result gives the same bytes.
 */

import { printable } from "../base/text.ts";
import { notesOf, settingText, tellingColumns } from "./simulate-columns.ts";
import { drawSimulation, type PagePlot } from "./simulate-plots.ts";
import type { Setting, SimulateOutput, VariantResult } from "./simulate-result.ts";
import {
  guestTables,
  headlineValue,
  passTable,
  sensitivityTable,
  type TextTable,
  verdict,
} from "./simulate-tables.ts";
import { wholeNumber } from "./terminal.ts";

const STYLE = `
:root { color-scheme: light dark; --ink: #1b1e24; --paper: #fff; --rule: #d5d9e0; --faint: #5d6673; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e7ec; --paper: #14161a; --rule: #3a414c; --faint: #9aa3b0; }
}
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 24px; }
h1 { font-size: 26px; line-height: 1.25; }
h2 { font-size: 19px; margin-top: 40px; }
h1, h2, h3, p, td, th, li, figcaption { overflow-wrap: anywhere; }
.faint, figcaption, .notes { color: var(--faint); font-size: 13px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { padding: 4px 10px; border-bottom: 1px solid var(--rule); text-align: left; vertical-align: top; }
th { font-weight: 600; white-space: nowrap; }
.right { text-align: right; white-space: nowrap; }
.met, .not-met { font-weight: 600; }
figure { margin: 24px 0; }
figure svg { display: block; width: 100%; height: auto; }
`;

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Text as it is shown, whatever is in it. */
function escaped(text: string): string {
  return printable(text).replaceAll(/[&<>"']/g, (character) => ESCAPES[character]!);
}

function section(title: string, content: readonly string[]): string[] {
  return content.length === 0
    ? []
    : [`<section>\n<h2>${escaped(title)}</h2>`, ...content, "</section>"];
}

function tableHtml({ head, align, rows }: Omit<TextTable, "title">): string {
  const cell = (tag: string, text: string, column: number) => {
    const place = align[column] === "right" ? ' class="right"' : "";
    return `<${tag}${place}>${escaped(text)}</${tag}>`;
  };
  const row = (tag: string, texts: readonly string[]) =>
    `<tr>${texts.map((text, column) => cell(tag, text, column)).join("")}</tr>`;
  const body = rows.map((texts) => row("td", texts)).join("\n");
  return `<div class="scroll"><table>\n<thead>${row("th", head)}</thead>\n<tbody>\n${body}\n</tbody>\n</table></div>`;
}

function titledTable(table: TextTable): string {
  return `<h3>${escaped(table.title)}</h3>\n${tableHtml(table)}`;
}

function headlinesPart({ results }: SimulateOutput): string[] {
  return results.headlines.map((headline) => {
    const said = verdict(headline);
    const published =
      headline.published === null
        ? ""
        : `<br><span class="faint">published: ${escaped(headline.published)}</span>`;
    const mark =
      said === "" ? "" : ` <span class="${said === "met" ? "met" : "not-met"}">${said}</span>`;
    const value = `<strong>${escaped(headlineValue(headline))}</strong>`;
    return `<p>${escaped(headline.name)}: ${value}${mark}${published}</p>`;
  });
}

function variantsPart(variants: readonly VariantResult[]): string[] {
  const shown = tellingColumns(variants);
  const table = tableHtml({
    head: ["variant", ...shown.map(({ head }) => head)],
    align: ["left", ...shown.map(() => "right" as const)],
    rows: variants.map((variant) => [
      variant.name,
      ...shown.map((column) => column.show(column.of(variant))),
    ]),
  });
  const notes = notesOf(shown).map((note) => `<li>${escaped(note)}</li>`);
  return [table, `<ul class="notes">\n${notes.join("\n")}\n</ul>`];
}

function plotHtml({ title, caption, svg }: PagePlot): string {
  const label = `<svg role="img" aria-label="${escaped(title)}" `;
  return `<figure>\n${svg.replace("<svg ", () => label)}\n<figcaption>${escaped(caption)}</figcaption>\n</figure>`;
}

function settingsTable(title: string, rows: readonly (readonly [string, Setting])[]): TextTable {
  return {
    title,
    head: ["key", "value"],
    align: ["left", "left"],
    rows: rows.map(([key, value]) => [key, settingText(value)]),
  };
}

function optionsPart({ options, results }: SimulateOutput): string[] {
  const { scenario, seed, set, sweep } = options;
  const asked = settingsTable("Asked for", [
    ["scenario", scenario],
    ["seed", seed],
    ...Object.entries(set).map(([key, value]) => [`--set ${key}`, value] as const),
    ...Object.entries(sweep).map(
      ([key, values]) => [`--sweep ${key}`, values.map(settingText).join(",")] as const,
    ),
  ]);
  const own = results.variants.flatMap(({ name, settings }) =>
    Object.entries(settings).map(([key, value]) => [name, key, settingText(value)]),
  );
  const variants: TextTable = {
    title: "Set by variant",
    head: ["variant", "key", "value"],
    align: ["left", "left", "left"],
    rows: own,
  };
  return [asked, ...(own.length === 0 ? [] : [variants])].map(titledTable);
}

/** The whole page, ending in a line feed. */
export async function reportHtml(output: SimulateOutput): Promise<string> {
  const { results, series, options } = output;
  const { title, variants, sensitivity } = results;
  const plots = await drawSimulation(output);
  const passes = series.map(passTable).filter((table) => table !== null);
  const seconds = Math.max(...variants.map((variant) => variant.seconds), 0);
  const runs = `${wholeNumber(variants.length)} ${variants.length === 1 ? "run" : "runs"} of ${wholeNumber(seconds)} s`;
  const moves =
    sensitivity === null || sensitivity.length === 0 ? [] : [sensitivityTable(sensitivity)];
  return [
    "<!DOCTYPE html>",
    '<html lang="en">',
    "<head>",
    '<meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">`,
    `<title>${escaped(title)}</title>`,
    `<style>${STYLE}</style>`,
    "</head>",
    "<body>",
    "<main>",
    `<h1>${escaped(title)}</h1>`,
    `<p class="faint">pagefold simulate, ${escaped(options.scenario)}: ${runs}, seed ${options.seed}</p>`,
    ...section("Headlines", headlinesPart(output)),
    ...section("Variants", variantsPart(variants)),
    ...section("Over time", plots.overTime.map(plotHtml)),
    ...section("Against the value swept", plots.swept.map(plotHtml)),
    ...section("What moves the headlines most", moves.map(tableHtml)),
    ...section("Pass by pass", passes.map(titledTable)),
    ...section("Guests", guestTables(variants).map(titledTable)),
    ...section("Options", optionsPart(output)),
    "</main>",
    "</body>",
    "</html>",
    "",
  ].join("\n");
}
