/**
 * `npm run bench`: what a page costs here, beside what it costs the kernel's zram, in one run; the README's figures
 * come from it. `--smoke` runs all of it in seconds, for the tests' sake; such figures mean nothing.
 *
 * The kernel's zram takes part where the run is root's and zram is loaded: a device is added for the run and removed
 * again.
 */

import { mkdirSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { CORPORA } from "./corpus.ts";
import { describeMachine } from "./measure.ts";
import { type MemoryRow, runMemory } from "./memory.ts";
import { type OverflowRow, runOverflow } from "./overflow.ts";
import { type Race, runRace } from "./race.ts";
import {
  renderMemory,
  renderOverflow,
  renderRace,
  renderScale,
  renderSimulator,
  renderSteps,
  renderTmem,
} from "./render.ts";
import { codecSide, copySide, deviceSide, type Side, storeSide, zramSide } from "./sides.ts";
import { runSimulator, type SimulatorRow } from "./simulator.ts";
import { runScale, runSteps, type Scale, type Steps } from "./steps.ts";
import { runTmem } from "./tmem.ts";
import { withZram, type ZramDevice, zramObstacle } from "./zram-device.ts";

/** Two values each: a run that only shows it works, and a real one. */
const SIZES = {
  smoke: {
    pages: 256,
    rounds: 1,
    stepPages: 256,
    slots: [256, 1024],
    simulator: { guests: 1, seconds: 1 },
  },
  real: {
    pages: 32_768,
    rounds: 7,
    stepPages: 16_384,
    slots: [10_000, 1_000_000],
    simulator: { guests: 20, seconds: 20 },
  },
} as const;

interface Report {
  readonly schema: 1;
  readonly command: "bench";
  readonly options: { readonly smoke: boolean };
  readonly machine: ReturnType<typeof describeMachine>;
  readonly rivals_missing: readonly string[];
  readonly results: {
    race: Race[];
    steps: Steps[];
    scale: Scale[];
    memory: MemoryRow[];
    overflow: OverflowRow[];
    simulator: SimulatorRow[];
    tmem: Race[];
  };
}

const HELP = `usage: npm run bench [-- --smoke] [-- --only PARTS]

Measures pagefold beside the kernel's zram, a codec alone and a page copy, on the three corpora in fixtures/, and prints
tables; the same figures go to bench/results/ as JSON. Run it as root, with zram loaded and nothing else running.
  --smoke   a few pages and one round: that it works, not how fast
  --only    only these parts, separated by commas: race, steps, scale, memory, overflow, simulator, tmem
`;

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

async function run(
  device: ZramDevice | null,
  isSmoke: boolean,
  parts: readonly string[],
): Promise<Report["results"]> {
  const size = SIZES[isSmoke ? "smoke" : "real"];
  const results: Report["results"] = {
    race: [],
    steps: [],
    scale: [],
    memory: [],
    overflow: [],
    simulator: [],
    tmem: [],
  };
  const has = (part: string): boolean => parts.length === 0 || parts.includes(part);

  for (const corpus of has("race") ? CORPORA : []) {
    const race = await runRace(
      { corpus, pages: size.pages, rounds: size.rounds, rival: "kernel zram lz4" },
      async (sizeBytes) => {
        const sides: Side[] = device === null ? [] : [zramSide(device, "lz4", sizeBytes)];
        sides.push(
          await deviceSide("pagefold lz4", { sizeBytes, codec: "lz4" }),
          await deviceSide("pagefold lz4, memory reserved", {
            sizeBytes,
            codec: "lz4",
            reserveBytes: sizeBytes,
          }),
          await deviceSide("pagefold lz4, dedup off", { sizeBytes, codec: "lz4", dedup: false }),
          await deviceSide("pagefold lz4-fast", { sizeBytes, codec: "lz4-fast" }),
          storeSide("pagefold lz4, page by page", { sizeBytes, codec: "lz4" }),
        );
        sides.push(
          codecSide("lz4", size.pages),
          codecSide("lz4-wasm", size.pages),
          copySide(size.pages),
        );
        return sides;
      },
    );
    results.race.push(race);
    say(renderRace(race));
  }
  for (const corpus of has("steps") ? CORPORA : []) {
    results.steps.push(await runSteps({ corpus, pages: size.stepPages, rounds: size.rounds }));
  }
  if (results.steps.length > 0) say(renderSteps(results.steps));
  if (has("scale")) {
    results.scale.push(
      ...(await runScale({ corpus: CORPORA[0], slots: size.slots, rounds: size.rounds })),
    );
    say(renderScale(results.scale));
  }
  for (const corpus of has("memory") ? CORPORA : [])
    results.memory.push(...(await runMemory(corpus, device)));
  if (results.memory.length > 0) say(renderMemory(results.memory));
  for (const corpus of has("overflow") ? CORPORA : []) {
    results.overflow.push(
      await runOverflow({ corpus, pages: size.stepPages, rounds: size.rounds }),
    );
  }
  if (results.overflow.length > 0) say(renderOverflow(results.overflow));
  if (has("simulator")) {
    results.simulator.push(...(await runSimulator(size.simulator)));
    say(renderSimulator(results.simulator));
  }
  for (const corpus of has("tmem") ? CORPORA : []) {
    results.tmem.push(await runTmem({ corpus, pages: size.stepPages, rounds: size.rounds }));
  }
  if (results.tmem.length > 0) say(renderTmem(results.tmem));
  return results;
}

const { values } = parseArgs({
  options: {
    smoke: { type: "boolean", default: false },
    only: { type: "string", default: "" },
    help: { type: "boolean", short: "h", default: false },
  },
});
if (values.help) {
  process.stdout.write(HELP);
} else {
  const machine = describeMachine();
  const obstacle = zramObstacle();
  say(
    `${machine.cpu}, ${machine.cores} cores, ${machine.system}, Node ${machine.node}, ${machine.date}, commit ${machine.commit}`,
  );
  if (obstacle !== null) say(`kernel zram takes no part: ${obstacle}`);
  if (values.smoke) say("smoke size: these figures mean nothing");
  const parts = values.only.split(",").filter((part) => part !== "");
  const results =
    obstacle === null
      ? await withZram((device) => run(device, values.smoke, parts))
      : await run(null, values.smoke, parts);
  const report: Report = {
    schema: 1,
    command: "bench",
    options: { smoke: values.smoke },
    machine,
    rivals_missing: obstacle === null ? [] : [`kernel zram: ${obstacle}`],
    results,
  };
  const folder = new URL("./results/", import.meta.url);
  mkdirSync(folder, { recursive: true });
  const file = `bench${values.smoke ? "-smoke" : ""}-${machine.date}.json`;
  writeFileSync(new URL(file, folder), `${JSON.stringify(report, null, 2)}\n`);
  say(`\nbench/results/${file}`);
}
