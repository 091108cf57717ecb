/**
 * What compressed, deduplicated swap would do with given pages: counts them by kind, races codecs over them, predicts a
 * kernel zram, and writes them to a pagefold store.
 *
 * Holds always: the pages are gone through twice, once for counts and codecs and once for the store (which is made for
 * exactly as many), and between them once more where units are asked for; so `source` is called as often and has to
 * give the same pages. Memory does not grow with their number, except by 16 bytes a different page (and a different
 * unit) and what the store holds.
 */

import { getCodec, loadCodec } from "../../codecs/registry.ts";
import { type Clock, stopwatchClock } from "../base/clock.ts";
import { PAGE_BYTES } from "../base/units.ts";
import type { AnalysisResult, PagefoldResult } from "../report/result.ts";
import type { UnitsResult } from "../report/units-result.ts";
import { pagesChanged, StoreRun } from "./accounting.ts";
import { CodecRace } from "./codec-race.ts";
import { PageCounter } from "./page-kinds.ts";
import { SAMPLE_RUN_PAGES, Sampler, sampleRule } from "./sample.ts";
import { UnitSurvey } from "./units.ts";
import { DEFAULT_CHAIN_PAGES, zsmalloc } from "./zsmalloc.ts";

/** The largest batch a source may give. */
export const BATCH_PAGES_MAX = 256;

/** What is being done with the pages. */
export type Phase = "codecs" | "units" | "store";

/** Gives all pages, in order, in batches of up to 256; a batch is used (and overwritten) before the next is taken. */
export type PageSource = (phase: Phase) => AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

export interface AnalyzeOptions {
  /** Of the pagefold store. */
  readonly codec: string;
  /** To race, each once. */
  readonly codecs: readonly string[];
  readonly dedup?: boolean;
  readonly chainPages?: number;
  /** Above 0, up to 100. */
  readonly samplePercent?: number;
  /** Sizes of units to compare, as parseUnits gives them. */
  readonly unitBytes?: readonly number[];
  /** For the result only. */
  readonly files?: readonly string[];
  /** For the times; it has to be exact at every call. */
  readonly clock?: Clock;
}

async function loaded(specs: readonly string[]) {
  for (const spec of specs) await loadCodec(spec);
  return specs.map((spec) => getCodec(spec));
}

/** Feeds every race and the counter with the sample of the source. */
async function survey(
  source: PageSource,
  options: { races: readonly CodecRace[]; counter: PageCounter; sampler: Sampler },
): Promise<void> {
  const { races, counter, sampler } = options;
  for await (const batch of source("codecs")) {
    const sample = sampler.take(batch);
    const toCompress: Uint8Array[] = [];
    for (let offset = 0; offset < sample.length; offset += PAGE_BYTES) {
      const page = sample.subarray(offset, offset + PAGE_BYTES);
      if (counter.add(page)) for (const race of races) race.addSameFilled();
      else toCompress.push(page);
    }
    for (const race of races) race.run(toCompress);
  }
}

/** Runs the codecs over the sample of the source, which has `pages` pages, in units. */
async function compareUnits(
  source: PageSource,
  options: { survey: UnitSurvey; sampler: Sampler; pages: number },
): Promise<UnitsResult> {
  const { survey: units, sampler, pages } = options;
  for await (const batch of source("units")) units.add(sampler.take(batch));
  const result = units.finish();
  if (units.pages !== pages) throw pagesChanged(pages);
  return result;
}

/** Writes the sample of the source to a store of `pages` pages. */
async function account(
  source: PageSource,
  options: { codec: string; dedup: boolean; pages: number; sampler: Sampler },
): Promise<PagefoldResult> {
  const run = new StoreRun(options);
  try {
    for await (const batch of source("store")) {
      if (!run.write(options.sampler.take(batch))) break;
    }
    return run.finish();
  } finally {
    run.close();
  }
}

/**
 * Analyzes the pages of `source`.
 * @throws PagefoldError UNKNOWN_CODEC, INVALID_ARGUMENT for a chain size, CORRUPT where a codec or the store does not
 * give a page back, and whatever the source throws.
 */
export async function analyzePages(
  source: PageSource,
  options: AnalyzeOptions,
): Promise<AnalysisResult> {
  const { codec, dedup = true, samplePercent = 100, clock = stopwatchClock, files = [] } = options;
  const { unitBytes = [] } = options;
  const allocator = zsmalloc(options.chainPages ?? DEFAULT_CHAIN_PAGES);
  const { chainPages } = allocator;
  const codecs = await loaded(options.codecs);
  const [storeCodec] = await loaded([codec]);
  const settings = { clock, chainPages, groupPages: BATCH_PAGES_MAX };
  const races = codecs.map((one) => new CodecRace(one, settings));
  const counter = new PageCounter();
  const sampler = new Sampler(samplePercent);
  await survey(source, { races, counter, sampler });

  const counts = counter.counts();
  const pages = counts.same_filled + counts.duplicate + counts.unique;
  const units =
    unitBytes.length === 0
      ? null
      : await compareUnits(source, {
          survey: new UnitSurvey(codecs, { unitBytes, clock, allocator }),
          sampler: new Sampler(samplePercent),
          pages,
        });
  const pagefold = await account(source, {
    codec: storeCodec!.name,
    dedup,
    pages,
    sampler: new Sampler(samplePercent),
  });
  const names = codecs.map((one) => one.name);
  return {
    schema: 1,
    command: "analyze",
    options: {
      files,
      codec: storeCodec!.name,
      codecs: names,
      dedup,
      zsmalloc_chain: chainPages,
      sample_percent: samplePercent,
      ...(units === null ? {} : { units: unitBytes }),
    },
    input: {
      pages,
      bytes: pages * PAGE_BYTES,
      sampled: samplePercent < 100,
      sample:
        samplePercent < 100
          ? {
              percent: samplePercent,
              run_pages: SAMPLE_RUN_PAGES,
              pages_in_input: sampler.pagesSeen,
              rule: sampleRule(samplePercent),
            }
          : null,
    },
    pages: counts,
    codecs: races.map((race) => race.codecResult()),
    zram: Object.fromEntries(names.map((name, index) => [name, races[index]!.zramResult()])),
    pagefold,
    ...(units === null ? {} : { units }),
  };
}
