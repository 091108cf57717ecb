/** A run over time: rows of figures, taken at moments of the simulation, and what they say over the whole of it. */

import type { VariantSeries } from "../report/simulate-result.ts";

export class Samples {
  readonly #columns = new Map<string, number[]>();
  #rows = 0;

  get rows(): number {
    return this.#rows;
  }

  /** Adds a row; every row has the same columns. */
  add(row: Readonly<Record<string, number>>): void {
    for (const [name, value] of Object.entries(row)) {
      const column = this.#columns.get(name);
      if (column === undefined) this.#columns.set(name, [value]);
      else column.push(value);
    }
    this.#rows += 1;
  }

  column(name: string): readonly number[] {
    return this.#columns.get(name) ?? [];
  }

  last(name: string): number {
    return this.column(name).at(-1) ?? 0;
  }

  max(name: string): number {
    return this.column(name).reduce((most, value) => Math.max(most, value), 0);
  }

  /** The area under the column, by trapezoids, over the time between first and last row; with one row its value. */
  mean(name: string): number {
    const values = this.column(name);
    const seconds = this.column("seconds");
    const first = seconds[0] ?? 0;
    const time = (seconds.at(-1) ?? 0) - first;
    if (time <= 0) return this.last(name);
    let area = 0;
    for (let row = 1; row < values.length; row++) {
      area += ((values[row]! + values[row - 1]!) / 2) * (seconds[row]! - seconds[row - 1]!);
    }
    return area / time;
  }

  series(name: string): VariantSeries {
    return { name, columns: Object.fromEntries(this.#columns) };
  }
}
