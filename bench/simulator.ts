/**
 * The simulator at size: 10 GiB of guests that build kernels, on one core. For each scanner how many pages it visits a
 * second of its own real time, and what the whole run takes, guests and all.
 */

import { stopwatchClock } from "../src/base/clock.ts";
import { checkScenario } from "../src/simulator/scenario/check.ts";
import { runSimulation } from "../src/simulator/simulation.ts";
import { settle } from "./measure.ts";

/** Scanners, each as fast as virtual time lets it be. */
const SCANNERS = [
  { kind: "linear", smart_scan: 0, pages_to_scan: 100_000 },
  { kind: "hinted", smart_scan: 0, pages_to_scan: 100_000 },
  { kind: "random", pages_to_scan: 100_000 },
  { kind: "idle-hash", period_seconds: 5, idle_share: 1 },
  { kind: "daemon", pages_per_run: 500_000 },
] as const;

export interface SimulatorRow {
  readonly scanner: string;
  readonly guests_bytes: number;
  readonly visits: number;
  /** Of the scanner's own time. */
  readonly visits_per_second: number;
  /** The whole run: seconds of the simulation, and real ones. */
  readonly simulated_seconds: number;
  readonly real_seconds: number;
  readonly rss_bytes: number;
}

/** `guests` guests of 512 MiB each for `seconds`. */
export async function runSimulator(size: {
  readonly guests: number;
  readonly seconds: number;
}): Promise<SimulatorRow[]> {
  const rows: SimulatorRow[] = [];
  for (const scanner of SCANNERS) {
    const scenario = checkScenario(
      {
        seconds: size.seconds,
        host: { memory: `${size.guests * 512 + 64}M`, cores: 2 * size.guests },
        guests: [
          {
            name: "build",
            count: size.guests,
            memory: "512M",
            workload: { kind: "kernel-build", skew_seconds: 0 },
          },
        ],
        scanner,
      },
      "bench",
    );
    let scanSeconds = 0;
    const { kind } = scenario.scanner;
    const timed: typeof scenario = {
      ...scenario,
      scanner: {
        ...scenario.scanner,
        kind: {
          ...kind,
          create(options) {
            const made = kind.create(options);
            const wake = made.wake.bind(made);
            made.wake = (now) => {
              const start = stopwatchClock.seconds();
              const next = wake(now);
              scanSeconds += stopwatchClock.seconds() - start;
              return next;
            };
            return made;
          },
        },
      },
    };
    await settle();
    const start = stopwatchClock.seconds();
    const { result } = await runSimulation(timed, { name: scanner.kind, settings: {}, seed: 1 });
    rows.push({
      scanner: scanner.kind,
      guests_bytes: size.guests * 2 ** 29,
      visits: result.scanner.visits,
      visits_per_second: result.scanner.visits / scanSeconds,
      simulated_seconds: size.seconds,
      real_seconds: stopwatchClock.seconds() - start,
      rss_bytes: process.memoryUsage.rss(),
    });
  }
  return rows;
}
