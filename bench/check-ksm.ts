/**
 * `npm run check:ksm [-- --json | --record]`: the kernel judges the simulated KSM. Fills memory the same way for both
 * and compares their counters after every wake-up. Exit 0 agreed, 1 not, 2 no kernel KSM to be had. --record keeps what
 * the kernel showed as fixtures/golden/ksm-fill.json, which test/simulator/ksm-golden.test.ts judges by everywhere.
 */

import { writeFileSync } from "node:fs";
import { columns, wholeNumber } from "../src/report/terminal.ts";
import { apart, boundOf, COUNTERS, type Reading } from "./ksm/counters.ts";
import { FILLINGS, type KsmFilling } from "./ksm/fillings.ts";
import { KsmObstacle, kernelReadings, kernelRelease, ksmObstacle } from "./ksm/kernel.ts";
import { simulatedReadings } from "./ksm/simulated.ts";

const GOLDEN = new URL("../fixtures/golden/ksm-fill.json", import.meta.url);

interface Comparison {
  readonly one: KsmFilling;
  readonly kernel: readonly Reading[];
  readonly simulator: readonly Reading[];
  /** Counters, over all wake-ups, that differ at all, and that differ by more than they may. */
  readonly different: number;
  readonly failures: number;
  readonly farthest: number;
}

function compare(one: KsmFilling, kernel: readonly Reading[]): Comparison {
  const simulator = simulatedReadings(one);
  let different = 0;
  let failures = 0;
  let farthest = 0;
  kernel.forEach((reading, index) => {
    for (const name of COUNTERS) {
      const off = apart(reading[name], simulator[index]![name]);
      if (off > 0) different += 1;
      if (off > boundOf(one, index + 1)) failures += 1;
      farthest = Math.max(farthest, off);
    }
  });
  return { one, kernel, simulator, different, failures, farthest };
}

/** `512`, or `512 / 511` (kernel / simulator) where they differ. */
function cell(kernel: number, simulator: number): string {
  const seen = wholeNumber(kernel);
  return kernel === simulator ? seen : `${seen} / ${wholeNumber(simulator)}`;
}

const HEADS: Readonly<Record<(typeof COUNTERS)[number], string>> = {
  full_scans: "pass",
  pages_shared: "shared",
  pages_sharing: "sharing",
  pages_unshared: "unshared",
  pages_volatile: "volatile",
  pages_scanned: "scanned",
  pages_skipped: "skipped",
  ksm_zero_pages: "zero",
  stable_node_chains: "chains",
  stable_node_dups: "dups",
  general_profit: "general_profit",
};

function knobWords({ knobs }: KsmFilling): string {
  const prune = knobs.stable_node_chains_prune_millisecs === 0 ? ", chains always pruned" : "";
  const zeros = knobs.use_zero_pages === 1 ? ", use_zero_pages" : "";
  const smart = knobs.smart_scan === 1 ? "smart_scan" : "no smart_scan";
  return `${smart}, max_page_sharing ${knobs.max_page_sharing}${zeros}${prune}`;
}

/** A row for each wake-up; those that show the same, one after another, in one. */
function wakeTable({ one, kernel, simulator }: Comparison): string {
  const [passes, ...others] = COUNTERS;
  const rows: { from: string; to: string; cells: string[] }[] = [];
  kernel.forEach((reading, index) => {
    const other = simulator[index]!;
    const pass = cell(reading[passes], other[passes]);
    const cells = others.map((name) => cell(reading[name], other[name]));
    const last = rows.at(-1);
    if (last?.cells.join() === cells.join()) last.to = pass;
    else rows.push({ from: pass, to: pass, cells });
  });
  const table = columns(
    [
      COUNTERS.map((name) => HEADS[name]),
      ...rows.map(({ from, to, cells }) => [from === to ? from : `${from}–${to}`, ...cells]),
    ],
    { align: ["left", ...others.map(() => "right" as const)] },
  );
  return `${one.name} (${knobWords(one)})\n${table}\n\n`;
}

function summaryTable(comparisons: readonly Comparison[]): string {
  const rows = comparisons.map(({ one, kernel, different, failures, farthest }) => [
    one.name,
    one.knobs.smart_scan === 1 ? "on" : "off",
    wholeNumber(kernel.length),
    wholeNumber(kernel.length * COUNTERS.length),
    wholeNumber(different),
    `${(100 * farthest).toFixed(1)} %`,
    failures === 0 ? "agreed" : `${failures} off by more than they may`,
  ]);
  const head = ["filling", "smart_scan", "wakes", "counters", "different", "farthest", ""];
  return columns([head, ...rows], {
    align: ["left", "left", "right", "right", "right", "right", "left"],
  });
}

/** What the kernel showed, one line a wake-up: rows of COUNTERS' values. */
function goldenText(comparisons: readonly Comparison[]): string {
  const fillings = comparisons.map(({ one, kernel }) => {
    const rows = kernel.map((reading) => JSON.stringify(COUNTERS.map((name) => reading[name])));
    return `${JSON.stringify(one).slice(0, -1)},"readings":[\n${rows.join(",\n")}]}`;
  });
  return `{"kernel":${JSON.stringify(kernelRelease())},"counters":${JSON.stringify(COUNTERS)},
"fillings":[
${fillings.join(",\n")}
]}
`;
}

function jsonText(comparisons: readonly Comparison[], failures: number): string {
  return JSON.stringify({
    schema: 1,
    command: "check:ksm",
    options: {},
    results: { kernel: kernelRelease(), agreed: failures === 0, failures },
    series: comparisons.map(({ one, kernel, simulator }) => ({ ...one, kernel, simulator })),
  });
}

async function check(options: { isJson: boolean; isRecording: boolean }): Promise<number> {
  const comparisons: Comparison[] = [];
  for (const one of FILLINGS) {
    const comparison = compare(one, await kernelReadings(one));
    comparisons.push(comparison);
    if (!options.isJson) process.stdout.write(wakeTable(comparison));
  }
  const failures = comparisons.reduce((sum, comparison) => sum + comparison.failures, 0);
  if (options.isRecording) writeFileSync(GOLDEN, goldenText(comparisons));
  if (options.isJson) {
    process.stdout.write(`${jsonText(comparisons, failures)}\n`);
  } else {
    const verdict =
      failures === 0
        ? `${kernelRelease()} and the simulator agree on every filling`
        : `${failures} counters are off`;
    process.stdout.write(`${summaryTable(comparisons)}\n${verdict}\n`);
  }
  return failures === 0 ? 0 : 1;
}

const words = process.argv.slice(2);
const obstacle = ksmObstacle();
const unknown = words.find((word) => word !== "--json" && word !== "--record");
if (unknown !== undefined) {
  process.stderr.write(`check:ksm takes --json and --record, not ${unknown}\n`);
  process.exitCode = 2;
} else if (obstacle !== null) {
  process.stderr.write(`check:ksm needs the kernel's KSM: ${obstacle}\n`);
  process.exitCode = 2;
} else {
  try {
    process.exitCode = await check({
      isJson: words.includes("--json"),
      isRecording: words.includes("--record"),
    });
  } catch (error) {
    if (!(error instanceof KsmObstacle)) throw error;
    process.stderr.write(`check:ksm needs the kernel's KSM to itself: ${error.message}\n`);
    process.exitCode = 2;
  }
}
