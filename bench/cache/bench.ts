/**
 * `npm run bench:cache`: our cache beside qemu-nbd and nbdkit's cache filter in front of the same file, on Unix
 * sockets, and the memory its hits take beside caches of whole pages; the documents' figures come from it. `--smoke`
 * runs all of it in seconds, for CI's sake; such figures mean nothing.
 */

import { mkdirSync, writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import { parseArgs } from "node:util";
import { CORPORA } from "../corpus.ts";
import { describeMachine } from "../measure.ts";
import { fioObstacle } from "../nbd/fio-load.ts";
import { Processes } from "../nbd/processes.ts";
import { versionOf } from "../nbd/servers.ts";
import { type HitCell, type HitsResult, runHits } from "./hits.ts";
import { type HitMemoryRow, runHitMemory } from "./memory.ts";
import { coldObstacle, Origins } from "./origins.ts";
import { type OthersResult, runOthers } from "./others.ts";
import { STAMPINGS } from "./pages.ts";
import { absentRivals } from "./servers.ts";
import { renderHitMemory, renderHits, renderOthers } from "./tables.ts";

/** Of the first corpus; of the others the first one. */
const CELLS: readonly HitCell[] = [
  { depth: 16, connections: 1 },
  { depth: 1, connections: 1 },
  { depth: 16, connections: 2 },
];

/** Two values each: a run that only shows it works, and a real one. */
const SIZES = {
  smoke: {
    rounds: 1,
    corpora: [CORPORA[0]],
    pages: 1024,
    fioRuntimeMs: 50,
    memoryPages: 2048,
    memoryRequests: 8192,
    otherPages: 512,
  },
  real: {
    rounds: 5,
    corpora: CORPORA,
    pages: 65_536,
    fioRuntimeMs: 1000,
    memoryPages: 65_536,
    memoryRequests: 300_000,
    otherPages: 16_384,
  },
} as const;

const PARTS = ["hits", "memory", "others"] as const;
type Part = (typeof PARTS)[number];

const HELP = `usage: npm run bench:cache [-- --smoke] [-- --only hits,memory,others]

Measures pagefold serve --cache-of beside qemu-nbd and nbdkit with its cache filter, each in front of a copy of a file
of the corpora's pages, and its memory beside that of simulated caches of whole pages that hit as often; prints tables
with what is required beside each ratio; the same figures go to bench/results/ as JSON. Run it with nothing else
running; it takes some seven minutes. The files are in TMPDIR, else /var/tmp: a folder on a disk.
  --smoke   little data and one round: that it works, not how fast
  --only    only these parts, separated by commas
`;

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function parseParts(text: string): readonly Part[] {
  const asked = text.split(",").filter((part) => part !== "");
  const unknown = asked.find((part) => !PARTS.some((known) => known === part));
  if (unknown !== undefined)
    throw new Error(`--only knows no "${unknown}"; the parts are ${PARTS.join(", ")}`);
  return asked.length === 0 ? PARTS : PARTS.filter((part) => asked.includes(part));
}

/** Who and what takes no part here, and why. */
function missingParts(): string[] {
  const missing = absentRivals();
  const withoutFio = fioObstacle();
  if (withoutFio !== null) missing.push(`fio: ${withoutFio}`);
  const withoutCold = coldObstacle();
  if (withoutCold !== null) missing.push(`cold reads: ${withoutCold}`);
  return missing;
}

interface Results {
  readonly hits: readonly HitsResult[];
  readonly memory: readonly HitMemoryRow[];
  readonly others: OthersResult | null;
}

async function measure(parts: readonly Part[], isSmoke: boolean): Promise<Results> {
  const size = SIZES[isSmoke ? "smoke" : "real"];
  const common = {
    rounds: size.rounds,
    processes: new Processes(),
    origins: new Origins(),
    onProgress: (text: string) => process.stderr.write(`${text}\n`),
  };
  const hits: HitsResult[] = [];
  const memory: HitMemoryRow[] = [];
  const cells = fioObstacle() === null ? CELLS : [];
  for (const [index, corpus] of size.corpora.entries()) {
    if (!parts.includes("hits")) break;
    const fioCells = index === 0 ? cells : cells.slice(0, 1);
    const { pages, fioRuntimeMs } = size;
    hits.push(await runHits({ ...common, corpus, pages, fioCells, fioRuntimeMs }));
    say(renderHits(hits.at(-1)!));
  }
  for (const corpus of parts.includes("memory") ? size.corpora : []) {
    for (const stamping of STAMPINGS) {
      common.onProgress(`memory: ${corpus}, ${stamping} stamped`);
      const { memoryPages: pages, memoryRequests: requests } = size;
      memory.push(await runHitMemory({ ...common, corpus, stamping, pages, requests }));
    }
  }
  if (memory.length > 0) say(renderHitMemory(memory));
  let others: OthersResult | null = null;
  if (parts.includes("others")) {
    others = await runOthers({ ...common, corpus: size.corpora[0], pages: size.otherPages });
    say(renderOthers(others));
  }
  return { hits, memory, others };
}

async function run(parts: readonly Part[], isSmoke: boolean): Promise<void> {
  const machine = describeMachine();
  const versions = Object.fromEntries(
    ["fio", "nbdkit", "qemu-nbd"].map((program) => [program, versionOf(program)]),
  );
  const loadBefore = loadavg();
  const { cpu, cores, system, node, date, commit } = machine;
  say(`${cpu}, ${cores} cores, ${system}, Node ${node}, ${date}, commit ${commit}`);
  say(
    Object.entries(versions)
      .map(([program, version]) => version ?? `no ${program}`)
      .join("; "),
  );
  const missing = missingParts();
  for (const text of missing) say(`takes no part: ${text}`);
  if (isSmoke) say("smoke size: these figures mean nothing");
  const results = await measure(parts, isSmoke);
  const loadAfter = loadavg();
  const show = (averages: readonly number[]) => averages.map((one) => one.toFixed(2)).join(" ");
  say(`\nload average ${show(loadBefore)} at the start, ${show(loadAfter)} at the end`);

  const report = {
    schema: 1,
    command: "bench:cache",
    options: { smoke: isSmoke, parts },
    machine,
    versions,
    load_average: { start: loadBefore, end: loadAfter },
    missing,
    ...results,
  };
  const folder = new URL("../results/", import.meta.url);
  mkdirSync(folder, { recursive: true });
  const kind = `${isSmoke ? "-smoke" : ""}${parts.length < PARTS.length ? `-${parts.join("-")}` : ""}`;
  const file = `cache${kind}-${date}.json`;
  writeFileSync(new URL(file, folder), `${JSON.stringify(report, null, 2)}\n`);
  say(`bench/results/${file}`);
}

const { values } = parseArgs({
  options: {
    smoke: { type: "boolean", default: false },
    only: { type: "string", default: "" },
    help: { type: "boolean", short: "h", default: false },
  },
});
if (values.help) process.stdout.write(HELP);
else await run(parseParts(values.only), values.smoke);
