/**
 * Tasks on all contestants in one run: in a round each task is measured on one after the other, every other round in
 * the opposite order.
 */

import { median } from "../measure.ts";
import type { Figure, Ratio } from "../nbd/load.ts";

/** Something to measure, which may give several figures; each is a rate, more is better. */
export interface Task<Contestant> {
  readonly figures: readonly FigureKind[];
  /** Before each round. */
  renew?(): Promise<void>;
  measure(contestant: Contestant): Promise<readonly number[]>;
}

interface FigureKind {
  readonly name: string;
  /** The least that ours over each rival's is to be; null where it is shown for what it is. */
  readonly bound: number | null;
}

export interface RateRow {
  readonly name: string;
  readonly unit: "requests/s";
  readonly figures: readonly Figure[];
  readonly ratios: readonly Ratio[];
}

/** Rows in the order of the tasks' figures; the first contestant is ours. */
export async function raceTasks<Contestant extends { readonly name: string }>(
  tasks: readonly Task<Contestant>[],
  options: {
    readonly contestants: readonly Contestant[];
    readonly rounds: number;
    readonly onRound: (round: number) => void;
  },
): Promise<RateRow[]> {
  const { contestants, rounds, onRound } = options;
  /** By task, by figure, by contestant, by round. */
  const values = tasks.map(({ figures }) => figures.map(() => contestants.map((): number[] => [])));
  for (let round = 0; round < rounds; round++) {
    onRound(round);
    const last = contestants.length - 1;
    for (const [at, task] of tasks.entries()) {
      await task.renew?.();
      for (let step = 0; step <= last; step++) {
        const index = round % 2 === 0 ? step : last - step;
        const measured = await task.measure(contestants[index]!);
        for (const [figure, value] of measured.entries()) values[at]![figure]![index]!.push(value);
      }
    }
  }
  const names = contestants.map(({ name }) => name);
  return tasks.flatMap(({ figures }, at) =>
    figures.map((kind, figure) => rowOf(kind, names, values[at]![figure]!)),
  );
}

function rowOf(
  { name, bound }: FigureKind,
  servers: readonly string[],
  values: readonly (readonly number[])[],
): RateRow {
  const figures = servers.map((server, index): Figure => {
    const own = values[index]!;
    return {
      server,
      values: own,
      median: median(own),
      least: Math.min(...own),
      most: Math.max(...own),
    };
  });
  const [ours, ...rivals] = figures;
  const ratios = rivals.map((rival): Ratio => {
    const ratio = median(ours!.values.map((value, round) => value / rival.values[round]!));
    return { rival: rival.server, ratio, bound, is_met: bound === null ? null : ratio >= bound };
  });
  return { name, unit: "requests/s", figures, ratios };
}
