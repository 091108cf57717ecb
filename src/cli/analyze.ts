/** `pagefold analyze`: reads files of pages, runs the analysis, prints it. The work is src/lab/analyze.ts's. */

import type { Command } from "commander";
import { codecDefinitions, codecNames, parseCodec } from "../../codecs/registry.ts";
import { PagefoldError } from "../base/errors.ts";
import { printable } from "../base/text.ts";
import { analyzePages, BATCH_PAGES_MAX, type Phase } from "../lab/analyze.ts";
import { parsePercent } from "../lab/sample.ts";
import { parseUnits } from "../lab/units.ts";
import { CHAIN_PAGES, DEFAULT_CHAIN_PAGES } from "../lab/zsmalloc.ts";
import { renderAnalysis } from "../report/analysis.ts";
import { drawUnits } from "../report/unit-plots.ts";
import { readPageFiles } from "../trace/page-file.ts";
import { wholeNumberOption } from "./arguments.ts";
import { openFolder, writePlots } from "./folders.ts";
import type { CommandContext } from "./run.ts";

interface AnalyzeArguments {
  readonly codec: string;
  readonly codecs?: readonly string[];
  readonly sample: number;
  readonly zsmallocChain: number;
  readonly dedup: boolean;
  readonly unit?: readonly number[];
  readonly svg?: string;
  readonly histogram?: boolean;
  readonly json?: boolean;
}

const EXAMPLES = `A page file is raw 4096-byte pages, gzipped or not. Several are read as one, in the order given.

Examples:
  $ pagefold analyze guest.pages.gz
      every codec on these pages, and what a pagefold and a kernel zram would make of them
  $ pagefold analyze --codecs lz4,zstd:1,zstd:9 --codec zstd:3 a.pages b.pages
      three codecs against each other; the store with a fourth
  $ pagefold analyze --sample 5% --json huge.pages > result.json
      every 20th run of 16 pages; the result as one JSON object
  $ pagefold analyze --unit 4K,16K,64K --svg plots guest.pages.gz
      would larger units pay? ratio, and the cost of a page read at random and in order; two plots
  $ pagefold capture --pid 1234 -o mine.pages && pagefold analyze mine.pages
      your own pages

Exit codes: 0 done; 1 a file cannot be read or is no page file; 2 the command line is wrong; 130 interrupted.`;

const PHASE_LABELS: Readonly<Record<Phase, string>> = {
  codecs: "racing the codecs ",
  units: "compressing units ",
  store: "filling the store ",
};

/** The codecs as help lists them, with their levels. */
function codecList(): string {
  const rows = codecDefinitions.map(({ name, levels, summary }) => {
    const shown = levels ? `${name}[:${levels.min}-${levels.max}]` : name;
    return `  ${shown.padEnd(16)} ${summary}${levels ? ` (level ${levels.default} unless given)` : ""}`;
  });
  return ["Codecs:", ...rows].join("\n");
}

function parseCodecs(text: string): string[] {
  return [...new Set(text.split(",").map((spec) => parseCodec(spec.trim()).name))];
}

async function analyze(
  files: readonly string[],
  options: AnalyzeArguments & { readonly context: CommandContext },
): Promise<void> {
  const { context, codec, dedup, unit, svg } = options;
  if (svg !== undefined) {
    if (unit === undefined) {
      throw new PagefoldError(
        "INVALID_ARGUMENT",
        "--svg draws what --unit finds; add --unit 4K,8K,16K,32K,64K, or leave it out",
      );
    }
    await openFolder(svg, "--svg");
  }
  const codecs = options.codecs ?? codecNames().filter((name) => name !== "raw");
  const source = (phase: Phase) =>
    readPageFiles(files, {
      batchPages: BATCH_PAGES_MAX,
      signal: context.signal,
      onProgress: ({ bytesRead, bytesTotal }) => {
        context.progress.update(PHASE_LABELS[phase], bytesTotal ? bytesRead / bytesTotal : 0);
      },
    });
  const result = await analyzePages(source, {
    codec,
    codecs,
    dedup,
    chainPages: options.zsmallocChain,
    samplePercent: options.sample,
    unitBytes: unit ?? [],
    files,
  });
  const plots =
    svg === undefined || result.units === undefined
      ? []
      : await writePlots(svg, await drawUnits(result.units));
  context.progress.stop();
  const { emphasis } = context;
  context.print(
    options.json
      ? `${JSON.stringify(result, null, 2)}\n`
      : renderAnalysis(result, { emphasis, histogram: options.histogram ?? false }),
  );
  for (const file of plots) context.note(`pagefold: wrote ${printable(file)}`);
}

/** Adds the command to the program. */
export function registerAnalyze(program: Command, context: CommandContext): void {
  program
    .command("analyze")
    .summary("what compressed, deduplicated swap would do with pages in files")
    .description("What compressed, deduplicated swap would do with the pages in these files.")
    .argument("<file...>", "files of raw 4096-byte pages, gzipped or not")
    .option(
      "--codec <codec>",
      "the codec of the pagefold store",
      (text) => parseCodec(text).name,
      "lz4",
    )
    .option(
      "--codecs <list>",
      "the codecs to compare, separated by commas (default: all but raw)",
      parseCodecs,
    )
    .option(
      "--sample <percent>",
      "look at that part of the pages only, evenly spread",
      parsePercent,
      100,
    )
    .option(
      "--zsmalloc-chain <pages>",
      `the kernel's CONFIG_ZSMALLOC_CHAIN_SIZE to predict for, ${CHAIN_PAGES.min} to ${CHAIN_PAGES.max}`,
      wholeNumberOption("--zsmalloc-chain", { ...CHAIN_PAGES, what: "a count of pages" }),
      DEFAULT_CHAIN_PAGES,
    )
    .option("--no-dedup", "store every page by itself")
    .option(
      "--unit <list>",
      "compress neighbours together too: powers of two from 4K to 64K, separated by commas",
      parseUnits,
    )
    .option("--svg <folder>", "draw what --unit finds into a folder, made where it is missing")
    .option("--histogram", "show every size class of every codec")
    .option("--json", "print one JSON object instead of tables")
    .addHelpText("after", `\n${codecList()}\n\n${EXAMPLES}`)
    .action((files: string[], options: AnalyzeArguments) =>
      analyze(files, { ...options, context }),
    );
}
