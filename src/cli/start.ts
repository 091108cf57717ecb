/**
 * `npm start`: the main job of pagefold on the real pages under fixtures/. Drives a device as swap does, then analyzes
 * the same pages as `pagefold analyze` would. Not part of the published package, which comes without the fixtures.
 */

import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { codecNames } from "../../codecs/registry.ts";
import { PAGE_BYTES } from "../base/units.ts";
import { analyzePages, BATCH_PAGES_MAX } from "../lab/analyze.ts";
import { renderAnalysis } from "../report/analysis.ts";
import type { AnalysisResult } from "../report/result.ts";
import { readPageFiles } from "../trace/page-file.ts";
import { type Capture, renderDrive } from "./demo/report.ts";
import { driveAsSwap, type StepName } from "./demo/swap-drive.ts";
import { type CommandContext, run } from "./run.ts";

const FIXTURES = new URL("../../fixtures/", import.meta.url);

const PROGRESS: Readonly<Record<StepName, string>> = {
  write: "writing      ",
  overwrite: "overwriting  ",
  discard: "discarding   ",
  read: "reading back ",
};

const NEXT = `Your own pages, of any process you may read:
  npx tsx src/cli/main.ts capture --pid PID -o mine.pages
  npx tsx src/cli/main.ts analyze mine.pages`;

async function readManifest(): Promise<readonly Capture[]> {
  const text = await readFile(new URL("MANIFEST.json", FIXTURES), "utf8");
  const entries = JSON.parse(text) as readonly Capture[];
  return entries.filter(({ file }) => file.endsWith(".pages.gz"));
}

/** The pages of the captures, in order, in batches. */
function readCaptures(
  captures: readonly Capture[],
  options: { context: CommandContext; label: string },
) {
  const { context, label } = options;
  const paths = captures.map(({ file }) => fileURLToPath(new URL(file, FIXTURES)));
  return readPageFiles(paths, {
    batchPages: BATCH_PAGES_MAX,
    signal: context.signal,
    onProgress: ({ bytesRead, bytesTotal }) =>
      context.progress.update(label, bytesTotal ? bytesRead / bytesTotal : 0),
  });
}

async function readAll(captures: readonly Capture[], context: CommandContext): Promise<Uint8Array> {
  const pages = new Uint8Array(
    captures.reduce((sum, capture) => sum + capture.pages, 0) * PAGE_BYTES,
  );
  let filled = 0;
  for await (const batch of readCaptures(captures, { context, label: "reading captures " })) {
    pages.set(batch, filled);
    filled += batch.length;
  }
  return pages;
}

function analyze(captures: readonly Capture[], context: CommandContext): Promise<AnalysisResult> {
  return analyzePages(() => readCaptures(captures, { context, label: "analyzing " }), {
    codec: "lz4",
    codecs: codecNames().filter((name) => name !== "raw"),
    files: captures.map(({ file }) => `fixtures/${file}`),
  });
}

async function start(context: CommandContext, options: { readonly json?: boolean }): Promise<void> {
  const captures = await readManifest();
  const pages = await readAll(captures, context);
  const drive = await driveAsSwap(pages, {
    signal: context.signal,
    onStep: (name) => context.progress.update(PROGRESS[name], 0),
  });
  const { emphasis } = context;
  if (!options.json) {
    context.progress.stop();
    context.print(`${renderDrive(drive, { emphasis, captures })}\n`);
  }
  const analysis = await analyze(captures, context);
  context.progress.stop();
  if (options.json) {
    const { codec, dedup, request_bytes, ...results } = drive;
    const report = {
      schema: 1,
      command: "start",
      options: { files: analysis.options.files, codec, dedup, request_bytes },
      results: { ...results, analysis },
      series: {},
    };
    context.print(`${JSON.stringify(report, null, 2)}\n`);
    return;
  }
  const title = emphasis.strong("The same pages as pagefold analyze shows them, each written once");
  context.print(`${title}\n\n${renderAnalysis(analysis, { emphasis })}\n${emphasis.faint(NEXT)}\n`);
}

function build(context: CommandContext): Command {
  return new Command("npm start --")
    .description(
      "Drives a swap device with real pages, checks every byte and prints where each went.",
    )
    .option("--json", "print one JSON object instead of tables")
    .exitOverride()
    .configureOutput({ outputError: () => {} })
    .action((options: { readonly json?: boolean }) => start(context, options));
}

await run(build, process.argv);
