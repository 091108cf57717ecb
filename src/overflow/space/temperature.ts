/**
 * Which records will die soon, told nothing: from how long the contents before lived, and how long these have lived
 * already, as SepBIT infers it (Wang and others, FAST 2022: the lifespan of what is overwritten for new writes, age for
 * survivors).
 */
export interface TemperatureOptions {
  readonly records: number;
  readonly classes: number;
  /** Steps between classes, and where the first ends, in writes. */
  readonly first: number;
  readonly step: number;
  readonly weight: number;
  readonly ageWeight: number;
}

export class Temperature {
  readonly #options: TemperatureOptions;
  readonly #writtenAt: Float64Array;
  readonly #interval: Float32Array;
  #clock = 0;

  constructor(options: TemperatureOptions) {
    this.#options = options;
    this.#writtenAt = new Float64Array(options.records);
    this.#interval = new Float32Array(options.records).fill(-1);
  }

  written(record: number): number {
    const clock = ++this.#clock;
    const lived = clock - this.#writtenAt[record]!;
    const before = this.#interval[record]!;
    const interval = before < 0 ? lived : before + (lived - before) * this.#options.weight;
    this.#interval[record] = interval;
    this.#writtenAt[record] = clock;
    return this.#classOf(interval);
  }

  survived(record: number): number {
    const age = this.#clock - this.#writtenAt[record]!;
    return this.#classOf(Math.max(this.#interval[record]!, age * this.#options.ageWeight));
  }

  #classOf(interval: number): number {
    const { first, step, classes } = this.#options;
    let end = first;
    for (let each = 0; each < classes - 1; each++) {
      if (interval < end) return each;
      end *= step;
    }
    return classes - 1;
  }
}
