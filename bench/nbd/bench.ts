/**
 * `npm run bench:nbd`: what a request costs at our NBD server, beside what it costs at others, in one run on Unix
 * sockets; the README's figures come from it. `--smoke` runs all of it in seconds, for CI's sake; such figures mean
 * nothing.
 */

import { mkdirSync, writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import { parseArgs } from "node:util";
import { PAGE_BYTES } from "../../src/base/units.ts";
import { CORPORA } from "../corpus.ts";
import { describeMachine } from "../measure.ts";
import { CorpusLoad } from "./corpus-load.ts";
import { FioLoad, fioObstacle } from "./fio-load.ts";
import { type Cell, type Load, type LoadResult, runLoad } from "./load.ts";
import { Processes } from "./processes.ts";
import { PAGEFOLD, SERVERS, type ServerKind, versionOf } from "./servers.ts";
import { renderLoad, renderMemory } from "./tables.ts";

const CELLS = [
  { requestBytes: 4096, connections: 1, depth: 16 },
  { requestBytes: 4096, connections: 2, depth: 16 },
  { requestBytes: 65_536, connections: 1, depth: 16 },
  { requestBytes: 65_536, connections: 2, depth: 16 },
  { requestBytes: 4096, connections: 1, depth: 1 },
] as const satisfies readonly Cell[];

/** Two values each: a run that only shows it works, and a real one. */
const SIZES = {
  smoke: {
    rounds: 1,
    cells: [CELLS[0], CELLS[3], CELLS[4]],
    fioBytes: 2 ** 20,
    fioRuntimeMs: 50,
    corpora: [CORPORA[0]],
    pages: 256,
  },
  real: {
    rounds: 5,
    cells: CELLS,
    fioBytes: 2 ** 29,
    fioRuntimeMs: 2000,
    corpora: CORPORA,
    pages: 65_536,
  },
} as const;

const PARTS = ["fio", "client", "memory"] as const;
type Part = (typeof PARTS)[number];

const HELP = `usage: npm run bench:nbd [-- --smoke] [-- --only fio,client,memory]

Measures pagefold serve beside nbdkit and qemu-nbd on Unix sockets, asked by fio and by our client with the corpora of
fixtures/, and prints tables with what is required beside each ratio; the same figures go to bench/results/ as JSON.
Run it with nothing else running; it takes some twenty minutes.
  --smoke   little data and one round: that it works, not how fast
  --only    only these parts, separated by commas; memory by itself loads our server alone, in one round
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

/** Who takes part, and what does not and why. */
function takePart(sizeBytes: number): { kinds: ServerKind[]; missing: string[] } {
  const unbuilt = PAGEFOLD.obstacle(sizeBytes);
  if (unbuilt !== null) throw new Error(`${PAGEFOLD.name} cannot be measured: ${unbuilt}`);
  const kinds = SERVERS.filter((kind) => kind.obstacle(sizeBytes) === null);
  const missing = SERVERS.filter((kind) => !kinds.includes(kind)).map(
    (kind) => `${kind.name}: ${kind.obstacle(sizeBytes)}`,
  );
  const withoutFio = fioObstacle();
  return { kinds, missing: withoutFio === null ? missing : [...missing, `fio: ${withoutFio}`] };
}

/** The loads, one after the other, each with its processes begun when its turn has come. */
function* loads(
  size: (typeof SIZES)["smoke" | "real"],
  options: { processes: Processes; parts: readonly Part[] },
): Generator<Load> {
  const { processes, parts } = options;
  const isMemoryAlone = !parts.includes("fio") && !parts.includes("client");
  if ((isMemoryAlone || parts.includes("fio")) && fioObstacle() === null) {
    yield new FioLoad({ sizeBytes: size.fioBytes, runtimeMs: size.fioRuntimeMs, processes });
  }
  if (!isMemoryAlone && !parts.includes("client")) return;
  for (const corpus of size.corpora)
    yield new CorpusLoad({ corpus, pages: size.pages, connections: 2, processes });
}

async function run(parts: readonly Part[], isSmoke: boolean): Promise<void> {
  const size = SIZES[isSmoke ? "smoke" : "real"];
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
  const { kinds, missing } = takePart(Math.max(size.fioBytes, size.pages * PAGE_BYTES));
  for (const text of missing) say(`takes no part: ${text}`);
  say("servers are started for each load, filled by it, and kept for all its rounds");
  if (isSmoke) say("smoke size: these figures mean nothing");

  const isCompared = parts.includes("fio") || parts.includes("client");
  const processes = new Processes();
  const results: LoadResult[] = [];
  for (const load of loads(size, { processes, parts })) {
    const result = await runLoad(load, {
      kinds: isCompared ? kinds : [PAGEFOLD],
      cells: size.cells,
      rounds: isCompared ? size.rounds : 1,
      processes,
      onProgress: (text) => process.stderr.write(`${text}\n`),
    });
    results.push(result);
    if (isCompared) say(renderLoad(result));
  }
  if (parts.includes("memory")) say(renderMemory(results.map(({ memory }) => memory)));
  const loadAfter = loadavg();
  const show = (averages: readonly number[]) => averages.map((one) => one.toFixed(2)).join(" ");
  say(`\nload average ${show(loadBefore)} at the start, ${show(loadAfter)} at the end`);

  const report = {
    schema: 1,
    command: "bench:nbd",
    options: { smoke: isSmoke, parts },
    machine,
    versions,
    load_average: { start: loadBefore, end: loadAfter },
    missing,
    results,
  };
  const folder = new URL("../results/", import.meta.url);
  mkdirSync(folder, { recursive: true });
  const kind = `${isSmoke ? "-smoke" : ""}${parts.length < PARTS.length ? `-${parts.join("-")}` : ""}`;
  const file = `nbd${kind}-${date}.json`;
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
